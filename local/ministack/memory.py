"""What would grow for ever, doesn't.

In: ministack's stores that are only ever added to. Out: the same, bounded: a table's stream keeps
`STREAM_S` of records and `STREAM_RECORDS_MAX` at most (AWS: 24 hours), presence of the newest `CLIENTS_MAX`
MQTT clients. Always: what goes is the oldest. (Log streams and metrics: `functions.py`. Items: their own
time to live.)
"""

from __future__ import annotations

from typing import Any

from local.ministack.patch import around, module, present, put

STREAM_S = 300
STREAM_RECORDS_MAX = 10_000
CLIENTS_MAX = 2_000


def apply() -> None:
    tables, iot = module("services.dynamodb"), module("services.iot")
    put(tables, "_STREAM_RETENTION_SECONDS", STREAM_S)
    present(tables, "_stream_records", "_stream_trimmed")

    @around(tables, "_trim_stream_records")
    def trim(original: Any, table: str, *, account_id: Any = None, region: Any = None) -> None:
        original(table, account_id=account_id, region=region)
        if account_id is None or region is None:
            account_id, region = tables.get_account_id(), tables.get_region()
        records = tables._stream_records.get_scoped(account_id, region, table) or []
        surplus = len(records) - STREAM_RECORDS_MAX
        if surplus > 0:
            surplus += STREAM_RECORDS_MAX // 10
            del records[:surplus]
            trimmed = tables._stream_trimmed.get_scoped(account_id, region, table, 0)
            tables._stream_trimmed.set_scoped(account_id, region, table, trimmed + surplus)

    present(iot, "_connectivity", "_presence_versions", "_connected_clients")

    @around(iot, "_deregister_client")
    def deregister(original: Any, *args: Any) -> Any:
        gone = original(*args)
        for store in (iot._connectivity, iot._presence_versions):
            surplus = len(store) - CLIENTS_MAX - len(iot._connected_clients)
            for key in [key for key in list(store)[: max(0, surplus)] if key not in iot._connected_clients]:
                del store[key]
        return gone
