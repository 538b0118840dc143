"""AWS IoT Core's limits, and Amazon Cognito's where guests need it: one table, which everything else reads.

Out: each limit with its value, unit and what happens beyond it. The clients, the local broker, the checks
before `pulumi up`, `tickwire limits` and docs/limits.md all take them from here. Values are AWS's defaults as
published up to 2026; `small` stands for regions that get less. An account's own are in its Service Quotas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KIB = 1024
SMALL_REGIONS = frozenset(
    {
        "ap-east-1",
        "ca-central-1",
        "cn-northwest-1",
        "eu-north-1",
        "eu-west-3",
        "me-central-1",
        "me-south-1",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-west-1",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One limit."""

    noun: str
    """Its key in `--json` and in tests."""
    name: str
    of: Literal["message", "connection", "account"]
    """What has the limit."""
    value: int
    unit: str
    small: int | None = None
    """In a small region; None: the same."""
    adjustable: bool = False
    """Whether AWS raises it on request (Service Quotas)."""
    beyond: str
    """What happens to what is over it."""

    def here(self, region: str) -> int:
        return self.small if self.small is not None and region in SMALL_REGIONS else self.value


def _quota(
    of: Literal["message", "connection", "account"],
    noun: str,
    name: str,
    value: int,
    unit: str,
    *,
    beyond: str,
    small: int | None = None,
    adjustable: bool = False,
) -> Quota:
    return Quota(
        of=of, noun=noun, name=name, value=value, unit=unit, small=small, adjustable=adjustable, beyond=beyond
    )


PAYLOAD = _quota("message", "payload", "payload", 128 * KIB, "bytes", beyond="refused")
TOPIC_BYTES = _quota(
    "message",
    "topic-bytes",
    "length of a topic or filter",
    256,
    "bytes",
    beyond="refused, or the connection is closed",
)
SLASHES = _quota(
    "message", "slashes", "slashes in a topic or filter", 7, "", beyond="refused, or the connection is closed"
)

CONNECTION_MESSAGES = _quota(
    "connection",
    "connection-messages",
    "messages, in and out together",
    100,
    "a second",
    beyond="discarded without an error: readers see a gap in seq, and PublishOut.Throttle counts",
)
CONNECTION_BYTES = _quota(
    "connection", "connection-bytes", "throughput", 512 * KIB, "bytes a second", beyond="delayed"
)
SUBSCRIPTIONS = _quota(
    "connection", "subscriptions", "subscriptions", 50, "", beyond="refused (SUBACK 0x80); the others go on"
)
FILTERS = _quota(
    "connection", "filters", "filters in one SUBSCRIBE", 8, "", beyond="the connection is closed"
)
LIFETIME = _quota(
    "connection",
    "lifetime",
    "life of a WebSocket",
    86_400,
    "seconds",
    beyond="closed; clients sign anew and connect again",
)
CLIENT_ID = _quota(
    "connection", "client-id", "length of a client id", 128, "bytes", beyond="the connection is refused"
)
CLIENT_CONNECTS = _quota(
    "connection",
    "client-connects",
    "connects with one client id",
    1,
    "a second",
    beyond="refused; clients take a new id for each connection",
)
KEEP_ALIVE = _quota(
    "connection",
    "keep-alive",
    "keep-alive",
    1_200,
    "seconds",
    beyond="cut to 1,200; a client that is silent for 1.5 times its own is dropped",
)

OUTBOUND = _quota(
    "account",
    "outbound",
    "deliveries to all viewers",
    20_000,
    "a second",
    small=2_000,
    adjustable=True,
    beyond="discarded without an error: PublishOut.Throttle counts",
)
INBOUND = _quota(
    "account",
    "inbound",
    "publishes",
    20_000,
    "a second",
    small=2_000,
    adjustable=True,
    beyond="refused: ingest tries again, then hands the ticks back to the queue",
)
CONNECTS = _quota(
    "account",
    "connects",
    "new connections",
    500,
    "a second",
    small=100,
    adjustable=True,
    beyond="refused; clients come again later",
)
SUBSCRIBES = _quota(
    "account",
    "subscribes",
    "new subscriptions",
    500,
    "a second",
    small=200,
    adjustable=True,
    beyond="refused; clients ask again",
)
IDENTITIES = _quota(
    "account",
    "identities",
    "new guests (Cognito GetId)",
    25,
    "a second",
    adjustable=True,
    beyond="refused; clients come again later",
)
CREDENTIALS = _quota(
    "account",
    "credentials",
    "guests' credentials (Cognito)",
    200,
    "a second",
    adjustable=True,
    beyond="refused; clients come again later",
)
CONNECTIONS = _quota(
    "account",
    "connections",
    "connections at the same time",
    500_000,
    "",
    small=100_000,
    adjustable=True,
    beyond="refused",
)
ALL_SUBSCRIPTIONS = _quota(
    "account",
    "all-subscriptions",
    "subscriptions of all connections",
    500_000,
    "",
    small=100_000,
    adjustable=True,
    beyond="refused",
)

QUOTAS = (
    CONNECTION_MESSAGES,
    CONNECTION_BYTES,
    SUBSCRIPTIONS,
    FILTERS,
    LIFETIME,
    KEEP_ALIVE,
    CLIENT_ID,
    CLIENT_CONNECTS,
    PAYLOAD,
    TOPIC_BYTES,
    SLASHES,
    OUTBOUND,
    INBOUND,
    CONNECTIONS,
    ALL_SUBSCRIPTIONS,
    CONNECTS,
    SUBSCRIBES,
    IDENTITIES,
    CREDENTIALS,
)
"""Those that Tickwire can meet. It retains one message, a pause's status, sends at QoS 0 and has no rules, so
theirs can't bite.
"""
