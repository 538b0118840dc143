"""Items on their way from the connections' threads to whoever iterates.

In: items and events in order, from threads that hold `lock`. Out: the same to one reader. What always holds:
memory is bounded whatever the reader does, and nothing is left out without being counted.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

from tickwire_client.errors import SlowReaderError
from tickwire_client.events import Dropped, Event, Gap, Status

Overflow: TypeAlias = Literal["conflate", "drop_oldest", "block", "error"]
BLOCKED_S = 1.0  # between looks whether a reader that is waited for is still there

T = TypeVar("T")


@dataclass(slots=True)
class Counters:
    """What happened so far. Counted without a lock of their own: close enough to show, not to bill by."""

    received: int = 0
    duplicates: int = 0
    conflated: int = 0
    dropped: int = 0
    gaps: int = 0
    filled: int = 0
    undecodable: int = 0
    reconnects: int = 0


class Buffer(Generic[T]):
    """At most `size` items. What happens to the next one is the overflow policy:

    None: the newest of each key from then on, until the reader has caught up, which `Dropped` announces.
    conflate: never more than the newest of each key. drop_oldest: it takes the place of the oldest. block:
    the writer waits. error: the stream ends once the reader has had what is here.
    `wake` is called when there is something for a reader that found nothing.
    """

    def __init__(
        self,
        *,
        size: int,
        overflow: Overflow | None,
        events: bool,
        counters: Counters,
        key: Callable[[T], Hashable],
        merge: Callable[[T, T], T],
        wake: Callable[[], None],
    ) -> None:
        if type(size) is not int or size < 1:
            raise ValueError(f"maxsize is {size!r}; expected 1 or more items")
        if overflow is not None and overflow not in get_args(Overflow):
            expected = ", ".join(map(repr, get_args(Overflow)))
            raise ValueError(f"overflow is {overflow!r}; expected None or one of {expected}")
        self.lock = threading.Lock()
        self._room = threading.Condition(self.lock)
        self.ended = False
        """Takes nothing any more."""
        self._size, self._overflow, self._events = size, overflow, events
        self._counters, self._key, self._merge, self._wake = counters, key, merge, wake
        self._fifo = overflow is None or overflow == "block"
        self._queue: deque[T | Event] = deque()
        self._newest: OrderedDict[Hashable, T | Event] = OrderedDict()  # while the queue has been full
        self._left_out = 0  # since the reader was told
        self._waiting = False
        self._room_wanted: Callable[[], None] | None = None
        self._ended: BaseException | None = None

    @property
    def full(self) -> bool:
        return len(self._queue) >= self._size

    @property
    def blocks(self) -> bool:
        """Whether a writer has to wait before it puts anything. Without the lock: it may have to wait yet."""
        return self._overflow == "block" and len(self._queue) >= self._size

    def wait_for_room(self) -> None:
        """Hold the writer's thread up until the reader has taken something, or the stream has ended."""
        while self.blocks and self._ended is None:
            self._room_wanted = self._room_wanted or self._room.notify_all
            self._room.wait(BLOCKED_S)

    def when_room(self, call: Callable[[], None]) -> None:
        """Call once half of the places are free."""
        self._room_wanted = call
        if len(self._queue) <= self._size // 2:
            call()

    def push(self, items: Sequence[T]) -> None:
        """As `put`, for items without events: while all goes well, in as few steps as can be."""
        if self._fifo and not self._newest and len(self._queue) + len(items) <= self._size:
            self._queue.extend(items)
            if self._waiting:
                self._waiting = False
                self._wake()
        else:
            self.put(items)

    def put(self, items: Sequence[T | Event]) -> None:
        """Take items, by the policy. The caller holds the lock."""
        queue = self._queue
        if self._ended is not None:
            self._left_out += len(items)
            return
        if not self._events:
            items = [item for item in items if not isinstance(item, Gap)]
        if self._fifo and not self._newest and len(queue) + len(items) <= self._size:
            queue.extend(items)
        else:
            for item in items:
                self._place(item)
        if self._waiting and (queue or self._newest or self._ended is not None):
            self._waiting = False
            self._wake()

    def take(self) -> T | Event | None:
        """The next item; None asks the reader to wait for `wake`. After the last, raises what ended it."""
        try:
            if self._left_out and self._overflow == "drop_oldest":
                return self._told()
            item = self._queue.popleft()  # atomic: no lock while all goes well
        except IndexError:
            return self._look()
        if self._room_wanted is not None and len(self._queue) <= self._size // 2:
            self._tell_room()
        return item

    def rest(self) -> None:
        """The reader looks again by itself: `wake` isn't called for what comes meanwhile."""
        with self.lock:
            self._waiting = False

    def end(self, error: BaseException) -> None:
        """Take nothing more; the reader gets what is here, then `error`. The first end counts."""
        with self.lock:
            self._ended = self._ended or error
            self.ended = True
            waiting, self._waiting = self._waiting, False
            self._room.notify_all()
        if waiting:
            self._wake()

    def _look(self) -> T | Event | None:
        with self.lock:
            if self._queue:
                return self._queue.popleft()
            if self._newest:
                if self._overflow == "conflate":
                    return self._newest.popitem(last=False)[1]
                if self._left_out and self._events:
                    self._queue.append(Dropped(self._left_out))
                self._left_out = 0
                self._queue.extend(self._newest.values())
                self._newest.clear()
                return self._queue.popleft()
            if self._ended is not None:
                if isinstance(self._ended, SlowReaderError):
                    raise SlowReaderError(kept=self._size, missed=self._left_out)
                raise self._ended
            self._waiting = True
            return None

    def _place(self, item: T | Event) -> None:
        """One at a time, once the queue is full or the policy isn't a queue."""
        if self._overflow == "conflate":
            self._replace(item)
        elif not self._fifo:
            self._crowd(item)
        elif not self._newest and len(self._queue) < self._size:
            self._queue.append(item)
        elif self._overflow == "block" and not isinstance(item, Status):
            self._queue.append(item)  # the rest of a message: the writer waits before the next
        else:
            self._replace(item)

    def _replace(self, item: T | Event) -> None:
        """Keep it as the newest of its key. Of events only the newest status is kept."""
        if isinstance(item, Status):
            self._newest[Status] = item
            return
        if isinstance(item, Gap | Dropped):
            self._left_out += 1
            return
        key = self._key(item)
        old = self._newest.get(key)
        if old is not None:
            self._counters.conflated += 1
            self._left_out += 1
            item = self._merge(old, item)  # type: ignore[arg-type]
        self._newest[key] = item

    def _crowd(self, item: T | Event) -> None:
        """Drop the oldest for it, or the stream because of it."""
        if len(self._queue) < self._size:
            self._queue.append(item)
            return
        if self._overflow == "error":
            self._leave_out()
            self._ended = SlowReaderError(kept=self._size, missed=1)
            self.ended = True
            return
        with contextlib.suppress(IndexError):  # the reader, which takes without the lock, has just taken it
            self._queue.popleft()
            self._leave_out()
        self._queue.append(item)

    def _leave_out(self) -> None:
        self._left_out += 1
        self._counters.dropped += 1

    def _told(self) -> T | Event:
        with self.lock:
            left_out, self._left_out = self._left_out, 0
        return Dropped(left_out) if self._events else self._queue.popleft()

    def _tell_room(self) -> None:
        with self.lock:
            call, self._room_wanted = self._room_wanted, None
            self._room.notify_all()  # a writer may wait besides whoever asked to be called
            if call is not None:
                call()
