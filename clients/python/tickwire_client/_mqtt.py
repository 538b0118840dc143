"""One MQTT 5 client of the AWS CRT, with one client id, over a signed WebSocket.

In: an address to sign for each attempt, topics. Out: a listener's methods, called on the event loop, except
`message`, which runs in the CRT's thread. Reconnects by itself with full-jitter back-off; what a failure
means, and what to do about it, is the listener's business. The CRT is loaded here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from tickwire import limits
from tickwire_client.errors import TickwireError, UnauthorizedError

FILTERS_MAX = limits.FILTERS.value  # in one SUBSCRIBE
BACK_OFF_MS = (500, 60_000)
KEEP_ALIVE_S = 30  # AWS IoT Core's least; free of charge at this pace
PING_TIMEOUT_MS = 10_000
ACK_TIMEOUT_S = 10
STOP_S = 3.0

Kind = Literal["network", "handshake", "credentials", "refused", "taken over"]
_REFUSED_CONNACKS = {0x85, 0x86, 0x87, 0x8A}  # client id, name or password, not authorized, banned
_DISCONNECTS: dict[int, Kind] = {0x87: "refused", 0x8E: "taken over"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a connection wasn't made or has ended."""

    kind: Kind
    why: str
    error: TickwireError | None = None


class Listener(Protocol):
    def connected(self) -> None: ...

    def failed(self, failure: Failure) -> None: ...

    def disconnected(self, failure: Failure) -> None: ...

    def message(self, topic: str, payload: bytes) -> None: ...


class Session:
    """Connects when started, stays connected until stopped. Used on one event loop."""

    def __init__(
        self,
        *,
        url: str,
        host: str,
        client_id: str,
        sign: Callable[[], str],
        listener: Listener,
        connect_timeout_s: float,
    ) -> None:
        """`sign` gives the signed address for one attempt; it may block, and is called in a thread."""
        from awscrt import io, mqtt5

        self._loop = asyncio.get_running_loop()
        self._sign, self._listener, self._host = sign, listener, host
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
                retry_jitter_mode=mqtt5.ExponentialBackoffJitterMode.FULL,
                min_reconnect_delay_ms=BACK_OFF_MS[0],
                max_reconnect_delay_ms=BACK_OFF_MS[1],
                # The time that resets the back-off stays at its 30 s: awscrt takes it for the least delay.
                ping_timeout_ms=PING_TIMEOUT_MS,
                connack_timeout_ms=timeout_ms,
                ack_timeout_sec=ACK_TIMEOUT_S,
                on_publish_callback_fn=self._on_publish,
                on_lifecycle_event_stopped_fn=lambda _: self._post(self._stopped.set),
                on_lifecycle_event_connection_success_fn=lambda _: self._tell(self._listener.connected),
                on_lifecycle_event_connection_failure_fn=self._on_failure,
                on_lifecycle_event_disconnection_fn=self._on_disconnection,
                disable_metrics=True,
            )
        )

    def start(self) -> None:
        self._client.start()

    def abandon(self) -> None:
        """Tell the listener nothing more and let the connection go, without waiting for that."""
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
            self._listener.message(packet.topic, packet.payload or b"")

    def _on_failure(self, data: Any) -> None:
        error = self._sign_error
        packet = data.connack_packet
        if packet is not None and packet.reason_code is not None:
            refused = int(packet.reason_code) in _REFUSED_CONNACKS
            why = f"CONNACK {describe(packet.reason_code)}"
            failure = Failure(kind="refused" if refused else "network", why=why)
        elif error is not None:
            refused = isinstance(error, UnauthorizedError)
            failure = Failure(kind="credentials" if refused else "network", why=str(error), error=error)
        else:
            upgrade = getattr(data.exception, "name", "") == "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"
            failure = Failure(kind="handshake" if upgrade else "network", why=_message(data.exception))
        self._tell(self._listener.failed, failure)

    def _on_disconnection(self, data: Any) -> None:
        packet = data.disconnect_packet
        if packet is None:
            failure = Failure(kind="network", why=_message(data.exception))
        else:
            kind = _DISCONNECTS.get(int(packet.reason_code), "network")
            failure = Failure(kind=kind, why=f"DISCONNECT {describe(packet.reason_code)}")
        self._tell(self._listener.disconnected, failure)

    def _tell(self, method: Callable[..., None], *facts: Failure) -> None:
        self._post(lambda: None if self._over else method(*facts))

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

    future.set_running_or_notify_cancel()  # else a cancelled wait makes the CRT stumble over its own answer
    try:
        return await asyncio.wrap_future(future)
    except AwsCrtError as error:
        raise ConnectionError(error.message) from None


def _socket_options(timeout_ms: int) -> Any:
    from awscrt import io

    options = io.SocketOptions()
    options.connect_timeout_ms = timeout_ms
    return options
