"""Whether an address can be reached from this machine: its name, its port, its certificate. Blocking.

In: a URL. Out: what was found, in words; `Doubt` when it holds but wants looking after, else `Ill`.
"""

from __future__ import annotations

import socket
import ssl
import time
from urllib.parse import urlsplit
from urllib.request import getproxies

from tickwire.tick import iso
from tickwire_client import _http

CERTIFICATE_DAYS_WARN = 14


class Ill(Exception):
    """A check failed; the text says what was found and what to do."""


class Doubt(Exception):
    """A check passed, with something to see to."""


def resolve(url: str) -> str:
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Ill(f"{host} has no address ({error.strerror}); check it, and this machine's DNS") from None
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return f"{host} is {', '.join(few(tuple(addresses)))}"


def encryption(url: str, timeout_s: float) -> str:
    """Whether the port answers, and how long its certificate holds, where it has one."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme in ("https", "wss")
    place = f"{host}:{parts.port or (443 if secure else 80)}"
    if parts.scheme == "https" and getproxies().get("https"):
        return (
            f"left to the proxy {urlsplit(getproxies()['https']).hostname}"  # its address may hold a password
        )
    try:
        with socket.create_connection((host, parts.port or (443 if secure else 80)), timeout_s) as plain:
            if not secure:
                if host in _http.LOOPBACK:
                    return f"{place} answers; unencrypted, as it's on this machine"
                raise Doubt(f"{place} answers unencrypted; expected {parts.scheme}s away from this machine")
            with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as wrapped:
                until_s = ssl.cert_time_to_seconds(str((wrapped.getpeercert() or {}).get("notAfter")))
                version = wrapped.version()
    except ssl.SSLCertVerificationError as error:
        raise Ill(f"{place} shows a certificate that can't be trusted: {error.verify_message}") from None
    except OSError as error:
        why = "timed out" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
        what = "the broker" if parts.scheme.startswith("ws") else "the platform"
        raise Ill(
            f"{place} of {what}: {why}; is {what} running, and the port open to this machine?"
        ) from None
    days = (until_s - time.time()) / 86_400
    says = f"{place} by {version}, certificate until {iso(int(until_s * 1000))[:10]}"
    if days < CERTIFICATE_DAYS_WARN:
        raise Doubt(f"{says}, {days:.0f} days from now; see to its renewal")
    return says


def few(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) <= 5 else (*names[:4], f"and {len(names) - 4} more")
