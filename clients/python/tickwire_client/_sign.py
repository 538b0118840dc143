"""AWS Signature Version 4 for a WebSocket address.

In: an address, credentials and the time. Out: the address that the broker accepts within five minutes of that
time. Pure: no clock, no network.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from tickwire_client.identity import Credentials

VALID_S = 300
_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = hashlib.sha256(b"").hexdigest()


def presign(url: str, *, host: str, region: str, service: str, credentials: Credentials, now_s: float) -> str:
    """`url` with its signature in the query. `host` is the Host header that the handshake will carry."""
    moment = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    path = quote(urlsplit(url).path or "/", safe="/-_.~")
    query = "&".join(
        f"{name}={quote(value, safe='-_.~')}"
        for name, value in (  # in the order of their names, as the signature wants them
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
            ("X-Amz-Date", moment),
            ("X-Amz-SignedHeaders", "host"),
        )
    )
    request = f"GET\n{path}\n{query}\nhost:{host.lower()}\n\nhost\n{_NO_BODY}"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    signed = f"{url.partition('?')[0]}?{query}&X-Amz-Signature={signature}"
    if credentials.token:  # this service takes the token after the signature, not under it
        signed += f"&X-Amz-Security-Token={quote(credentials.token, safe='-_.~')}"
    return signed
