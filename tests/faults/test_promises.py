"""What ingest promises, under whatever order of deliveries, crashes and clocks that hypothesis finds.

Two functions take a queue's messages, a call at a time: each of their calls of table, broker and dead letters
may be refused, lose its answer or be the last. Here stand a table, a broker and a FIFO queue in memory; the
rest is the code that runs in production.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from handlers import broker, events, history, ingest
from handlers.history import History
from tests.faults.fates import KILLED_AFTER, KILLED_BEFORE, LOST, OK, REFUSED
from tests.faults.steps import Port, Stepped
from tests.faults.table import Table
from tickwire import wire
from tickwire.topic import Topics

SYMBOLS = ("AAPL", "MSFT")
FUNCTIONS = 2
TIMEOUT_MS = 6_000
VISIBILITY_MS = 12_000
PAUSE_MS = broker.PAUSE_S * 1000  # before a publish is tried again, or given up when that would be too late
START_MS = 1_795_262_400_000 - 70_000  # an hour ends soon
SIZES = (1, 2, 60, 130)
BAD = "{"
PASSED_MS = st.sampled_from([0] * 4 + [50, 1_000, 4_700, 4_900, 13_000])  # since the last thing that happened


@dataclass(slots=True)
class Message:
    """On the queue: a record as Lambda has it, and the prices that it holds; none when it's bad."""

    record: dict[str, Any]
    sent_ms: int
    prices: list[int]
    hidden_until_ms: int = 0


@dataclass(slots=True)
class Delivery:
    symbol: str
    messages: list[Message]
    run: Stepped[ingest.Taken]
    started_ms: int
    wall_back_ms: int
    """How far the function's clock was set back as it began."""
    failures: int = 0
    """Publishes that failed, as far as the function knows."""


@dataclass(slots=True)
class Function:
    """A warm function: what it remembers outlives a delivery, not its end."""

    ports: list[Port]
    take: Any
    delivery: Delivery | None = None


@dataclass(slots=True)
class Heard:
    """What a subscriber of one symbol had."""

    seen: set[int] = field(default_factory=set)
    high: int = 0


