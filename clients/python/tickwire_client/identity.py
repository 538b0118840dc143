"""Who a client is: where its credentials come from.

An `Identity` is anything with these three methods: a `Guest` unless another is given, a `User` for somebody
who signed in, `Keys` for plain AWS credentials. They may block and are called in threads, several at once, so
that one loop's stall never delays another's handshake.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tickwire_client import _http
from tickwire_client.errors import AnswerError, UnauthorizedError, UnreachableError

REFRESH_S = 600
"""Credentials with less than this left are replaced before they are used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """AWS credentials; `expires_s` is seconds since 1970, or None for those that don't expire."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_s: float | None = None


class Identity(Protocol):
    """A source of credentials. Raises UnauthorizedError when refused, UnreachableError when trying again may
    help."""

    def name(self) -> str:
        """What {identityId} stands for in a client id."""

    def credentials(self) -> Credentials:
        """Credentials that are good for a handshake now."""

    def forget(self, refused: Credentials) -> None:
        """The platform refused these: fetch anew next time, unless that was done already."""


class Guest:
    """A guest of a Cognito identity pool. One identity for as long as the object lives: see `guest`."""

    kind = "guest"

    def __init__(self, *, url: str, pool_id: str, timeout_s: float = 10.0) -> None:
        self._url, self._pool_id, self._timeout_s = url, pool_id, timeout_s
        self._lock = threading.Lock()
        self._name: str | None = None
        self._credentials: Credentials | None = None

    def name(self) -> str:
        with self._lock:
            return self._named()

    def credentials(self) -> Credentials:
        """The ones kept, or new ones when less than ten minutes are left of them."""
        with self._lock:
            kept = self._credentials
            left_s = (kept.expires_s or 0) - time.time() if kept else 0.0
            if kept and left_s > REFRESH_S:
                return kept
            try:
                self._credentials = self._fetch()
            except UnreachableError:
                if kept is None or left_s <= 0:
                    raise
                return kept  # still good for a while, and the next handshake tries again
            return self._credentials

    def forget(self, refused: Credentials) -> None:
        with self._lock:
            if self._credentials == refused:
                self._name = self._credentials = None

    def _named(self) -> str:
        if self._name is None:
            self._name = _text(
                self._url, self._ask("GetId", {"IdentityPoolId": self._pool_id} | self._proof()), "IdentityId"
            )
        return self._name

    def _fetch(self) -> Credentials:
        name = self._named()
        try:
            found = self._ask("GetCredentialsForIdentity", {"IdentityId": name} | self._proof()).get(
                "Credentials"
            )
        except UnauthorizedError:
            self._name = (
                None  # the pool has forgotten this identity, perhaps with all others: ask for another
            )
            raise
        expires = found.get("Expiration") if isinstance(found, dict) else None
        if not isinstance(found, dict) or expires is None:
            raise AnswerError(self._url, "no Credentials with an Expiration")
        return Credentials(
            access_key=_text(self._url, found, "AccessKeyId"),
            secret_key=_text(self._url, found, "SecretKey"),
            token=_text(self._url, found, "SessionToken"),
            expires_s=float(expires),
        )

    def _proof(self) -> dict[str, Any]:
        """What a request says of who asks."""
        return {}

    def _ask(self, operation: str, facts: dict[str, Any]) -> dict[str, Any]:
        answer = _http.call(
            "POST",
            self._url.rstrip("/") + "/",
            timeout_s=self._timeout_s,
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"AWSCognitoIdentityService.{operation}",
            },
            body=json.dumps(facts).encode(),
        )
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            found = None
        if answer.status == 200 and isinstance(found, dict):
            return found
        told = found if isinstance(found, dict) else {}
        kind = str(told.get("__type", "")).rpartition("#")[2] or f"{answer.status} {answer.reason}"
        why = f"{operation} of {self.kind} identity {self._pool_id} gave {kind}"
        if answer.status >= 500 or kind.startswith(("TooManyRequests", "InternalError", "Throttling")):
            raise UnreachableError(self._url, why)
        if answer.status == 200:
            raise AnswerError(self._url, "something that isn't JSON")
        message = told.get("message") or told.get("Message")
        raise UnauthorizedError(
            self._url, f"{why}: {message}" if message else why, clock_offset_s=answer.clock_offset_s
        )


class User(Guest):
    """Somebody who signed in, in the platform's identity pool.

    `Client(url, identity=lambda its: User(url=its.identity_url, pool_id=its.pool_id, logins=logins))`.
    `logins` gives the provider's name and its token, fresh at each call: `{"cognito-idp…": "eyJ…"}`.
    """

    kind = "signed-in"

    def __init__(
        self, *, url: str, pool_id: str, logins: Callable[[], Mapping[str, str]], timeout_s: float = 10.0
    ) -> None:
        super().__init__(url=url, pool_id=pool_id, timeout_s=timeout_s)
        self._logins = logins

    def _proof(self) -> dict[str, Any]:
        return {"Logins": dict(self._logins())}


class Keys:
    """Plain AWS credentials, such as a server's own. `name` begins the client ids, which their policy allows.

    `source` is asked before each handshake, so that ones that expire can be replaced by whoever holds them.
    """

    def __init__(self, source: Callable[[], Credentials] | Credentials, *, name: str) -> None:
        self._source, self._name = source, name

    def name(self) -> str:
        return self._name

    def credentials(self) -> Credentials:
        return self._source if isinstance(self._source, Credentials) else self._source()

    def forget(self, refused: Credentials) -> None:
        """The source is asked anew anyway."""


_guests: dict[tuple[str, str], Guest] = {}
_guests_lock = threading.Lock()


def guest(*, url: str, pool_id: str, timeout_s: float) -> Guest:
    """The process's one guest of a pool. Cognito gives an account 25 new ones a second, so it is kept."""
    with _guests_lock:
        return _guests.setdefault((url, pool_id), Guest(url=url, pool_id=pool_id, timeout_s=timeout_s))


def _text(url: str, found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise AnswerError(url, f"no {name}")
    return value
