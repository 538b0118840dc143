"""What the platform in memory answers over HTTP, and whom it lets in: discovery, guests, prices, ticks.

In: a request. Out: a status and JSON, or `Refused`, which becomes a problem document. No sockets.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from tickwire import discovery, intake, wire
from tickwire.symbol import near
from tickwire.tick import Tick, iso, parse_iso
from tickwire.topic import Topics
from tickwire_client._sign import VALID_S, presign
from tickwire_client.identity import Credentials

KEY = "test-key"
"""What writes over HTTP want."""
CREDENTIALS_S = 3600
LIMIT = 100
REASONS = {101: "Switching Protocols", 200: "OK", 202: "Accepted", 400: "Bad Request"}
REASONS |= {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 410: "Gone"}
REGION = "us-east-1"
POOL_ID = f"{REGION}:00000000-0000-0000-0000-000000000000"


class Stage(Protocol):
    """What is served."""

    symbols: tuple[str, ...]
    topics: Topics

    @property
    def series(self) -> int: ...

    def kept(self, symbol: str) -> list[Tick]: ...

    def take(self, ticks: list[Tick]) -> list[Tick]: ...

    def beat(self) -> None: ...


class Refused(Exception):
    """A request's problem: a status, and what is wrong."""

    def __init__(self, status: int, detail: str, **facts: object) -> None:
        self.status = status
        self.facts = {"type": "about:blank", "title": REASONS[status], "status": status, "detail": detail}
        self.facts |= facts


