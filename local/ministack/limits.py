"""The broker's limits, as AWS has them: what is over one is refused here as well, not first on AWS.

In: a connection's packets, deliveries to it, publishes over HTTP. Out: the same, within `tickwire.limits`.
Always: a message over a connection's rate is dropped without a word to anybody, and counted as AWS counts it
(`PublishOut.Throttle`, `PublishIn.Throttle`); nothing of a packet that is refused has happened; a connection
ends with its lifetime. An account's own limits are for an account's load, which one machine can't carry.
"""

from __future__ import annotations

import asyncio
import struct
import time
from array import array
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from local.ministack.patch import around, module, present
from tickwire import limits

MESSAGES, SECOND = limits.CONNECTION_MESSAGES.value, 1.0
EXPIRED = "WEBSOCKET_TTL_EXPIRATION"  # AWS's word for it, in lifecycle events
UNSPECIFIED, IDENTIFIER_REFUSED = 0x80, 0x02
PACKET_TOO_LARGE, QUOTA_EXCEEDED, IDENTIFIER_INVALID = 0x95, 0x97, 0x85  # MQTT 5 says why
BASIC_INGEST = "$aws/rules/"

_dropped: Counter[tuple[str, str, str]] = Counter()
_beyond: ContextVar[tuple[int, ...]] = ContextVar("places of a SUBSCRIBE's filters without room", default=())


def apply(*, lifetime_s: float) -> None:
    """Hold each connection to its limits; end it after `lifetime_s`."""
    iot = module("services.iot")
    _bound_life(iot, lifetime_s)
    _bound_deliveries(iot)
    _bound_packets(iot)
    _bound_names(iot)


def tell() -> None:
    """Put what was dropped since the last time into CloudWatch, where an alarm may wait for it."""
    iot, metrics = module("services.iot"), module("services.cloudwatch")
    counts = dict(_dropped)
    _dropped.clear()
    for (account, region, metric), count in counts.items():
        with iot.request_scope(account, region):
            metrics.record_metric("AWS/IoT", metric, count, "Count", {"Protocol": "MQTT"})
            metrics._evaluate_all_alarms()


def _bound_life(iot: Any, lifetime_s: float) -> None:
    session_class = iot._WSSession
    closing: set[asyncio.Task[None]] = set()

    async def end(session: Any) -> None:
        session._forced_disconnect_reason = EXPIRED
        await session._send({"type": "websocket.close", "code": 1000})
        await session.cleanup()

    def expire(session: Any) -> None:
        task = asyncio.ensure_future(end(session))
        closing.add(task)
        task.add_done_callback(closing.discard)

    @around(session_class, "__init__")
    def init(original: Any, self: Any, *args: Any, **named: Any) -> None:
        original(self, *args, **named)
        self._times, self._place = array("d", [-SECOND]) * MESSAGES, 0
        self._expiry = asyncio.get_running_loop().call_later(lifetime_s, expire, self)

    @around(session_class, "cleanup")
    async def cleanup(original: Any, self: Any) -> None:
        self._expiry.cancel()
        await original(self)


def _room(session: Any, metric: str) -> bool:
    """Whether less than a hundred messages went over the connection within the last second; counts if not."""
    now, place = time.monotonic(), session._place
    if now - session._times[place] < SECOND:
        _dropped[session.account_id, session.region, metric] += 1
        return False
    session._times[place] = now
    session._place = (place + 1) % MESSAGES
    return True


def _bound_deliveries(iot: Any) -> None:
    """The broker asks for a session's rights right before it delivers; whether there is room is asked there.

    So what its rights keep from it doesn't count, and a delivery takes no second coroutine.
    """

    @around(iot._WSSession, "_policy_allows")
    def allows(original: Any, self: Any, action: str, resource: str) -> bool:
        if not original(self, action, resource):
            return False
        return action != "iot:Receive" or _room(self, "PublishOut.Throttle")


def _bound_packets(iot: Any) -> None:
    """What a client sends: whole packets are refused before anything of them has happened."""
    session_class = iot._WSSession
    present(
        iot, "_read_string", "_decode_properties", "_make_connack", "_make_disconnect", "broker_unsubscribe"
    )

    async def refuse(session: Any, reason: int) -> bool:
        if session.protocol_version == iot.MQTT_5:
            await session.send_bytes(iot._make_disconnect(reason))
        return False

    @around(session_class, "_dispatch_packet")
    async def dispatch(original: Any, self: Any, kind: int, flags: int, body: bytes) -> bool:
        if kind == iot.PKT_PUBLISH:
            if not _room(self, "PublishIn.Throttle"):
                return True
            if len(body) > limits.PAYLOAD.value and _payload(iot, self, flags, body) > limits.PAYLOAD.value:
                return await refuse(self, PACKET_TOO_LARGE)
        elif kind == iot.PKT_CONNECT:
            version, name = _client_id(iot, body)
            if len(name.encode()) > limits.CLIENT_ID.value:
                reason = IDENTIFIER_INVALID if version == iot.MQTT_5 else IDENTIFIER_REFUSED
                await self.send_bytes(iot._make_connack(return_code=reason, protocol_version=version))
                return False
        elif kind == iot.PKT_SUBSCRIBE:
            head, filters = _filters(iot, self, body)
            if len(filters) > limits.FILTERS.value:
                return await refuse(self, QUOTA_EXCEEDED)
            return await _subscribe(iot, original, self, flags, head, filters)
        return bool(await original(self, kind, flags, body))

    @around(iot, "_make_suback")
    def suback(original: Callable[..., bytes], packet_id: int, codes: list[int], **named: Any) -> bytes:
        codes = list(codes)
        for place in _beyond.get():
            codes.insert(place, UNSPECIFIED)
        return original(packet_id, codes, **named)


