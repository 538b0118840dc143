"""Lambda code: event in, domain call, ports out. Entry points are feed, ingest, query and door."""