class Answers:
    """Of one platform; `url` is set once it is known."""

    def __init__(self, stage: Stage) -> None:
        self.url = ""
        self._stage = stage
        self._given: dict[str, tuple[str, Credentials]] = {}  # by access key: to whom, and what

    def expire(self) -> None:
        """Forget all credentials given so far."""
        self._given.clear()

    def owner(self, credentials: Credentials) -> str | None:
        """Whose they are; None when they are good for nothing any more."""
        return self._given.get(credentials.access_key, (None,))[0]

    def answer(
        self, method: str, path: str, query: Mapping[str, str], fields: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        """A request's status and JSON."""
        match (method, path.strip("/").split("/")):
            case ("GET", ["tickwire.json"]):
                return 200, json.dumps(self._document())
            case ("POST", ["identity"]):
                operation = fields.get("x-amz-target", "").rpartition(".")[2]
                return 200, json.dumps(self._identify(operation, json.loads(body)))
            case ("GET", ["api", "health"]):
                return 200, json.dumps({"status": "ok", "time": iso(time.time_ns() // 1_000_000)})
            case ("GET", ["api", "prices"]):
                wanted = query.get("symbols", ",".join(self._stage.symbols)).split(",")
                rows = [_row(self._symbol(symbol), self._stage.kept(symbol)) for symbol in wanted]
                return 200, f'{{"prices":[{",".join(filter(None, rows))}]}}'
            case ("GET", ["api", "prices", symbol]):
                return 200, self._page(self._symbol(symbol), query)
            case ("POST", ["api", "ticks"]):
                return 202, json.dumps({"accepted": self._write(fields.get("x-api-key"), body)})
        raise Refused(404, f"{method} {path} is not among what the platform in memory has")

    def admit(self, target: str, query: Mapping[str, str], host: str) -> Credentials:
        """The credentials that the signature was made with, or Refused."""
        key = query.get("X-Amz-Credential", "").partition("/")[0]
        if key not in self._given:
            raise Refused(403, "the security token is unknown or has expired")
        credentials = self._given[key][1]
        try:
            signed_s = parse_iso(query["X-Amz-Date"]) / 1000
        except (KeyError, ValueError):
            raise Refused(403, "there is no X-Amz-Date") from None
        if abs(signed_s - time.time()) > VALID_S:
            raise Refused(403, "the signature has expired")
        expected = presign(
            f"ws://{host}/mqtt",
            host=host,
            region=REGION,
            service=discovery.SIGNING_SERVICE,
            credentials=credentials,
            now_s=signed_s,
        )
        if urlsplit(expected).query != urlsplit(target).query:
            raise Refused(403, "the signature doesn't match")
        return credentials

    def _document(self) -> dict[str, Any]:
        return discovery.document(
            stage="memory",
            region=REGION,
            iot_url=f"ws://{urlsplit(self.url).netloc}/mqtt",
            signing_host=urlsplit(self.url).netloc,
            pool_id=POOL_ID,
            identity_url=f"{self.url}/identity",
            api=f"{self.url}/api",
            topics=self._stage.topics,
            symbols=self._stage.symbols,
            lanes=dict.fromkeys(self._stage.symbols, "live"),
        )

    def _identify(self, operation: str, facts: Mapping[str, str]) -> dict[str, Any]:
        if operation == "GetId":
            return {"IdentityId": f"{REGION}:{secrets.token_hex(16)}"}
        given = Credentials(
            access_key=f"ASIA{secrets.token_hex(8).upper()}",
            secret_key=secrets.token_hex(20),
            token=secrets.token_hex(20),
            expires_s=time.time() + CREDENTIALS_S,
        )
        self._given[given.access_key] = (facts["IdentityId"], given)
        told = {"AccessKeyId": given.access_key, "SecretKey": given.secret_key, "SessionToken": given.token}
        return {"IdentityId": facts["IdentityId"], "Credentials": told | {"Expiration": given.expires_s}}

    def _symbol(self, name: str) -> str:
        if name not in self._stage.symbols:
            hint = " or ".join(near(name, self._stage.symbols)) or "one of the stage's"
            raise Refused(
                404, f"symbol is {name!r}; expected {hint}", field="symbol", value=name, expected=hint
            )
        return name

    def _page(self, symbol: str, query: Mapping[str, str]) -> str:
        """Ticks after a number, between times, or the newest; as the real API pages them."""
        if "cursor" in query:
            query = dict(pair.split("=", 1) for pair in query["cursor"].split("~")) | {
                "limit": query.get("limit", str(LIMIT))
            }
        series, limit = self._stage.series, int(query.get("limit", LIMIT))
        if int(query.get("series", series)) not in (0, series):
            raise Refused(410, f"series is {query['series']}; {series} is the one kept", expected=series)
        kept = self._stage.kept(symbol)
        ranged = "from" in query or "to" in query
        if "after_seq" not in query and not ranged:
            kept = kept[-limit:]
        found = [tick for tick in kept if tick.seq > int(query.get("after_seq", 0)) and _within(tick, query)]
        cursor = None
        if len(found) > limit:
            rest = {name: query[name] for name in ("from", "to") if name in query}
            pairs = {"series": series, "after_seq": found[limit - 1].seq, **rest}
            cursor = "~".join(f"{name}={value}" for name, value in pairs.items())
        ticks = ",".join(f'{{"seq":{tick.seq},{wire.details(tick)}}}' for tick in found[:limit])
        return f'{{"symbol":"{symbol}","series":{series},"ticks":[{ticks}],"cursor":{json.dumps(cursor)}}}'

    def _write(self, key: str | None, body: bytes) -> int:
        if key != KEY:
            raise Refused(401, "x-api-key is missing or another one", field="x-api-key", expected=KEY)
        now_ms = time.time_ns() // 1_000_000
        try:
            ticks = intake.observations(body, symbols=self._stage.symbols, arrived_ms=now_ms)
        except intake.Refused as error:
            raise Refused(
                400, str(error), field=error.field, value=error.value, expected=error.expected
            ) from None
        return len(self._stage.take(ticks))


def _row(symbol: str, kept: list[Tick]) -> str:
    if not kept:
        return ""
    tick = kept[-1]
    return (
        f'{{"symbol":"{symbol}","series":{tick.series},"seq":{tick.seq},"previousClose":null,'
        f'"dayOpen":{kept[0].price:f},'
        f"{wire.details(tick)}}}"
    )


def _within(tick: Tick, query: Mapping[str, str]) -> bool:
    start, end = (query[name].replace(" ", "+") if name in query else None for name in ("from", "to"))
    return (start is None or tick.time_ms >= parse_iso(start)) and (
        end is None or tick.time_ms < parse_iso(end)
    )
