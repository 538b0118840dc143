"""The public document that tells any client all it needs: `GET /tickwire.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tickwire.prices import shown
from tickwire.topic import Topics

SIGNING_SERVICE = "iotdevicegateway"
CLIENT_ID = "{identityId}-{random}"


def document(
    *,
    stage: str,
    region: str,
    iot_url: str,
    signing_host: str,
    pool_id: str,
    identity_url: str,
    api: str,
    topics: Topics,
    symbols: Sequence[str],
    lanes: Mapping[str, str],
) -> dict[str, Any]:
    """The discovery document of a stage. `lanes`: what each symbol's price lane is, live, off or a window."""
    return {
        "stage": stage,
        "region": region,
        "iot": {"url": iot_url, "signingHost": signing_host, "signingService": SIGNING_SERVICE},
        "identity": {"poolId": pool_id, "url": identity_url},
        "clientId": CLIENT_ID,
        "api": api,
        "topics": dict(topics.templates()),
        "symbols": list(symbols),
        "lanes": dict(lanes),
        "prices": shown(),
    }
