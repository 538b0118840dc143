"""The site and its API on one address of this machine, as CloudFront would serve them.

In: HTTP from browsers and clients, on 127.0.0.1 only. Out: what the stage's distribution says
(`local.delivery`), fetched from the local cloud over kept-alive connections: a bucket's pages through the
local cloud's own CloudFront, with its access control and headers; an API's answers straight from that API.
Before a stage is shown, and while the local cloud is away, every answer is a problem document (503, 502,
504).

Bounds: a request's body of 10 MB as at API Gateway, 32 requests to the cloud at once (more wait their turn),
30 s for an answer.
"""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import urllib3
import uvicorn

from local.delivery import Delivery

HOST = "127.0.0.1"
BODY_BYTES_MAX = 10_000_000
REQUESTS_MAX = 32
CONNECT_S, ANSWER_S = 2.0, 30.0

# What belongs to one connection only, and what uvicorn writes itself.
_OWN = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "date",
        "server",
    )
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]


class Edge:
    """A context manager: listens from the first moment, serves once `show` has told it what."""

    def __init__(self, *, cloud_url: str, port: int = 0) -> None:
        """`port` 0 takes any free one. OSError when it can't be had."""
        cloud = urlsplit(cloud_url)
        self._socket = socket.create_server((HOST, port), backlog=512, reuse_port=False)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self._delivery: Delivery | None = None
        self._cloud = urllib3.HTTPConnectionPool(
            cloud.hostname or HOST,
            cloud.port,
            maxsize=REQUESTS_MAX,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S),
            retries=False,
        )
        self._workers = ThreadPoolExecutor(REQUESTS_MAX, thread_name_prefix="edge")
        self._server = uvicorn.Server(
            uvicorn.Config(
                self,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="edge", daemon=True)

    def show(self, delivery: Delivery) -> None:
        """Serve by this distribution from the next request on."""
        self._delivery = delivery

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._cloud.close()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request. Nothing that it meets ends the server."""
        body = await _body(receive)
        if body is None:
            status, headers, content = problem(
                413, f"the body is over {BODY_BYTES_MAX} bytes; send it in parts"
            )
            headers.append((b"connection", b"close"))
        else:
            status, headers, content = await asyncio.get_running_loop().run_in_executor(
                self._workers, functools.partial(self._answer, scope, body)
            )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    def _answer(self, scope: Message, body: bytes) -> Answer:
        delivery = self._delivery
        if delivery is None:
            return problem(503, "the stage is being deployed; try again in a few seconds")
        route = delivery.route(scope["path"])
        method = scope["method"]
        if method not in route.methods:
            return problem(
                403, f"method is {method} on {scope['path']}; expected one of {_listed(route.methods)}"
            )
        try:
            status, headers, content = self._ask(scope, body, route.api_host or delivery.host)
        except urllib3.exceptions.ReadTimeoutError:
            return problem(504, f"the local cloud gave no answer within {ANSWER_S:.0f} s")
        except urllib3.exceptions.HTTPError as error:
            return problem(
                502, f"the local cloud, with broker and functions, can't be reached ({type(error).__name__})"
            )
        origin = _header(scope, b"origin")
        for header in route.policy.headers(method, origin):
            name = header.name.encode()
            if header.overrides:
                headers = [pair for pair in headers if pair[0] != name]
            elif any(pair[0] == name for pair in headers):
                continue
            headers.append((name, header.value.encode()))
        return status, headers, content

    def _ask(self, scope: Message, body: bytes, host: str) -> Answer:
        """The local cloud's answer. A kept-alive connection that it had just closed is worth a second try."""
        path = scope["raw_path"].decode("latin-1")
        target = f"{path}?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else path
        headers = urllib3.HTTPHeaderDict()
        for name, value in scope["headers"]:
            if name.decode("latin-1") not in _OWN and name not in (b"host", b"content-length"):
                headers.add(name.decode("latin-1"), value.decode("latin-1"))
        headers["host"] = host
        headers["x-forwarded-for"] = scope["client"][0] if scope.get("client") else HOST
        headers["x-forwarded-proto"] = (
            "https"  # the distribution would send http elsewhere; here there is no TLS
        )
        ask = functools.partial(
            self._cloud.urlopen,
            scope["method"],
            target,
            body=body or None,
            headers=headers,
            decode_content=False,
        )
        try:
            found = ask()
        except urllib3.exceptions.ProtocolError:
            if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                raise
            found = ask()
        return found.status, _passed(found.headers.items(), found.status), found.data


def problem(status: int, detail: str) -> Answer:
    """An RFC 9457 problem document, readable from any origin."""
    text = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"access-control-allow-origin", b"*"),
    ]
    content = json.dumps(text).encode()
    headers.append((b"content-length", str(len(content)).encode()))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"2"))
    return status, headers, content


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None when it is too long."""
    parts, length = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        length += len(part)
        if length > BODY_BYTES_MAX:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _passed(headers: Iterable[tuple[str, str]], status: int) -> Headers:
    without = _OWN | {"content-length"} if status in (204, 304) else _OWN
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in without
    ]


def _header(scope: Message, name: bytes) -> str | None:
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), None)


def _listed(methods: Iterable[str]) -> str:
    return ", ".join(sorted(methods))
