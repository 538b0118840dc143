"""Queues: no message is lost between the thread that sends and the one that deletes; numbers never fall.

In: SQS actions on the event loop, receipts and deletions of mappings in their own threads. Always: one at a
time. Ministack locks only the mappings' half; a message sent while a batch was being deleted went with it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from local.ministack.patch import around, module, present, put

ACTIONS = ("SendMessage", "DeleteMessage", "PurgeQueue", "ChangeMessageVisibility")
STEPS = (
    "_act_send_message",
    "_act_delete_message",
    "_act_purge_queue",
    "_act_change_visibility",
    "_collect_msgs",
    "_dlq_sweep",
    "_expire_retained",
    "_prune_dedup",
)


def apply() -> None:
    queues = module("services.sqs")
    present(queues, "_HANDLERS", "_receive_messages_for_esm", "_delete_messages_for_esm")
    lock = threading.RLock()
    put(queues, "_queues_lock", lock)

    def alone(original: Any, *args: Any) -> Any:
        with lock:
            return original(*args)

    for step in STEPS:
        table = next(
            (name for name, action in queues._HANDLERS.items() if action is getattr(queues, step)), None
        )
        around(queues, step)(alone)
        if table is not None:
            queues._HANDLERS[table] = getattr(queues, step)
    for action in ACTIONS:
        present(queues._HANDLERS[action], "__wrapped__")
    _prune_seldom(queues)
    _number_by_time(queues)
    _move_to_port(queues)


def _prune_seldom(queues: Any) -> None:
    """Deduplication ids are swept once a second, not copied whole for each message sent."""
    swept: dict[int, float] = {}

    @around(queues, "_prune_dedup")
    def prune(original: Any, queue: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - swept.get(id(queue), 0.0) >= 1.0:
            if len(swept) > 1_000:
                swept.clear()
            swept[id(queue)] = now
            original(queue)


def _number_by_time(queues: Any) -> None:
    """A FIFO queue's sequence numbers go on rising when it is made anew, or comes back from an older save.

    Ministack counts from nought; a consumer that knows what it has by these numbers would take what is sent
    next for old.
    """
    present(queues, "_get_q")

    @around(queues, "_act_send_message")
    def send(original: Any, data: dict[str, Any], url: str) -> Any:
        queue = queues._get_q(data.get("QueueUrl", url), "sqs:SendMessage")
        if queue["is_fifo"]:
            queue["fifo_seq"] = max(queue["fifo_seq"], time.time_ns() // 1_000)
        return original(data, url)

    queues._HANDLERS["SendMessage"] = queues._act_send_message


def _move_to_port(queues: Any) -> None:
    """Queues that were saved at one port are found at another.

    Ministack keeps them by their address, port and all; a mapping asks for the address of now, and would
    never see a message.
    """
    present(queues, "_queues", "_queue_name_to_url", "_rebuild_queue_name_index", "_queue_url_for_account")

    @around(queues, "load_persisted_state")
    def load(original: Any, data: Any) -> None:
        original(data)
        for (account, region, address), queue in list(queues._queues.all_items()):
            now = queues._queue_url_for_account(account, queue["name"])
            if now != address:
                queues._queues.pop_scoped(account, region, address, None)
                queues._queues.set_scoped(account, region, now, {**queue, "url": now})
        queues._queue_name_to_url.clear()
        queues._rebuild_queue_name_index()
