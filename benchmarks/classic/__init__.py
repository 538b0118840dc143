"""The classic design for live prices, to compare with: a connection table and a broadcast loop.

API Gateway keeps the WebSockets; a DynamoDB table says which connection wants which symbol; functions keep
that table; a broadcast function, fed by the queue, asks it for a tick's connections and posts to each.
`handlers.py` is the functions' code, `setup.py` puts it all on an AWS account, here a local one.

It does less than ingest: it numbers nothing and stores nothing.
"""

from __future__ import annotations
