"""`python -m tickwire_client` is the `tickwire` command."""

from __future__ import annotations

from tickwire_client.cli import main

main()
