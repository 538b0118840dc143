"""Subscribers that are compared, each a process: `python -m benchmarks.readers KIND COUNT PORT URL`.

In: how many messages, or ticks, come, a flooding broker's port, and the address of a site that describes it.
Out: a line of JSON with processor and wall seconds from the first one to the last.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.memory import peak_mb
from tests.clients.site import Site
from tickwire import discovery
from tickwire.topic import Topics
from tickwire_client import Client, Credentials

TOPIC = "prices/AAPL"


class Clock:
    """From the first call to the `count`-th; a call is a message, or one tick of ours."""

    def __init__(self, count: int) -> None:
        self.count, self._seen = count, 0
        self.cpu_s = self.wall_s = 0.0
        self.done = threading.Event()

    def heard(self) -> None:
        if not self._seen:
            self._cpu, self._wall = time.process_time(), time.perf_counter()
        self._seen += 1
        if self._seen == self.count:
            self.cpu_s = time.process_time() - self._cpu
            self.wall_s = time.perf_counter() - self._wall
            self.done.set()


def bare(port: int, clock: Clock) -> None:
    """The CRT's MQTT 5 client, whose callback only counts."""
    from awscrt import mqtt5

    def transform(transform_args: Any) -> None:
        transform_args.set_done()

    up = threading.Event()
    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name="127.0.0.1",
            port=port,
            websocket_handshake_transform=transform,
            on_publish_callback_fn=lambda publish_packet_data: clock.heard(),
            on_lifecycle_event_connection_success_fn=lambda _: up.set(),
        )
    )
    client.start()
    up.wait(10)
    wanted = mqtt5.Subscription(topic_filter=TOPIC, qos=mqtt5.QoS.AT_MOST_ONCE)
    client.subscribe(mqtt5.SubscribePacket(subscriptions=[wanted]))
    clock.done.wait(120)
    client.stop()


def paho(port: int, clock: Clock, *, transport: str = "websockets") -> None:
    """paho with `json.loads` of each message."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    def message(client: Any, userdata: Any, found: Any) -> None:
        json.loads(found.payload)
        clock.heard()
        if clock.done.is_set():
            client.disconnect()

    def connected(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(TOPIC)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, transport=transport)  # type: ignore[arg-type]
    client.on_connect, client.on_message = connected, message
    client.connect("127.0.0.1", port)
    client.loop_forever()


def aiomqtt(port: int, clock: Clock, *, transport: str = "websockets") -> None:
    """aiomqtt with `json.loads` of each message."""
    import aiomqtt

    async def go() -> None:
        async with aiomqtt.Client("127.0.0.1", port, transport=transport) as client:  # type: ignore[arg-type]
            await client.subscribe(TOPIC)
            async for found in client.messages:
                json.loads(found.payload)
                clock.heard()
                if clock.done.is_set():
                    return

    asyncio.run(go())


def ours(url: str, clock: Clock) -> None:
    """The full client: discovered, signed, decoded, in order, through the buffer and the iterator."""

    async def go() -> None:
        async with Client(url, identity=Nobody()) as client:
            async for _ in client.ticks("AAPL", overflow="block"):
                clock.heard()
                if clock.done.is_set():
                    return

    asyncio.run(go())


def asleep(url: str, clock: Clock) -> None:
    """The full client with a reader that mostly sleeps and wants the newest only; tells its memory's peak."""

    async def go() -> None:
        async with Client(url, identity=Nobody()) as client:
            early_mb, yielded, seen = 0.0, 0, 0
            async for tick in client.ticks("AAPL", overflow="conflate"):
                yielded += 1
                seen = client.stats().received
                if not early_mb and seen > clock.count // 10:
                    early_mb = peak_mb()
                if tick.seq == clock.count:
                    break
                await asyncio.sleep(0.02)
            found = {"received": client.stats().received, "yielded": yielded}
            print(json.dumps(found | {"early_mb": early_mb, "peak_mb": peak_mb()}), flush=True)

    asyncio.run(go())


@contextmanager
def platform(port: int) -> Iterator[str]:
    """A site whose discovery document names the flooding broker."""
    with Site() as site:
        site.document = discovery.document(
            stage="flood",
            region="us-east-1",
            iot_url=f"ws://127.0.0.1:{port}/mqtt",
            signing_host="127.0.0.1",
            pool_id="none",
            identity_url=site.url,
            api=f"{site.url}/api",
            topics=Topics(),
            symbols=["AAPL"],
            lanes={},
        )
        yield site.url


class Nobody:
    """An identity that the flooding broker doesn't look at."""

    def name(self) -> str:
        return "nobody"

    def credentials(self) -> Credentials:
        return Credentials(access_key="A", secret_key="s")

    def forget(self, refused: Credentials) -> None: ...


KINDS: dict[str, Callable[[int, str, Clock], None]] = {
    "bare": lambda port, _, clock: bare(port, clock),
    "ours": lambda _, url, clock: ours(url, clock),
    "asleep": lambda _, url, clock: asleep(url, clock),
    "paho": lambda port, _, clock: paho(port, clock),
    "paho-tcp": lambda port, _, clock: paho(port, clock, transport="tcp"),
    "aiomqtt": lambda port, _, clock: aiomqtt(port, clock),
    "aiomqtt-tcp": lambda port, _, clock: aiomqtt(port, clock, transport="tcp"),
}

if __name__ == "__main__":
    kind, count, port, url = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    clock = Clock(count)
    KINDS[kind](port, url, clock)
    if kind != "asleep":
        print(json.dumps({"cpu_s": clock.cpu_s, "wall_s": clock.wall_s}), flush=True)
