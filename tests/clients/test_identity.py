"""The guest's identity: kept, renewed in time, and its failures sorted by whether trying again helps."""

from __future__ import annotations

import json
import time

import pytest

from tests.clients.site import Site
from tests.clients.stage import Stage, run
from tickwire_client import (
    AnswerError,
    Client,
    Credentials,
    Keys,
    Platform,
    UnauthorizedError,
    UnreachableError,
    User,
)
from tickwire_client.identity import REFRESH_S, Guest, guest

NAMED = (200, {"IdentityId": "us-east-1:me"})


def credentials(left_s: float, key: str = "ASIA") -> tuple[int, object]:
    found = {"AccessKeyId": key, "SecretKey": "s", "SessionToken": "t", "Expiration": time.time() + left_s}
    return 200, {"Credentials": found}


def someone(site: Site, *answers: tuple[int, object]) -> Guest:
    site.answers = {"GetId": [NAMED], "GetCredentialsForIdentity": list(answers)}
    return Guest(url=site.url, pool_id="us-east-1:pool", timeout_s=2)


def test_credentials_are_kept_while_ten_minutes_are_left(site: Site) -> None:
    """Cognito is asked once."""
    me = someone(site, credentials(REFRESH_S + 5))
    assert me.credentials() == me.credentials()
    assert me.name() == "us-east-1:me"
    assert site.asked == ["GetId", "GetCredentialsForIdentity"]


def test_credentials_with_less_left_are_replaced_under_the_same_identity(site: Site) -> None:
    """A handshake never starts with credentials that may run out on the way."""
    me = someone(site, credentials(REFRESH_S - 5, "OLD"), credentials(3600, "NEW"))
    assert [me.credentials().access_key for _ in range(3)] == ["OLD", "NEW", "NEW"]
    assert site.asked.count("GetId") == 1


def test_credentials_that_still_hold_serve_while_cognito_is_out(site: Site) -> None:
    """A refresh that fails isn't a failure until the old ones are really over."""
    me = someone(site, credentials(REFRESH_S - 5, "OLD"), (500, {}))
    assert [me.credentials().access_key for _ in range(2)] == ["OLD", "OLD"]
    me = someone(site, credentials(-1, "OLD"), (500, {}))
    me.credentials()
    with pytest.raises(UnreachableError):
        me.credentials()


@pytest.mark.parametrize("kind", ["TooManyRequestsException", "InternalErrorException"])
def test_a_busy_cognito_is_worth_another_try(site: Site, kind: str) -> None:
    """Its rate is an account's, so another client's rush may have used it up."""
    me = someone(site, (400, {"__type": f"com.amazonaws#{kind}"}))
    with pytest.raises(UnreachableError, match=kind):
        me.credentials()


def test_a_refusal_names_what_was_refused(site: Site) -> None:
    """And the identity is dropped, so that the next try asks for another."""
    me = someone(site, (400, {"__type": "NotAuthorizedException", "message": "no guests"}), credentials(3600))
    with pytest.raises(UnauthorizedError, match=r"us-east-1:pool gave NotAuthorizedException: no guests"):
        me.credentials()
    me.credentials()
    assert site.asked.count("GetId") == 2


def test_a_clock_that_is_off_is_named_as_the_reason() -> None:
    """Signatures bear five minutes: past that, the clock is what to mend."""
    assert "7 minutes behind the server's" in str(UnauthorizedError("wss://x", "403", clock_offset_s=-420))
    assert "clock" not in str(UnauthorizedError("wss://x", "403", clock_offset_s=30))


def test_refused_credentials_are_forgotten_only_if_they_are_still_the_ones(site: Site) -> None:
    """Two clients that are refused together fetch one new identity, not two."""
    me = someone(site, credentials(3600, "OLD"), credentials(3600, "NEW"))
    old = me.credentials()
    me.forget(old)
    new = me.credentials()
    me.forget(old)
    assert me.credentials() == new
    assert site.asked.count("GetId") == 2


def test_a_signed_in_user_proves_it_in_each_request(site: Site) -> None:
    """With the token that is fresh then."""
    tokens = iter(("one", "two"))
    site.answers = {"GetId": [NAMED], "GetCredentialsForIdentity": [credentials(3600)]}
    me = User(url=site.url, pool_id="us-east-1:pool", logins=lambda: {"idp": next(tokens)}, timeout_s=2)
    assert me.credentials().access_key == "ASIA"
    assert [json.loads(body)["Logins"] for body in site.posted] == [{"idp": "one"}, {"idp": "two"}]


def test_plain_credentials_are_asked_for_before_each_handshake() -> None:
    """Whoever holds them replaces them in time."""
    keys = iter("AB")
    me = Keys(lambda: Credentials(access_key=next(keys), secret_key="s"), name="server")
    assert [me.credentials().access_key for _ in range(2)] == ["A", "B"]
    fixed = Credentials(access_key="C", secret_key="s")
    assert (Keys(fixed, name="server").credentials(), me.name()) == (fixed, "server")


def test_an_identity_may_be_made_of_the_platform(stage: Stage) -> None:
    """The pool of a signed-in user is only known from discovery."""

    async def go() -> None:
        made: list[Platform] = []

        def mine(platform: Platform) -> Keys:
            made.append(platform)
            return Keys(Credentials(access_key="A", secret_key="s"), name="server")

        async with Client(stage.url, identity=mine) as client:
            assert (await client.signed_address()).client_id.startswith("server-")
            assert made == [client.platform]

    run(go())


def test_an_answer_of_another_kind_is_said_to_be_one(site: Site) -> None:
    """Something that isn't Cognito answered."""
    with pytest.raises(AnswerError, match=r"no SecretKey"):
        someone(site, (200, {"Credentials": {"AccessKeyId": "A", "Expiration": 1}})).credentials()


def test_a_process_has_one_guest_of_a_pool() -> None:
    """Two clients of one platform share it; another pool has its own."""
    one = guest(url="http://127.0.0.1:1", pool_id="a", timeout_s=1)
    assert one is guest(url="http://127.0.0.1:1", pool_id="a", timeout_s=1)
    assert one is not guest(url="http://127.0.0.1:1", pool_id="b", timeout_s=1)