async def _subscribe(
    iot: Any, original: Any, session: Any, flags: int, head: bytes, filters: list[tuple[str, bytes]]
) -> bool:
    """Grant what there is room for; the answer says 0x80 for the rest, and the connection stays."""
    held = set(session._sub_filters.values())
    granted, beyond = [], []
    for place, (name, raw) in enumerate(filters):
        if name in held or len(held) < limits.SUBSCRIPTIONS.value:
            held.add(name)
            granted.append(raw)
        else:
            beyond.append(place)
    if not granted and filters:
        (packet_id,) = struct.unpack_from("!H", head)
        codes = [UNSPECIFIED] * len(filters)
        await session.send_bytes(
            iot._make_suback(packet_id, codes, protocol_version=session.protocol_version)
        )
        return True
    token = _beyond.set(tuple(beyond))
    try:
        return bool(await original(session, iot.PKT_SUBSCRIBE, flags, head + b"".join(granted)))
    finally:
        _beyond.reset(token)
        await _replace(iot, session)


async def _replace(iot: Any, session: Any) -> None:
    """A filter that is subscribed again has one subscription, the new one, and hears each message once."""
    newest = {name: sid for sid, name in session._sub_filters.items()}
    for sid in [sid for sid, name in session._sub_filters.items() if newest[name] != sid]:
        await iot.broker_unsubscribe(sid)
        session._sub_ids.remove(sid)
        del session._sub_filters[sid], session._sub_granted_qos[sid]


def _bound_names(iot: Any) -> None:
    """Topics and filters; the broker has checked a topic's length, nobody a filter's."""
    http = module("services.iot_data")

    @around(iot, "_validate_publish_topic")
    def topic(original: Any, name: str) -> bool:
        return bool(original(name)) and _slashes(name) <= limits.SLASHES.value

    @around(iot, "_reserved_filter_subscribe_allowed")
    def filter_(original: Any, name: str) -> bool:
        fits = len(name.encode()) <= limits.TOPIC_BYTES.value and _slashes(name) <= limits.SLASHES.value
        return fits and bool(original(name))

    @around(http, "_publish")
    async def publish(original: Any, name: str, body: bytes, *args: Any) -> Any:
        if len(body) > limits.PAYLOAD.value:
            said = f"the payload has {len(body)} bytes; expected at most {limits.PAYLOAD.value}"
            return http.error_response_json("RequestEntityTooLargeException", said, 413)
        if _slashes(name) > limits.SLASHES.value:
            said = f"the topic has more than {limits.SLASHES.value} slashes"
            return http.error_response_json("InvalidRequestException", said, 400)
        return await original(name, body, *args)


def _slashes(name: str) -> int:
    """Those of Basic Ingest's prefix, `$aws/rules/name/`, don't count."""
    return name.count("/") - (3 if name.startswith(BASIC_INGEST) else 0)


def _payload(iot: Any, session: Any, flags: int, body: bytes) -> int:
    """How long a PUBLISH's payload is."""
    _, offset = iot._read_string(body, 0)
    offset += 2 if flags & 0x06 else 0
    if session.protocol_version == iot.MQTT_5:
        _, offset = iot._decode_properties(body, offset)
    return len(body) - int(offset)


def _client_id(iot: Any, body: bytes) -> tuple[int, str]:
    """A CONNECT's protocol version and client id."""
    _, offset = iot._read_string(body, 0)
    version = body[offset]
    offset += 4  # with flags and keep-alive
    if version == iot.MQTT_5:
        _, offset = iot._decode_properties(body, offset)
    name, _ = iot._read_string(body, offset)
    return version, str(name)


def _filters(iot: Any, session: Any, body: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """A SUBSCRIBE's head, and each filter with its bytes, options included."""
    offset = 2
    if session.protocol_version == iot.MQTT_5:
        _, offset = iot._decode_properties(body, offset)
    head, filters = body[:offset], []
    while offset < len(body):
        name, end = iot._read_string(body, offset)
        if end >= len(body):
            raise ValueError("SUBSCRIBE topic filter without options byte")
        filters.append((str(name), body[offset : end + 1]))
        offset = end + 1
    return head, filters
