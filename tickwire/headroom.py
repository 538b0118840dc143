"""How near a stage comes to the limits, at its workload: use, headroom, and what can't work.

In: a `Stage` with its workload, and a region. Out: a `Use` for each limit; `refuse` raises `ConfigError` for
what AWS doesn't raise on request, `warnings` says what it would. An account's other stages, and what it was
granted, aren't known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tickwire import limits, wire
from tickwire.discovery import CLIENT_ID
from tickwire.errors import ConfigError
from tickwire.flow import OLDER_BYTES, PRICE_BYTES, Flow
from tickwire.limits import Quota
from tickwire.stage import Stage
from tickwire.workload import Viewers

MINUTELY = 1 / 60
BAR_BYTES = 250
KEEP_ALIVE_S = 60  # the browser's; the Python client's is 30
_IDENTITY = "us-gov-east-1:00000000-0000-0000-0000-000000000000"
_RANDOM = "0" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a stage takes of one limit."""

    quota: Quota
    limit: int
    """In the stage's region."""
    use: float | None
    """None: it's a matter of how fast an audience comes, or of time."""
    what: str = ""
    """Whose use it is, where that isn't plain."""
    takes_s: float = 0.0
    """How long an audience that comes all at once needs to get in, by this limit."""

    @property
    def headroom(self) -> float | None:
        """What is left of the limit; below 0, it's exceeded."""
        return None if self.use is None else self.limit - self.use

    @property
    def over(self) -> bool:
        return self.use is not None and self.use > self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of viewers, and what each of them has."""

    viewers: Viewers
    name: str
    subscriptions: int
    """With the status, which both clients subscribe to as well."""
    connections: int
    received: float
    """On all its connections, messages a second."""
    busiest: float
    """On the one that gets most."""


def groups(stage: Stage) -> list[Group]:
    """Everybody who watches."""
    return [_group(stage, viewers) for viewers in stage.workload.viewers if viewers.count]


def uses(stage: Stage, *, region: str) -> list[Use]:
    """One for each limit, in the order of `limits.QUOTAS`."""
    present = groups(stage)
    topics = [*stage.topics.templates().values()]
    longest = max(stage.symbols, key=len)
    names = [one.replace("{symbol}", longest).replace("{interval}", "15m") for one in topics]
    viewers = sum(group.viewers.count for group in present)
    connections = sum(group.viewers.count * group.connections for group in present)
    subscriptions = sum(group.viewers.count * group.subscriptions for group in present)
    most = max(present, key=lambda group: group.busiest, default=None)
    widest = max(present, key=lambda group: group.subscriptions, default=None)
    held = min(widest.subscriptions, limits.SUBSCRIPTIONS.value) if widest else 0
    found: dict[Quota, tuple[float | None, str]] = {
        limits.CONNECTION_MESSAGES: (most.busiest, most.name) if most else (0, ""),
        limits.CONNECTION_BYTES: (most.busiest * _bytes(stage, most.viewers.lane), most.name)
        if most
        else (0, ""),
        limits.SUBSCRIPTIONS: (held, _connections(widest) if widest else ""),
        limits.FILTERS: (min(held, limits.FILTERS.value), "clients ask for 8 at a time"),
        limits.LIFETIME: (None, ""),
        limits.KEEP_ALIVE: (KEEP_ALIVE_S, ""),
        limits.CLIENT_ID: (
            len(CLIENT_ID.replace("{identityId}", _IDENTITY).replace("{random}", _RANDOM)),
            "",
        ),
        limits.CLIENT_CONNECTS: (None, ""),
        limits.PAYLOAD: (wire.MESSAGE_BYTES_MAX, "longer messages are cut in parts, the board too"),
        limits.TOPIC_BYTES: (max(len(name.encode()) for name in names), ""),
        limits.SLASHES: (max(name.count("/") for name in names), ""),
        limits.OUTBOUND: (sum(group.viewers.count * group.received for group in present), ""),
        limits.INBOUND: (_published(stage), ""),
        limits.CONNECTIONS: (connections, ""),
        limits.ALL_SUBSCRIPTIONS: (subscriptions, ""),
    }
    arrivals = {
        limits.CONNECTS: connections,
        limits.SUBSCRIBES: subscriptions,
        limits.IDENTITIES: viewers,
        limits.CREDENTIALS: viewers,
    }
    made = []
    for quota in limits.QUOTAS:
        limit = quota.here(region)
        if quota in arrivals:
            takes_s = arrivals[quota] / limit
            made.append(Use(quota=quota, limit=limit, use=None, takes_s=takes_s))
        else:
            use, what = found[quota]
            made.append(Use(quota=quota, limit=limit, use=use, what=what))
    return made


def arrival_s(found: Sequence[Use]) -> float:
    """How long an audience takes to get in, all of it new and at once."""
    return max(use.takes_s for use in found)


def refuse(stage: Stage, *, region: str) -> None:
    """Raise ConfigError for the first limit that is exceeded and that AWS doesn't raise."""
    for place, viewers in enumerate(stage.workload.viewers):
        if viewers.count and (group := _group(stage, viewers)).busiest > limits.CONNECTION_MESSAGES.value:
            raise ConfigError(
                f"workload.viewers[{place}] watches the {group.name}, {_number(group.busiest)} messages a"
                f" second on one connection; expected at most {limits.CONNECTION_MESSAGES.value}, as AWS IoT"
                f" Core discards the rest: {_remedy(stage, group)}"
            )
    symbol, rate = _fastest(stage)
    if rate > limits.CONNECTION_MESSAGES.value:
        raise ConfigError(
            f"the price lane of {symbol} is {_number(rate)} messages a second; expected at most"
            f" {limits.CONNECTION_MESSAGES.value}, as AWS IoT Core discards the rest, whoever watches: set a"
            f" price lane of {stage.window_s}s, or off and watch the board, or put more trades in a message"
            " (workload.messages)"
        )
    for use in uses(stage, region=region):
        if use.over and not use.quota.adjustable:
            raise ConfigError(
                f"{use.quota.name}: {_number(use.use or 0)}{_of(use.quota)}; expected at most"
                f" {_number(use.limit)}, beyond which: {use.quota.beyond}"
            )


