"""One attempt to connect: from what a platform allows to a session that is up, or why there is none.

In: access to a platform. Out: a `Session`, or `Broken` with what kind of failure it is. What was refused is
forgotten by its identity before it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tickwire_client import _http
from tickwire_client._access import Access
from tickwire_client._mqtt import Broken, Kind, Session
from tickwire_client.errors import TickwireError, UnauthorizedError


async def dial(access: Access, *, message: Callable[[str, bytes], None], timeout_s: float) -> Session:
    """Signed anew, under a client id of its own. `message` is called in the session's thread."""
    platform = access.platform
    try:
        client_id = await asyncio.to_thread(access.client_id)
        session = Session(
            url=platform.iot_url,
            host=platform.signing_host,
            client_id=client_id,
            sign=access.signed_url,
            message=message,
            connect_timeout_s=timeout_s,
        )
        try:
            session.start()
            async with asyncio.timeout(timeout_s * 3):  # socket, TLS and CONNACK have one each
                await session.up
        except BaseException:
            session.abandon()
            raise
    except TimeoutError:
        raise Broken("network", "the handshake never ended") from None
    except TickwireError as error:
        raise _refused(access, _broken(error)) from None
    except Broken as broken:
        if broken.kind == "handshake":
            broken = await _explained(broken, access, timeout_s=timeout_s)
        elif broken.kind == "refused" and broken.error is None:
            why = f"client id {client_id}: {broken.why}"
            broken = Broken("refused", broken.why, UnauthorizedError(platform.iot_url, why))
        raise _refused(access, broken) from None
    return session


async def _explained(broken: Broken, access: Access, *, timeout_s: float) -> Broken:
    """The handshake failed, and the CRT doesn't say how: ask again by plain HTTP, and read the status."""

    def ask() -> _http.Answer:
        return _http.upgrade(access.signed_url(), host=access.platform.signing_host, timeout_s=timeout_s)

    try:
        answer = await asyncio.to_thread(ask)
    except TickwireError as error:
        return _broken(error)
    why = f"the handshake got {answer.status} {answer.reason}".rstrip()
    if answer.status not in (401, 403):
        return Broken("network", why)
    url = access.platform.iot_url
    return Broken("refused", why, UnauthorizedError(url, why, clock_offset_s=answer.clock_offset_s))


def _refused(access: Access, broken: Broken) -> Broken:
    if broken.kind == "refused":
        access.refused()
    return broken


def _broken(error: TickwireError) -> Broken:
    kind: Kind = "refused" if isinstance(error, UnauthorizedError) else "network"
    return Broken(kind, getattr(error, "why", str(error)), error)
