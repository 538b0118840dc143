"""Event source mappings: woken at once, batching windows honoured, positions that survive a restart.

In: ministack's poller of queues and streams. Out: the same calls of the same functions, on time. Always: a
mapping with a window is called at most once a window unless a whole batch waits, and no later than the
window after that.
"""

from __future__ import annotations

import time
from typing import Any

from local.ministack.patch import around, module, present, put

IDLE_GAP_S = 0.002


def apply() -> None:
    functions = module("services.lambda_svc")
    put(functions, "_ESM_IDLE_WAKE_GAP_SECONDS", IDLE_GAP_S)
    put(functions, "_esm_wake", _Wake(functions._esm_wake, functions._esm_backoff_until))
    _windows(functions)
    _groups(functions)
    _positions(functions)


class _Wake:
    """The poller's alarm clock: as before, but it also rings when a mapping's pause is over.

    Before, a pause was noticed up to a second late, at the next idle look.
    """

    def __init__(self, event: Any, paused_until: Any) -> None:
        self._event, self._paused_until = event, paused_until
        self.set, self.clear = event.set, event.clear

    def wait(self, timeout: float) -> bool:
        now = time.time()
        left = [until - now for until in self._paused_until.all_values() if until > now]
        return bool(self._event.wait(min([timeout, *left]))) or bool(left and min(left) <= timeout)


def _windows(functions: Any) -> None:
    """After a pass that called a stream's function, pause its mapping for its window."""
    called: dict[tuple[str, str, str], float] = {}

    @around(functions, "_apply_filter_criteria")
    def about_to_call(original: Any, records: list[Any], mapping: dict[str, Any]) -> Any:
        kept = original(records, mapping)
        window_s = mapping.get("MaximumBatchingWindowInSeconds") or 0
        full = len(records) >= (mapping.get("BatchSize") or 100)
        if kept and window_s and not full and ":sqs:" not in mapping.get("EventSourceArn", ""):
            called[functions.get_account_id(), functions.get_region(), mapping["UUID"]] = float(window_s)
        return kept

    def after_pass(original: Any) -> bool:
        called.clear()
        began = time.time()
        processed = bool(original())
        for (account, region, mapping), window_s in called.items():
            paused = functions._esm_backoff_until.get_scoped(account, region, mapping, 0)
            functions._esm_backoff_until.set_scoped(account, region, mapping, max(paused, began + window_s))
        return processed

    around(functions, "_poll_dynamodb_streams")(after_pass)
    around(functions, "_poll_kinesis")(after_pass)


def _groups(functions: Any) -> None:
    """Several batches of a FIFO queue at once, as its mapping allows.

    Ministack takes one at a time for fear of reordering a group; but no message of a group is handed out
    while another of the same group is away (`sqs._collect_fifo`), so two batches never share one.
    """
    present(functions, "_reserved_concurrency")
    present(module("services.sqs"), "_collect_fifo")

    @around(functions, "_sqs_esm_concurrency")
    def concurrency(
        original: Any, mapping: dict[str, Any], record: Any, config: Any, queue: Any = None
    ) -> int:
        return int(original(mapping, record, config, {**(queue or {}), "is_fifo": False}))


def _positions(functions: Any) -> None:
    """A table's stream starts empty after a restart, so its readers start at nought.

    Ministack keeps their positions but not the records, and a reader then sleeps until as many have come
    again.
    """
    present(functions, "_dynamodb_stream_positions")

    @around(functions, "load_persisted_state")
    def load(original: Any, data: Any) -> None:
        data = {**data, "dynamodb_stream_positions": {}}
        original(data)
        for (account, region, mapping), record in functions._esms.all_items():
            if ":dynamodb:" in record.get("EventSourceArn", ""):
                functions._dynamodb_stream_positions.set_scoped(account, region, mapping, 0)