def warnings(stage: Stage, *, region: str) -> list[str]:
    """What works with this workload's grace only: limits to have raised, and what nobody should watch."""
    said = [
        f"{use.quota.name}: {_number(use.use or 0)}{_of(use.quota)} at this workload; AWS grants"
        f" {_number(use.limit)} unless asked for more (Service Quotas); beyond: {use.quota.beyond}"
        for use in uses(stage, region=region)
        if use.over and use.quota.adjustable
    ]
    every = _group(stage, Viewers(count=1, lane="price"))
    if _fastest(stage)[1] <= limits.CONNECTION_MESSAGES.value < every.busiest:
        said.append(
            f"whoever watches the {every.name} gets {_number(every.busiest)} messages a second on one"
            f" connection, of which AWS IoT Core delivers {limits.CONNECTION_MESSAGES.value}:"
            f" {_remedy(stage, every)}"
        )
    return said


def _group(stage: Stage, viewers: Viewers) -> Group:
    count = len(stage.symbols)
    topics = 1 if viewers.lane == "board" else min(viewers.symbols, count) or count
    held = min(topics, limits.SUBSCRIPTIONS.value)
    return Group(
        viewers=viewers,
        name="board" if viewers.lane == "board" else f"{viewers.lane} lane of {topics} symbols",
        subscriptions=topics + 1,
        connections=math.ceil((topics + 1) / limits.SUBSCRIPTIONS.value),
        received=_received(stage, viewers.lane, topics),
        busiest=_received(stage, viewers.lane, held),
    )


def _received(stage: Stage, lane: str, topics: int) -> float:
    """Messages a second on so many topics of a lane, those that move most."""
    match lane:
        case "board":
            return _board(Flow.of(stage))
        case "bar":
            return topics * MINUTELY
    return sum(sorted(_prices(stage).values(), reverse=True)[:topics])


def _prices(stage: Stage) -> dict[str, float]:
    """Messages a second on each symbol's price lane."""
    flow = Flow.of(stage)
    live = dict.fromkeys(stage.live, flow.live / max(1, len(stage.live)))
    return live | dict.fromkeys(stage.conflated, flow.conflated / max(1, len(stage.conflated)))


def _fastest(stage: Stage) -> tuple[str, float]:
    """The symbol whose price lane has most messages, and how many a second."""
    return max(_prices(stage).items(), key=lambda price: price[1], default=("", 0.0))


def _board(flow: Flow) -> float:
    return flow.board + flow.full * MINUTELY


def _published(stage: Stage) -> float:
    """On all lanes, a second: prices, board, a bar of each symbol, the status."""
    flow = Flow.of(stage)
    return flow.live + flow.conflated + _board(flow) + (len(stage.symbols) + 1) * MINUTELY


def _connections(group: Group) -> str:
    if group.connections == 1:
        return group.name
    return f"{group.name}, so {group.connections} connections each"


def _remedy(stage: Stage, group: Group) -> str:
    """What would fit, the least change first."""
    ways = [f"set a price lane of {stage.window_s}s"]
    if stage.feed == "simulated" and stage.workload.messages is None and stage.feed_pack_ms < 1000:
        ways.insert(0, "set feedPackMs: 1000")
    few = int(limits.CONNECTION_MESSAGES.value // _fastest(stage)[1])
    if few:
        ways.append(f"let each watch {few} symbols")
    return ", or ".join([*ways, "the board"])


def _bytes(stage: Stage, lane: str) -> float:
    """About so long is a message of a lane."""
    older = Flow.of(stage).ticks - 1
    size = {"price": PRICE_BYTES + OLDER_BYTES * older, "bar": BAR_BYTES}.get(lane, wire.MESSAGE_BYTES_MAX)
    return min(size, wire.MESSAGE_BYTES_MAX)


def _of(quota: Quota) -> str:
    return f" {quota.unit}" if quota.unit else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
