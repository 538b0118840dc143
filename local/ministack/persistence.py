"""What survives a kill: everything that was defined a second ago, and tables' items (`items.py`).

In: calls that change a resource. Out: one JSON file a service in the state's folder, replaced whole, within
about a second. Always: a file is the old one or the new one; the event loop is held only while a small
service's definitions are copied, a twentieth of the time at most.

Not kept: what CloudWatch recorded (log lines and points; groups, filters and alarms are), stream records,
and which deduplication ids a queue has seen. Sessions are kept, so a guest's credentials outlive a restart.

Ministack saves when it is stopped, and only then.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from local.ministack.items import Items
from local.ministack.patch import around, module, present, put

SAVE_S = 0.5
RETRY_S = 5.0
SHARE = 20  # copying definitions holds the loop one part in this many of the time at most

READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Lookup", "Filter", "Search")
MAKES_ALL_THE_SAME = frozenset(
    {"GetId", "GetCredentialsForIdentity", "GetOpenIdToken", "GetSessionToken", "GetFederationToken"}
)
ITEMS = frozenset(
    {
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "TransactGetItems",
        "PutMetricData",
        "PutLogEvents",
    }
)
CALLS = ("/invocations", "/invoke-async")

log = logging.getLogger("tickwire.persistence")


class Keeper:
    """Saves what changed; `run` is a task on the server's loop."""

    def __init__(self, state: Path) -> None:
        self._app, self._disk = module("app"), module("core.persistence")
        present(self._app, "SERVICE_HANDLERS", "SERVICE_REGISTRY", "_build_persistence_save_dict")
        present(self._disk, "save_state", "load_state")
        self._items = Items(state / "items.sqlite")
        self._changed: set[str] = set()
        self._prune: Callable[[], None] | None = None

    def install(self) -> None:
        _slim(
            module("services.dynamodb"),
            module("services.sqs"),
            module("services.cloudwatch_logs"),
            module("services.cloudwatch"),
        )
        self._keep_sessions()
        self._prune_code_last()
        for service in list(self._app.SERVICE_HANDLERS):
            self._notice(service)

        @around(module("services.sqs"), "_delete_messages_for_esm")
        def delete(original: Any, *args: Any) -> None:
            original(*args)
            self._changed.add("sqs")

        @around(self._app, "_load_persisted_state")
        def load(original: Any) -> None:
            original()
            sessions = self._disk.load_state("sts")
            if sessions:
                module("services.sts")._sessions.update(sessions)
            self._items.restore()
            self._items.watch()

        @around(self._app, "save_all")
        def save_all(original: Any, services: dict[str, Any]) -> None:
            original(services)
            self._items.write()

    def _keep_sessions(self) -> None:
        sessions = module("services.sts")
        present(sessions, "_sessions")
        sessions.get_state = lambda: copy.deepcopy(sessions._sessions)

        @around(self._app, "_build_persistence_save_dict")
        def build(original: Any) -> dict[str, Any]:
            return {**original(), "sts": sessions.get_state}

        @around(sessions, "register_session")
        def register(original: Any, *args: Any) -> None:
            original(*args)
            self._changed.add("sts")

    def _prune_code_last(self) -> None:
        """Old code goes only after the file that no longer names it is in place."""
        functions = module("services.lambda_svc")

        @around(functions, "_prune_orphan_code_blobs")
        def prune(original: Any, referenced: set[str]) -> None:
            self._prune = lambda: original(referenced)

    def _notice(self, service: str) -> None:
        registry = self._app.SERVICE_REGISTRY[service]
        main = registry.get("state_key", registry["module"])
        names = {main, *registry.get("sub_modules", ())}
        handler = self._app.SERVICE_HANDLERS[service]

        async def handled(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
            answer = await handler(method, path, headers, body, query)
            if answer[0] < 400 and _changes(method, path, headers, body, query):
                self._changed.update(names)
            return answer

        self._app.SERVICE_HANDLERS[service] = handled

    async def run(self) -> None:
        """Save what changed, again and again, until cancelled."""
        await asyncio.gather(_again(self._save_definitions), _again(self._save_items))

    def load(self) -> None:
        """Restore what was saved; the server does it when it starts."""
        self._app._load_persisted_state()

    async def save(self) -> None:
        """Save everything that changed, now."""
        await self._save_definitions()
        await self._save_items()

    async def _save_definitions(self) -> float:
        names, self._changed = self._changed, set()
        states = self._app._build_persistence_save_dict()
        held_s = 0.0
        try:
            for name in sorted(names & states.keys()):
                began = time.monotonic()
                state = states[name]()  # on the loop: no handler changes it meanwhile
                held_s += time.monotonic() - began
                if state is not None:
                    await asyncio.to_thread(self._disk.save_state, name, state)
                names.discard(name)
            if self._prune:
                prune, self._prune = self._prune, None
                await asyncio.to_thread(prune)
        finally:
            self._changed |= names & states.keys()
        return SHARE * held_s

    async def _save_items(self) -> float:
        began = time.monotonic()
        await asyncio.to_thread(self._items.write)
        return time.monotonic() - began


async def _again(save: Callable[[], Awaitable[float]]) -> None:
    """Call it for ever, after the pause that it asks for; a full disk must not end the server, nor the
    saving.
    """
    pause_s = SAVE_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            pause_s = max(SAVE_S, await save())
        except Exception as error:
            log.error("not saved (%s: %s); tried again shortly", type(error).__name__, error)
            pause_s = RETRY_S


def _changes(method: str, path: str, headers: Any, body: bytes, query: Any) -> bool:
    """Whether a call may have changed a resource's definition. In doubt it has."""
    action = headers.get("x-amz-target", "").rpartition(".")[2] or (query.get("Action") or [""])[0]
    if not action and body[:7] == b"Action=":
        action = body[7:].split(b"&", 1)[0].decode("ascii", "replace")
    if not action:
        return (
            method not in ("GET", "HEAD", "OPTIONS")
            and not path.endswith(CALLS)
            and not path.startswith("/topics/")
        )
    return action in MAKES_ALL_THE_SAME or not (action in ITEMS or action.startswith(READS))


def _slim(tables: Any, queues: Any, logs: Any, metrics: Any) -> None:
    """States without what is kept elsewhere, or not at all."""
    scoped = module("core.responses").AccountRegionScopedDict
    rest = (
        "tags",
        "ttl_settings",
        "pitr_settings",
        "kinesis_destinations",
        "contributor_insights",
        "backups",
        "resource_policies",
        "exports",
        "imports",
    )
    present(tables, *(f"_{name}" for name in rest), "_INDEX_MEMBERS")

    def table_definitions() -> dict[str, Any]:
        kept = scoped()
        for key, table in tables._tables.all_items():
            kept._data[key] = copy.deepcopy(_without(table, tables._INDEX_MEMBERS, "items")) | {"items": {}}
        return {"tables": kept, **{name: copy.deepcopy(getattr(tables, f"_{name}")) for name in rest}}

    def queue_definitions() -> dict[str, Any]:
        kept = scoped()
        for key, queue in queues._queues.all_items():
            kept._data[key] = copy.deepcopy(_without(queue, "messages", "dedup_cache")) | {
                "messages": [dict(message) for message in list(queue["messages"])],
                "dedup_cache": {},
            }
        return {"queues": kept, "queue_name_to_url": copy.deepcopy(queues._queue_name_to_url)}

    put(tables, "get_state", table_definitions)
    put(queues, "get_state", queue_definitions)

    @around(logs, "get_state")
    def without_lines(original: Any) -> dict[str, Any]:
        kept = scoped()
        for key, group in logs._log_groups.all_items():
            kept._data[key] = {**_without(group, "streams"), "streams": {}}
        groups, logs._log_groups = logs._log_groups, kept
        try:
            return dict(original())
        finally:
            logs._log_groups = groups

    @around(metrics, "get_state")
    def without_points(original: Any) -> dict[str, Any]:
        points, metrics._metrics = metrics._metrics, scoped()
        try:
            return dict(original())
        finally:
            metrics._metrics = points


def _without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in names}
