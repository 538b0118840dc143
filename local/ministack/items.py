"""Tables' items on disk: each change within a second, at the cost of the change.

In: items as DynamoDB sets and removes them. Out: a SQLite file, and the same items after a restart. Always:
a killed server loses the last second at most and never half a write; the event loop only notes which item
changed, a thread of its own writes; nothing but the changes is written again.

Ministack saves all tables as one JSON text, when it's stopped.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

from local.ministack.patch import around, module, present

_SCHEMA = """
create table if not exists item (table_id text, key text, body text not null, primary key (table_id, key))
without rowid
"""


class Items:
    """The file, and what has changed since it was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables = module("services.dynamodb")
        self._changed: dict[tuple[str, str], Any] = {}  # (table, key) -> the item, or None when it is gone
        self._replaced: dict[str, Any] = {}  # tables whose items were exchanged as a whole
        self._noting, self._writing = threading.Lock(), threading.Lock()
        self._known: frozenset[str] = frozenset()
        with contextlib.closing(self._open()) as file, file:
            file.execute(_SCHEMA)

    def _open(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, timeout=10)
        # A process that is killed loses nothing this way; a machine that loses power may lose the newest
        # seconds.
        file.execute("pragma journal_mode=wal")
        file.execute("pragma synchronous=off")
        return file

    def restore(self) -> None:
        """Put the stored items into the tables that ministack has just restored without them.

        Items of tables that are no more are dropped: a kill between two files can leave some behind.
        """
        owners = {table["TableId"]: table for table in self._tables._tables.all_values()}
        with contextlib.closing(self._open()) as file:
            for table_id, body in file.execute("select table_id, body from item"):
                table = owners.get(table_id)
                if table is None:
                    continue
                item = json.loads(body)
                value = self._tables._extract_key_val
                sort = value(item[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
                table["items"][value(item[table["pk_name"]])][sort] = item
        for table in owners.values():
            self._tables._items_replaced(table)
        self._known = frozenset(owners)
        with contextlib.closing(self._open()) as file, file:
            for (table_id,) in file.execute("select distinct table_id from item").fetchall():
                if table_id not in owners:
                    file.execute("delete from item where table_id = ?", (table_id,))

    def watch(self) -> None:
        """Note every change from now on."""
        tables = self._tables
        present(tables, "_extract_key_val")

        @around(tables, "_set_item")
        def set_item(original: Any, table: dict[str, Any], pk: Any, sk: Any, item: Any) -> Any:
            self._note((table["TableId"], repr((pk, sk))), item)
            return original(table, pk, sk, item)

        @around(tables, "_remove_item")
        def remove_item(original: Any, table: dict[str, Any], pk: Any, sk: Any) -> Any:
            self._note((table["TableId"], repr((pk, sk))), None)
            return original(table, pk, sk)

        @around(tables, "_items_replaced")
        def replaced(original: Any, table: dict[str, Any]) -> None:
            original(table)
            self._replaced[table["TableId"]] = table

    def _note(self, key: tuple[str, str], item: Any) -> None:
        with self._noting:
            self._changed[key] = item

    def write(self) -> int:
        """Write what changed since the last time, all or nothing; how many items that were."""
        with self._writing:
            with self._noting:
                changed, self._changed = self._changed, {}
                replaced, self._replaced = self._replaced, {}
            existing = frozenset(table["TableId"] for table in self._tables._tables.all_values())
            gone = self._known - existing
            if not (changed or replaced or gone):
                self._known = existing
                return 0
            try:
                self._write(changed, replaced, gone, existing)
            except BaseException:
                with self._noting:  # nothing was written: the next time has to
                    self._changed = {**changed, **self._changed}
                    self._replaced = {**replaced, **self._replaced}
                raise
            self._known = existing
            return len(changed)

    def _write(
        self,
        changed: dict[tuple[str, str], Any],
        replaced: dict[str, Any],
        gone: frozenset[str],
        existing: frozenset[str],
    ) -> None:
        put = "insert or replace into item values (?, ?, ?)"
        with contextlib.closing(self._open()) as file, file:
            file.executemany(
                "delete from item where table_id = ?", [(table,) for table in (*gone, *replaced)]
            )
            for table_id, table in replaced.items():
                file.executemany(
                    put,
                    [
                        (table_id, repr((pk, sk)), _text(item))
                        for pk, under in list(table["items"].items())
                        for sk, item in list(under.items())
                    ],
                )
            file.executemany(
                "delete from item where table_id = ? and key = ?",
                [key for key, item in changed.items() if item is None],
            )
            file.executemany(
                put,
                [
                    (*key, _text(item))
                    for key, item in changed.items()
                    if item is not None and key[0] in existing
                ],
            )


def _text(item: Any) -> str:
    return json.dumps(item, separators=(",", ":"))
