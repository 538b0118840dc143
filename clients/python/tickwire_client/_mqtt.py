"""One connection to the broker: an MQTT 5 client of the AWS CRT over a signed WebSocket.

In: an address to sign, topics. Out: `up` and `ended`, on the event loop, and messages, in the CRT's thread. A
session is one attempt: what comes after it, and when, is its owner's business. The CRT is loaded here and
nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Literal
from urllib.parse import urlsplit

from tickwire import limits
from tickwire_client.errors import TickwireError, UnauthorizedError

FILTERS_MAX = limits.FILTERS.value  # in one SUBSCRIBE
NEVER_MS = 3_600_000  # the CRT's own next attempt: a session is abandoned long before
KEEP_ALIVE_S = 30  # AWS IoT Core's least; free of charge at this pace
PING_TIMEOUT_MS = 10_000
ACK_TIMEOUT_S = 10
STOP_S = 3.0

Kind = Literal["network", "handshake", "refused", "taken-over"]
_REFUSED_CONNACKS = {0x85, 0x86, 0x87, 0x8A}  # client id, name or password, not authorized, banned
_DISCONNECTS: dict[int, Kind] = {0x87: "refused", 0x8E: "taken-over"}


class Broken(Exception):
    """A connection that wasn't made, or has ended, and why."""

    def __init__(self, kind: Kind, why: str, error: TickwireError | None = None) -> None:
        super().__init__(why)
        self.kind, self.why, self.error = kind, why, error


