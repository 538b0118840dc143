"""The wire of the platform in memory: HTTP and MQTT 5 over WebSocket, on one port and a thread of its own.

In: requests and connections. Out: answers made from a platform's state, and the messages that it sends. A
connection is let in by a signature that is right, with credentials given here, under its identity's name.
"""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tickwire_client.identity import Credentials
from tickwire_client.testing import _mqtt5, _websocket
from tickwire_client.testing._answers import REASONS, Answers, Refused, Stage

BODY_BYTES_MAX = 1_000_000
WAITING_BYTES_MAX = 16_000_000  # for a reader that doesn't read; beyond that it's cut
BEAT_S = 60.0


@dataclass(slots=True, eq=False)
class Session:
    """A connection to the broker."""

    writer: asyncio.StreamWriter
    credentials: Credentials
    client_id: str = ""
    topics: set[str] = field(default_factory=set)


class Server:
    """Runs from `start` to `stop`. Sessions are touched on its loop alone."""

    def __init__(self, stage: Stage) -> None:
        self._frozen = False
        self.connections = 0
        self.url = ""
        self._stage = stage
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tickwire-memory", daemon=True)
        self._sessions: set[Session] = set()
        self._answers = Answers(stage)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send(self, topic: str, payload: bytes) -> None:
        """To each subscriber of the topic, in order of the calls."""
        self._loop.call_soon_threadsafe(self._send, topic, payload)

    def freeze(self, frozen: bool) -> None:
        """After what was sent before, as all calls take effect in their order."""
        self._loop.call_soon_threadsafe(setattr, self, "_frozen", frozen)

    def cut(self) -> None:
        self._call(self._cut())

    def expire(self) -> None:
        self._answers.expire()
        self.cut()

    def subscribed(self) -> frozenset[str]:
        return frozenset(topic for session in list(self._sessions) for topic in list(session.topics))

    def _call(self, work: Any) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("called from the server's own thread")
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = self._answers.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._tasks.add(asyncio.create_task(self._keep_beating()))

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self) -> None:
        for session in self._sessions:
            session.writer.transport.abort()
        self._sessions.clear()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self._stage.beat()

    def _send(self, topic: str, payload: bytes) -> None:
        if self._frozen:
            return
        packet = _websocket.frame(_mqtt5.publish(topic, payload))
        for session in self._sessions:
            if topic in session.topics:
                session.writer.write(packet)
                if session.writer.transport.get_write_buffer_size() > WAITING_BYTES_MAX:
                    session.writer.transport.abort()

    # HTTP.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._request(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # not HTTP, or it went
        except asyncio.CancelledError:
            pass  # by `stop`; the streams of Python 3.11 print a task that ends so
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        facts = {name: values[0] for name, values in query.items()}
        credentials, status, found = None, 101, ""
        try:
            if path == "/mqtt":
                credentials = self._answers.admit(target, facts, fields.get("host", ""))
            else:
                size = min(int(fields.get("content-length", "0")), BODY_BYTES_MAX)
                body = await reader.readexactly(size)
                status, found = self._answers.answer(method, path, facts, fields, body)
        except Refused as refused:
            status, found = refused.status, json.dumps(refused.facts)
        except (KeyError, TypeError, ValueError) as error:
            status, found = 400, json.dumps(Refused(400, f"the request can't be read ({error})").facts)
        if credentials is not None:
            key = _websocket.accept(fields.get("sec-websocket-key", ""))
            answer = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {key}\r\n"
            writer.write(_head(101, f"{answer}Sec-WebSocket-Protocol: mqtt\r\n"))
            await self._converse(reader, writer, Session(writer, credentials))
            return
        content = found.encode()
        kind = "application/json" if status < 400 else "application/problem+json"
        writer.write(_head(status, f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n") + content)
        await writer.drain()

    # The broker.

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session
    ) -> None:
        parser = _mqtt5.Parser()
        try:
            while (data := await _websocket.receive(reader, writer)) is not None:
                for packet in parser.feed(data):
                    answer = self._hear(session, packet)
                    if answer is None:
                        return
                    if not self._frozen:
                        writer.write(_websocket.frame(answer))
                await writer.drain()
        finally:
            self._sessions.discard(session)

    def _hear(self, session: Session, packet: _mqtt5.Packet) -> bytes | None:
        """The answer to a packet; None ends the connection."""
        match packet.kind:
            case _mqtt5.CONNECT:
                who = self._answers.owner(session.credentials)
                if not packet.client_id.startswith(f"{who}-"):
                    return _mqtt5.connack(_mqtt5.NOT_AUTHORIZED)
                for other in [one for one in self._sessions if one.client_id == packet.client_id]:
                    other.writer.write(_websocket.frame(_mqtt5.disconnect(_mqtt5.TAKEN_OVER)))
                    other.writer.close()
                session.client_id = packet.client_id
                self._sessions.add(session)
                self.connections += 1
                return _mqtt5.connack(_mqtt5.SUCCESS)
            case _mqtt5.SUBSCRIBE:
                reasons = [self._subscribe(session, topic) for topic in packet.filters]
                return _mqtt5.suback(packet.id, reasons)
            case _mqtt5.UNSUBSCRIBE:
                session.topics.difference_update(packet.filters)
                return _mqtt5.unsuback(packet.id, [_mqtt5.SUCCESS] * len(packet.filters))
            case _mqtt5.PINGREQ:
                return _mqtt5.PINGRESP
        return None

    def _subscribe(self, session: Session, topic: str) -> int:
        address = self._stage.topics.parse(topic)
        if address is None or address.symbol not in (None, *self._stage.symbols):
            return _mqtt5.NOT_AUTHORIZED
        session.topics.add(topic)
        return _mqtt5.SUCCESS


def _head(status: int, fields: str) -> bytes:
    end = "" if status == 101 else "Connection: close\r\n"
    return f"HTTP/1.1 {status} {REASONS[status]}\r\n{fields}{end}\r\n".encode("latin-1")