class Promises(RuleBasedStateMachine):
    """`patient`: a message that is out comes again after the visibility timeout, as SQS has it, and a
    function ends at its own timeout. Else anything may come again at once, and no time passes: every price
    is fresh."""

    patient = True

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = START_MS
        self.wall_back_ms = self.queue_back_ms = 0
        self.table = Table()
        self.queue: dict[str, list[Message]] = {symbol: [] for symbol in SYMBOLS}
        self.sent: dict[str, list[int]] = defaultdict(list)
        self.heard: dict[str, Heard] = defaultdict(Heard)
        self.bad: set[str] = set()
        self.aside: set[str] = set()
        self.numbers, self.prices = itertools.count(1), itertools.count(1)
        clock = SimpleNamespace(
            time=lambda: (self.now_ms - self.wall_back_ms) / 1000,
            time_ns=lambda: (self.now_ms - self.wall_back_ms) * 1_000_000,
            monotonic=lambda: self.now_ms / 1000,
            sleep=self._sleep,
        )
        modules = (broker, events, history, ingest)
        self.patches: list[Any] = [mock.patch.object(module, "time", clock) for module in modules]
        self.patches += [mock.patch("boto3.client"), mock.patch.object(events, "_write")]
        for patch in self.patches:
            patch.start()
        self.functions = [self._function() for _ in range(FUNCTIONS)]
        self.reader = History("history", keep_s=3600)
        self.reader._table.client = self.table

    # -- what may happen

    @initialize(clocks=st.sets(st.sampled_from(["wall", "queue"])))
    def some_clocks_may_jump(self, clocks: set[str]) -> None:
        self.jumpy = clocks

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        size=st.sampled_from(SIZES),
        bad=st.sampled_from([False] * 4 + [True]),
        passed_ms=PASSED_MS,
    )
    def a_message_is_sent(self, symbol: str, size: int, bad: bool, passed_ms: int) -> None:
        self._pass(passed_ms)
        prices = [] if bad else list(itertools.islice(self.prices, size))
        body = BAD if bad else json.dumps([{"symbol": symbol, "price": price} for price in prices])
        number, sent_ms = next(self.numbers), self.now_ms - self.queue_back_ms
        record: dict[str, Any] = {
            "messageId": f"id-{number}",
            "body": body,
            "attributes": {
                "MessageGroupId": symbol,
                "SequenceNumber": f"{number:020d}",
                "SentTimestamp": str(sent_ms),
            },
        }
        self.queue[symbol].append(Message(record, sent_ms, prices))
        self.sent[symbol] += prices
        if bad:
            self.bad.add(record["messageId"])

    @precondition(lambda self: any(self.queue.values()) or any(f.delivery for f in self.functions))
    @rule(
        which=st.integers(0, FUNCTIONS - 1),
        symbol=st.sampled_from(SYMBOLS),
        count=st.integers(1, 10),
        held_ms=st.sampled_from([0, 0, 0, 11_000]),
        calls=st.sampled_from([0, 1, 2, 3, 4, 5, 20]),
        fate=st.sampled_from([OK] * 4 + [REFUSED, REFUSED, LOST, LOST, KILLED_BEFORE, KILLED_AFTER]),
        passed_ms=PASSED_MS,
    )
    def a_function_goes_on(
        self, which: int, symbol: str, count: int, held_ms: int, calls: int, fate: str, passed_ms: int
    ) -> None:
        """One that is free takes messages; then it makes some calls that succeed, and one with that fate."""
        self._pass(passed_ms)
        function = self.functions[which]
        if not function.delivery:
            self._deliver(function, symbol, count, held_ms if self.patient else 0)
        for each in (*[OK] * calls, fate):
            self._step(function, each)

    @precondition(lambda self: self.patient and "wall" in self.jumpy and not self.wall_back_ms)
    @rule()
    def the_functions_clock_jumps_back_a_minute(self) -> None:
        self.wall_back_ms = 60_000

    @precondition(lambda self: "queue" in self.jumpy and not self.queue_back_ms)
    @rule()
    def the_queues_clock_jumps_back_a_minute(self) -> None:
        self.queue_back_ms = 60_000

    # -- what must hold

    def teardown(self) -> None:
        """The faults are over: what is left on the queue is taken, and all is there once, in order."""
        try:
            for function in self.functions:
                while function.delivery:
                    self._step(function, OK)
            for symbol in SYMBOLS:
                while self.queue[symbol]:
                    self.now_ms += VISIBILITY_MS
                    self._deliver(self.functions[0], symbol, 10, 0)
                    while self.functions[0].delivery:
                        self._step(self.functions[0], OK)
            self._check()
        finally:
            for patch in self.patches:
                patch.stop()

    def _check(self) -> None:
        for symbol in SYMBOLS:
            page = self.reader.after(symbol, 0, limit=1_000_000)
            stored = [(tick.seq, int(tick.price)) for tick in page.ticks] if page else []
            assert stored == list(enumerate(self.sent[symbol], start=1))
            assert [head.seq for head in self.reader.newest([symbol])] == ([len(stored)] if stored else [])
        assert self.aside == self.bad

    def _publish(self, *, topic: str, qos: int, payload: bytes) -> None:
        """What a message says can be fetched by then, and what nobody had yet comes in order."""
        ticks = wire.decode(payload)
        symbol, heard = ticks[0].symbol, self.heard[ticks[0].symbol]
        assert topic == f"prices/{symbol}"
        page = self.reader.after(symbol, ticks[0].seq - 1, limit=len(ticks))
        assert page is not None
        assert page.ticks == ticks
        (head,) = self.reader.newest([symbol])
        assert head.seq >= ticks[-1].seq
        unheard = [tick.seq for tick in ticks if tick.seq not in heard.seen]
        assert not unheard or unheard[0] > heard.high
        heard.seen.update(unheard)
        heard.high = max(heard.seen)

    def _acknowledge(self, delivery: Delivery, taken: ingest.Taken) -> None:
        """Messages that were not handed back leave the queue: what is fresh was said, the rest counted."""
        done = [m for m in delivery.messages if m.record["messageId"] not in taken.back]
        ids = {message.record["messageId"] for message in done}
        self.queue[delivery.symbol] = [
            m for m in self.queue[delivery.symbol] if m.record["messageId"] not in ids
        ]
        seqs = {price: seq for seq, price in enumerate(self.sent[delivery.symbol], start=1)}
        seen = self.heard[delivery.symbol].seen
        silent = [m for m in done if not seen.issuperset(seqs[price] for price in m.prices)]
        unsaid = sum(seqs[price] not in seen for m in silent for price in m.prices)
        assert unsaid <= taken.stale
        if not self.queue_back_ms:  # which makes what is new look old
            wall_ms = self.now_ms - delivery.wall_back_ms
            fresh_ms = broker.FRESH_MS - (PAUSE_MS if delivery.failures else 0)
            assert all(wall_ms - message.sent_ms >= fresh_ms for message in silent)

    # -- how it is done

    def _pass(self, passed_ms: int) -> None:
        if self.patient:
            self.now_ms += passed_ms

    def _deliver(self, function: Function, symbol: str, count: int, held_ms: int) -> None:
        """Always from the first of the group on; `held_ms` is the time before the function is called."""
        waiting = self.queue[symbol]
        if not waiting or (self.patient and waiting[0].hidden_until_ms > self.now_ms):
            return
        batch = waiting[:count]
        for message in batch:
            message.hidden_until_ms = self.now_ms + VISIBILITY_MS
        run = Stepped(lambda run: self._invoke(function, run, symbol, batch))
        function.delivery = Delivery(symbol, batch, run, self.now_ms + held_ms, self.wall_back_ms)
        self._settle(function)

    def _function(self) -> Function:
        ports = [
            Port(self.table),
            Port(SimpleNamespace(publish=self._publish)),
            Port(SimpleNamespace(send_aside=lambda message, **_: self.aside.add(message.id))),
        ]
        remembers = History("history", keep_s=3600)
        says = broker.Broker(Topics(), "", connections=1)
        remembers._table.client, says._data = ports[:2]
        made: Any = ingest.Ingest(
            symbols=frozenset(SYMBOLS),
            live=frozenset(SYMBOLS),
            history=remembers,
            broker=says,
            dead=ports[2],  # type: ignore[arg-type]
            pool=None,  # type: ignore[arg-type]
        )
        return Function(ports, made.take)

    def _invoke(
        self, function: Function, run: Stepped[ingest.Taken], symbol: str, batch: list[Message]
    ) -> ingest.Taken:
        for port in function.ports:
            port.running = run
        taken: ingest.Taken = function.take(symbol, [message.record for message in batch])
        return taken

    def _step(self, function: Function, fate: str) -> None:
        delivery = function.delivery
        if delivery is None:
            return
        if self.patient and self.now_ms - delivery.started_ms > TIMEOUT_MS:
            fate = KILLED_BEFORE
        elif not self.patient and delivery.run.call == "publish" and fate in (REFUSED, LOST):
            fate = OK  # trying again takes time
        if delivery.run.call == "publish" and fate in (REFUSED, LOST):
            delivery.failures += 1
        self.now_ms = max(self.now_ms, delivery.started_ms)
        delivery.run.step(fate)
        self._settle(function)

    def _settle(self, function: Function) -> None:
        """See whether its delivery has ended. One that was killed is followed by one that knows nothing."""
        delivery = function.delivery
        if delivery is None or delivery.run.call:
            return
        function.delivery = None
        if delivery.run.answer is not None:
            self._acknowledge(delivery, delivery.run.answer)
        else:
            anew = self._function()
            function.ports, function.take = anew.ports, anew.take

    def _sleep(self, pause_s: float) -> None:
        self.now_ms += round(pause_s * 1000)


class Races(Promises):
    """Any number of functions at the same messages at once."""

    patient = False


@pytest.mark.parametrize("machine", [Promises, Races])
def test_each_tick_is_stored_once_in_order_and_said_after_that(machine: type[Promises]) -> None:
    """Exactly once, numbered without hole or double, in order; said only when it can be fetched, at least
    once while fresh, first occurrences in order; what is left out is counted, bad messages are set aside."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=300, stateful_step_count=40, deadline=None, report_multiple_bugs=False
        ),
    )
