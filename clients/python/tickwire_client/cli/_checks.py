"""What `tickwire doctor` looks at, one thing after the other, as a client meets them.

In: an address. Out: findings in order, each OK or with what to do. A check whose ground has failed is
skipped, so the first FAIL is what to mend. Nothing is published, and every wait has a bound.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from tickwire.tick import parse_iso
from tickwire_client import _http
from tickwire_client._access import Access
from tickwire_client._mqtt import Broken, Session, describe
from tickwire_client._platform import Platform, discover
from tickwire_client.cli._reach import Doubt, Ill, encryption, few, resolve
from tickwire_client.errors import NotTickwireError, TickwireError
from tickwire_client.identity import guest

# In this order; each is looked at where those that it stands on held.
CHECKS: dict[str, tuple[str, ...]] = {
    "name": (),
    "TLS": ("name",),
    "discovery": ("TLS",),
    "clock": ("discovery",),
    "broker": ("discovery",),
    "identity": ("discovery",),
    "signature": ("broker", "identity"),
    "policy": ("signature",),
    "subscription": ("policy",),
    "heartbeat": ("subscription",),
    "latency": ("subscription",),
}
CLOCK_READINGS = 3
CLOCK_MS_WARN, CLOCK_MS_MAX = 1_000, 240_000  # signatures bear 5 minutes
HEARTBEAT_MS_MAX = 10_000
KEPT_MS = 60_000  # the broker keeps for so long what a resume said; of a pause, as long as it lasts
SAMPLES_MAX = 1_000

State = Literal["OK", "WARN", "FAIL", "SKIP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    check: str
    state: State
    says: str


class Examination:
    """One platform, examined once. What a check learns stands here for the later ones."""

    def __init__(self, url: str, *, timeout_s: float, wait_s: float) -> None:
        """`timeout_s` bounds each request; `wait_s` the wait for the status lane."""
        self._url, self._timeout_s, self._wait_s = url, timeout_s, wait_s
        self._platform: Platform
        self._access: Access
        self._session: Session | None = None
        self._ear = _Ear()
        # Where a platform of this machine doesn't answer, its broker's place is a guess.
        port = os.environ.get("TICKWIRE_AWS_PORT", "")
        port = port if port.isdecimal() and int(port) < 65_536 else "4566"
        self._local = urlsplit(url).hostname in _http.LOOPBACK
        self._iot_url = f"ws://127.0.0.1:{port}/mqtt"
        self._clock_ms, self._clock_error_ms = 0.0, 0.0

    async def findings(self) -> AsyncIterator[Finding]:
        lost: set[str] = set()
        try:
            for check, grounds in CHECKS.items():
                ground = next((ground for ground in grounds if ground in lost), None)
                if ground is not None and not (check == "broker" and self._local):
                    finding = Finding(check=check, state="SKIP", says=f"after {ground}")
                else:
                    finding = await self._finding(check, getattr(self, f"_{check.lower()}"))
                if finding.state in ("FAIL", "SKIP"):
                    lost.add(check)
                yield finding
        finally:
            if self._session is not None:
                await self._session.stop()

    async def _finding(self, check: str, look: Callable[[], Awaitable[str]]) -> Finding:
        try:
            return Finding(check=check, state="OK", says=await look())
        except Doubt as doubt:
            return Finding(check=check, state="WARN", says=str(doubt))
        except (Ill, TickwireError) as error:
            return Finding(check=check, state="FAIL", says=str(error))

    async def _name(self) -> str:
        return await asyncio.to_thread(resolve, self._url)

    async def _tls(self) -> str:
        return await asyncio.to_thread(encryption, self._url, self._timeout_s)

    async def _discovery(self) -> str:
        try:
            found = await asyncio.to_thread(discover, self._url, timeout_s=self._timeout_s)
        except NotTickwireError:
            self._local = False
            raise
        self._platform, self._iot_url = found, found.iot_url
        return f"stage {found.stage} in {found.region}, symbols {', '.join(few(found.symbols))}"

    async def _clock(self) -> str:
        """The server's time lies between asking and hearing, so the quickest answer tells most."""
        readings = [await asyncio.to_thread(self._read_clock) for _ in range(CLOCK_READINGS)]
        told = [reading for reading in readings if reading is not None]
        if not told:
            raise Doubt(f"{self._platform.api}/health doesn't tell the time")
        self._clock_error_ms, self._clock_ms = min(told)
        side = "ahead of" if self._clock_ms > 0 else "behind"
        says = (
            f"{_seconds(abs(self._clock_ms))} {side} the server's,"
            f" give or take {_seconds(self._clock_error_ms)}"
        )
        beyond_ms = abs(self._clock_ms) - self._clock_error_ms
        if beyond_ms > CLOCK_MS_MAX:
            raise Ill(f"{says}, and signatures bear 5 minutes; set this machine's clock")
        if beyond_ms > CLOCK_MS_WARN:
            raise Doubt(f"{says}; set this machine's clock, or ages and latencies are off by that")
        return says

    def _read_clock(self) -> tuple[float, float] | None:
        """By how much the reading may be off, and how far this clock is ahead; None where it isn't told."""
        asked_s = time.time()
        answer = _http.call("GET", f"{self._platform.api}/health", timeout_s=self._timeout_s)
        got_s = time.time()
        try:
            return (got_s - asked_s) * 500, (got_s + asked_s) * 500 - parse_iso(answer.json()["time"])
        except (ValueError, KeyError, TypeError):
            return None if answer.clock_offset_s is None else (1000.0, answer.clock_offset_s * 1000)

    async def _broker(self) -> str:
        url = self._iot_url
        resolved = await asyncio.to_thread(resolve, url)
        return f"{resolved}; {await asyncio.to_thread(encryption, url, self._timeout_s)}"

    async def _identity(self) -> str:
        platform = self._platform
        me = guest(url=platform.identity_url, pool_id=platform.pool_id, timeout_s=self._timeout_s)
        self._access = Access(platform, me)
        name, credentials = await asyncio.to_thread(lambda: (me.name(), me.credentials()))
        left_s = (credentials.expires_s or 0) - time.time()
        return f"guest {name}, credentials for {left_s / 60:.0f} more minutes"

    async def _signature(self) -> str:
        host, timeout_s = self._platform.signing_host, self._timeout_s
        answer = await asyncio.to_thread(
            lambda: _http.upgrade(self._access.signed_url(), host=host, timeout_s=timeout_s)
        )
        if answer.status != 101:
            raise Ill(
                f"{self._platform.iot_url} answered {answer.status} {answer.reason} to a signed handshake for"
                f" host {host}; expected 101: see whether the clock is right and the stage still deployed"
            )
        return f"the broker takes it, for host {host}"

    async def _policy(self) -> str:
        client_id = await asyncio.to_thread(self._access.client_id)
        self._session = Session(
            url=self._platform.iot_url,
            host=self._platform.signing_host,
            client_id=client_id,
            sign=self._access.signed_url,
            message=self._ear.message,
            kept=self._ear.kept,
            connect_timeout_s=self._timeout_s,
        )
        self._session.start()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._session.up
        except TimeoutError:
            raise Ill(
                f"{self._platform.iot_url} didn't answer CONNECT within {self._timeout_s:g} s"
            ) from None
        except Broken as broken:
            raise Ill(
                f"{self._platform.iot_url} refused client id {client_id}: {broken.why}; expected a role that"
                " allows iot:Connect with it"
            ) from None
        return f"connected as {client_id}"

    async def _subscription(self) -> str:
        platform, session = self._platform, self._session
        assert session is not None
        spoken = [symbol for symbol in platform.symbols if symbol not in platform.off][:1]
        topics = [platform.price_topic(symbol) for symbol in spoken]
        topics += [platform.topics[lane] for lane in ("board", "status") if lane in platform.topics]
        self._ear.status_topic = platform.topics.get("status")
        try:
            async with asyncio.timeout(self._timeout_s):
                codes = await session.subscribe(topics)
        except (ConnectionError, TimeoutError) as error:
            raise Ill(f"no answer to SUBSCRIBE {', '.join(topics)}: {error or 'timed out'}") from None
        refused = [
            f"{topic} ({describe(code)})" for topic, code in zip(topics, codes, strict=True) if code >= 0x80
        ]
        if refused:
            raise Ill(f"refused: {', '.join(refused)}; expected a role that allows iot:Subscribe on them")
        return ", ".join(topics)

    async def _heartbeat(self) -> str:
        if self._ear.status_topic is None:
            raise Doubt("this stage has no status lane, so silence can't be told from a fault")
        paused = ""
        try:
            async with asyncio.timeout(self._wait_s):
                status, came_ms, kept = await self._ear.statuses.get()
                while kept:
                    if status.get("paused"):
                        paused = f"paused since {status['time']}; `tickwire resume` goes on"
                        if self._age_ms(status, came_ms) - self._clock_error_ms > KEPT_MS:
                            raise Doubt(paused)
                    status, came_ms, kept = await self._ear.statuses.get()
        except TimeoutError:
            if paused:
                raise Doubt(paused) from None
            raise Ill(
                f"nothing on {self._ear.status_topic} for {self._wait_s:g} s; expected a message each minute:"
                " see the status function and its schedule"
            ) from None
        age_ms = self._age_ms(status, came_ms)
        until = f" until {status['until']}" if status.get("until") else ""
        says = f"{_seconds(age_ms)} old; market {status.get('market')}{until}"
        if status.get("paused"):
            says += ", feed paused"
        if age_ms - self._clock_error_ms > HEARTBEAT_MS_MAX:
            raise Doubt(f"{says}; expected it within {HEARTBEAT_MS_MAX // 1000} s: the platform is behind")
        if reasons := status.get("reasons"):
            told = "; ".join(f"{reason.get('says')} (see {reason.get('see')})" for reason in reasons)
            raise Doubt(f"{says}; degraded: {told}")
        return says

    def _age_ms(self, status: dict[str, Any], came_ms: float) -> float:
        return came_ms - self._clock_ms - parse_iso(status["time"])

    async def _latency(self) -> str:
        """From the moment that the platform put into a message to its arrival here."""
        lags = sorted(came_ms - made_ms - self._clock_ms for made_ms, came_ms in self._ear.samples)
        if not lags:
            raise Doubt("no message told its time")
        return (
            f"{statistics.median(lags):.0f} ms one way, the median of {len(lags)} messages, give or take"
            f" {self._clock_error_ms:.0f} ms for the clocks"
        )