class Session:
    """Connects when started. `up` is done when it has, or holds `Broken`; `ended` is done once it's over."""

    def __init__(
        self,
        *,
        url: str,
        host: str,
        client_id: str,
        sign: Callable[[], str],
        message: Callable[[str, bytes], None],
        connect_timeout_s: float,
        kept: Callable[[str, bytes], None] | None = None,
    ) -> None:
        """`sign` gives the signed address; it may block, and is called in a thread. What the broker had kept
        goes to `kept`, if that's given.
        """
        from awscrt import io, mqtt5

        self._loop = asyncio.get_running_loop()
        self.up: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[Broken] = self._loop.create_future()
        self.client_id = client_id
        self._sign, self._message, self._host = sign, message, host
        self._kept = kept or message
        self._sign_error: TickwireError | None = None
        self._over = False
        self._stopped = asyncio.Event()
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        timeout_ms = max(100, int(connect_timeout_s * 1000))
        self._client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=parts.hostname or "",
                port=parts.port or (443 if secure else 80),
                tls_ctx=io.ClientTlsContext(io.TlsContextOptions()) if secure else None,
                socket_options=_socket_options(timeout_ms),
                websocket_handshake_transform=self._handshake,
                connect_options=mqtt5.ConnectPacket(
                    client_id=client_id, keep_alive_interval_sec=KEEP_ALIVE_S
                ),
                session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN,
                offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
                retry_jitter_mode=mqtt5.ExponentialBackoffJitterMode.NONE,
                min_reconnect_delay_ms=NEVER_MS,
                max_reconnect_delay_ms=NEVER_MS,
                ping_timeout_ms=PING_TIMEOUT_MS,
                connack_timeout_ms=timeout_ms,
                ack_timeout_sec=ACK_TIMEOUT_S,
                on_publish_callback_fn=self._on_publish,
                on_lifecycle_event_stopped_fn=lambda _: self._post(self._stopped.set),
                on_lifecycle_event_connection_success_fn=lambda _: self._post(self._connected),
                on_lifecycle_event_connection_failure_fn=self._on_failure,
                on_lifecycle_event_disconnection_fn=self._on_disconnection,
                disable_metrics=True,
            )
        )

    def start(self) -> None:
        self._client.start()

    def abandon(self) -> None:
        """Let the connection go, without waiting for that. Nothing more is heard of it."""
        if not self._over:
            self._over = True
            self._client.stop()

    async def stop(self) -> None:
        """Disconnect and wait for it, a few seconds at most."""
        self.abandon()
        try:
            async with asyncio.timeout(STOP_S):
                await self._stopped.wait()
        except TimeoutError:
            pass  # the CRT ends by itself; nothing of ours hears of it any more

    async def subscribe(self, topics: Sequence[str]) -> list[int]:
        """One SUBSCRIBE, at most eight topics; the SUBACK's code for each. ConnectionError when none came."""
        from awscrt import mqtt5

        packet = mqtt5.SubscribePacket(
            subscriptions=[
                mqtt5.Subscription(topic_filter=topic, qos=mqtt5.QoS.AT_MOST_ONCE) for topic in topics
            ]
        )
        return list((await _answer(self._client.subscribe(packet))).reason_codes)

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """One UNSUBSCRIBE, at most eight topics. ConnectionError when it wasn't answered."""
        from awscrt import mqtt5

        await _answer(self._client.unsubscribe(mqtt5.UnsubscribePacket(topic_filters=list(topics))))

    # In the CRT's threads.

    def _handshake(self, transform_args: Any) -> None:
        """Sign this attempt in a thread of its own: fetching credentials must not hold up the CRT's."""

        def sign() -> None:
            self._sign_error = None
            try:
                parts = urlsplit(self._sign())
                transform_args.http_request.path = f"{parts.path}?{parts.query}"
                transform_args.http_request.headers.set("Host", self._host)
                transform_args.set_done()
            except TickwireError as error:
                self._sign_error = error
                transform_args.set_done(error)
            except Exception as error:  # a credential source of the user's may raise anything
                self._sign_error = UnauthorizedError(
                    "the credential source", f"{type(error).__name__}: {error}"
                )
                transform_args.set_done(error)

        threading.Thread(target=sign, name="tickwire-sign", daemon=True).start()

    def _on_publish(self, data: Any) -> None:
        if not self._over:
            packet = data.publish_packet
            hear = self._kept if packet.retain else self._message
            hear(packet.topic, packet.payload or b"")

    def _on_failure(self, data: Any) -> None:
        error = self._sign_error
        packet = data.connack_packet
        if packet is not None and packet.reason_code is not None:
            refused = int(packet.reason_code) in _REFUSED_CONNACKS
            broken = Broken("refused" if refused else "network", f"CONNACK {describe(packet.reason_code)}")
        elif error is not None:
            refused = isinstance(error, UnauthorizedError)
            broken = Broken("refused" if refused else "network", str(error), error)
        else:
            upgrade = getattr(data.exception, "name", "") == "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"
            broken = Broken("handshake" if upgrade else "network", _message(data.exception))
        self._post(lambda: self._break(broken))

    def _on_disconnection(self, data: Any) -> None:
        packet = data.disconnect_packet
        if packet is None:
            broken = Broken("network", _message(data.exception))
        else:
            kind = _DISCONNECTS.get(int(packet.reason_code), "network")
            broken = Broken(kind, f"DISCONNECT {describe(packet.reason_code)}")
        self._post(lambda: self._break(broken))

    # On the event loop.

    def _connected(self) -> None:
        if not self.up.done():
            self.up.set_result(None)

    def _break(self, broken: Broken) -> None:
        self.abandon()
        if not self.up.done():
            self.up.set_exception(broken)
            self.up.exception()  # seen: no complaint when nobody waits for it any more
        if not self.ended.done():
            self.ended.set_result(broken)

    def _post(self, action: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and this session's owner with it
            self._loop.call_soon_threadsafe(action)


def describe(code: Any) -> str:
    """`0x87 not authorized`."""
    return f"0x{int(code):02X} {getattr(code, 'name', '').replace('_', ' ').lower()}".rstrip()


def _message(exception: Any) -> str:
    return str(getattr(exception, "message", None) or exception).rstrip(".")


async def _answer(future: Future[Any]) -> Any:
    from awscrt.exceptions import AwsCrtError

    if not future.done():
        with contextlib.suppress(RuntimeError):  # the CRT has answered it meanwhile
            future.set_running_or_notify_cancel()  # else a cancelled wait makes it stumble over its answer
    try:
        return await asyncio.wrap_future(future)
    except AwsCrtError as error:
        raise ConnectionError(error.message) from None


def _socket_options(timeout_ms: int) -> Any:
    from awscrt import io

    options = io.SocketOptions()
    options.connect_timeout_ms = timeout_ms
    return options
