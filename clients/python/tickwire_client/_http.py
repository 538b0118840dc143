"""HTTP by the standard library, blocking: callers run it in a thread.

In: one request. Out: an `Answer` with whatever status, or `UnreachableError`. A client makes a few requests
an hour, so a dependency, connection pooling or an event loop's own HTTP would bring weight and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tickwire_client.errors import UnreachableError

BODY_BYTES_MAX = 8_000_000
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
USER_AGENT = "tickwire-client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response, read whole."""

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    clock_offset_s: float | None
    """This machine's clock less the server's, where the server told its own; whole seconds at best."""

    def json(self) -> Any:
        """The body as JSON with exact decimals; ValueError when it isn't."""
        return json.loads(self.body, parse_float=Decimal)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def call(
    method: str,
    url: str,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request; every status is an answer, and only silence is an error."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    # A proxy of the environment's has no way to this machine, whether NO_PROXY says so or not.
    opener = build_opener(*([ProxyHandler({})] if urlsplit(url).hostname in LOOPBACK else []))
    request = Request(url, body, {"User-Agent": USER_AGENT, **(headers or {})}, method=method)
    try:
        try:
            response = opener.open(request, timeout=timeout_s)
        except HTTPError as error:
            response = error
        with response:
            return _answer(
                url, response.status, response.reason, response.headers.items(), _body(url, response)
            )
    except URLError as error:
        raise UnreachableError(url, _why(error.reason)) from None
    except (OSError, HTTPException) as error:
        raise UnreachableError(url, _why(error)) from None


def upgrade(url: str, *, host: str, timeout_s: float) -> Answer:
    """Ask for a WebSocket upgrade and hang up: tells why a handshake failed, which the MQTT client
    doesn't."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "wss" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    handshake = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "mqtt",
        "User-Agent": USER_AGENT,
    }
    shown = url.partition("?")[0]
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=handshake)
        response = connection.getresponse()
        return _answer(shown, response.status, response.reason, response.headers.items(), b"")
    except (OSError, HTTPException) as error:
        raise UnreachableError(shown, _why(error)) from None
    finally:
        connection.close()


def _body(url: str, response: Any) -> bytes:
    body: bytes = response.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        raise UnreachableError(url, f"its answer is longer than {BODY_BYTES_MAX} bytes")
    return body


def _answer(url: str, status: int, reason: str, headers: Any, body: bytes) -> Answer:
    from email.utils import parsedate_to_datetime

    fields = {name.lower(): value for name, value in headers}
    offset_s: float | None = None
    if "date" in fields:
        with contextlib.suppress(ValueError):  # nothing depends on it
            offset_s = time.time() - parsedate_to_datetime(fields["date"]).timestamp()
    return Answer(url=url, status=status, reason=reason, headers=fields, body=body, clock_offset_s=offset_s)


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "timed out"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return str(reason) or type(reason).__name__
