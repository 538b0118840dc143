"""What a guest may do, as policy documents that fit AWS's sizes. Pure: text in, text out.

A guest connects under a client id that begins with its own identity, subscribes to this stage's lanes, and
receives what it subscribed to. Each symbol is named in full: on IAM resources `*` would also cover `#` and
`+`, and with them several symbols by one filter. The one wildcard stands for a bar's interval.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tickwire.brakes import DENIED
from tickwire.errors import ConfigError
from tickwire.topic import Topics

DOCUMENT_CHARS_MAX = 6_144  # of a managed policy, white space not counted
DOCUMENTS_MAX = 10  # managed policies of a role, or one less and what fits its own documents
# Few sizes, and room to spare in each but the last: so most changes leave both their number and every other
# symbol's place alone.
COUNTS = (1, 2, 4, 8, DOCUMENTS_MAX)
FILL = 0.7
CLIENT = "${cognito-identity.amazonaws.com:sub}-*"

Arn = Callable[[str], str]
"""The ARN of an IoT resource such as `topic/board`."""


def general(topics: Topics, arn: Arn) -> str:
    """Connecting, and the lanes that belong to no symbol."""
    lanes = (topics.board, topics.status)
    connect = {"Effect": "Allow", "Action": "iot:Connect", "Resource": arn(f"client/{CLIENT}")}
    return _document([connect, *_reads(lanes, arn)])


def closed() -> str:
    """What shuts all guests out, also those who are connected: receiving is asked for at each delivery."""
    return _document([{"Effect": "Deny", "Action": list(DENIED), "Resource": "*"}])


def by_symbol(topics: Topics, symbols: Iterable[str], arn: Arn) -> dict[int, str]:
    """The symbols' lanes, split over numbered documents.

    Which document a symbol is in depends on the symbol, not on the others: adding or removing one changes
    that document only, while there is room and their number stays. So nobody loses a lane meanwhile.
    """

    def size(*held: str) -> int:
        return len(_document(_reads(_lanes(topics, held), arn)))

    room = DOCUMENT_CHARS_MAX - size()
    sizes = {symbol: size(symbol) - size() + 2 for symbol in sorted(symbols)}  # and two commas
    for count in COUNTS:
        roomy = sum(sizes.values()) <= count * room * FILL or count == DOCUMENTS_MAX
        if roomy and (slots := _spread(sizes, count, room)) is not None:
            return {slot: _document(_reads(_lanes(topics, held), arn)) for slot, held in slots.items()}
    raise ConfigError(
        f"symbols has {len(sizes)} entries, more than the {DOCUMENTS_MAX} policies of a role can name;"
        " expected fewer symbols or a shorter topicPrefix"
    )


def _spread(sizes: Mapping[str, int], count: int, room: int) -> dict[int, list[str]] | None:
    """Each symbol into the slot that its hash prefers and that has room; None when one fits nowhere."""
    slots: dict[int, list[str]] = {}
    left = [room] * count
    for symbol, size in sizes.items():
        slot = next((slot for slot in _preferred(symbol, count) if size <= left[slot]), None)
        if slot is None:
            return None
        left[slot] -= size
        slots.setdefault(slot, []).append(symbol)
    return slots


def _preferred(symbol: str, count: int) -> list[int]:
    return sorted(range(count), key=lambda slot: hashlib.sha256(f"{symbol} {slot}".encode()).digest())


def _lanes(topics: Topics, symbols: Iterable[str]) -> list[str]:
    return [lane for s in symbols for lane in (topics.price(s), topics.bar("*", s), topics.alert(s))]


def _reads(lanes: Sequence[str], arn: Arn) -> list[dict[str, Any]]:
    filters = [arn(f"topicfilter/{lane}") for lane in lanes]
    topics = [arn(f"topic/{lane}") for lane in lanes]
    return [
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": filters},
        {"Effect": "Allow", "Action": "iot:Receive", "Resource": topics},
    ]


def _document(statements: Sequence[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