class _Ear:
    """What the session tells: statuses, and which the broker had kept; when messages were made and came."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.statuses: asyncio.Queue[tuple[dict[str, Any], float, bool]] = asyncio.Queue(SAMPLES_MAX)
        self.status_topic: str | None = None
        self.samples: deque[tuple[int, float]] = deque(maxlen=SAMPLES_MAX)

    def message(self, topic: str, payload: bytes) -> None:
        """In the session's thread."""
        self._loop.call_soon_threadsafe(self._hear, topic, payload, time.time() * 1000, False)

    def kept(self, topic: str, payload: bytes) -> None:
        """In the session's thread; it says nothing of the way."""
        self._loop.call_soon_threadsafe(self._hear, topic, payload, time.time() * 1000, True)

    def _hear(self, topic: str, payload: bytes, came_ms: float, kept: bool) -> None:
        try:
            found = json.loads(payload)
            made_ms = parse_iso(found["time"])  # of status and board; a price has none
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if not kept:
            self.samples.append((made_ms, came_ms))
        if topic == self.status_topic and not self.statuses.full():
            self.statuses.put_nowait((found, came_ms, kept))


def _seconds(ms: float) -> str:
    return f"{ms:.0f} ms" if abs(ms) < 1000 else f"{ms / 1000:.1f} s"
