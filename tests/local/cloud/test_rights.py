"""Who gets in and what they may do there: guests as themselves, nobody unsigned, nobody with a wrong
secret.
"""

from __future__ import annotations

import http.client
import json
import queue
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from local.cloud import KEY, SECRET
from tests.local.cloud.conftest import ACCOUNT, IOT, Keys, Kit, Viewer, eventually, inside, signed_path

pytestmark = pytest.mark.slow

MakeViewer = Callable[..., Viewer]
REFUSED, GRANTED = 0x87, 0


def handshake(kit: Kit, path: str, *, host: str = "127.0.0.1") -> int:
    """The status that answers a WebSocket upgrade."""
    connection = http.client.HTTPConnection("127.0.0.1", kit.cloud.port, timeout=5)
    connection.request(
        "GET",
        path,
        headers={
            "Host": f"{host}:{kit.cloud.port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "mqtt",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        },
    )
    status = connection.getresponse().status
    connection.close()
    return status


def path_for(kit: Kit, keys: Keys, **named: str) -> str:
    return signed_path(f"127.0.0.1:{kit.cloud.port}", keys, **named)


def test_an_unsigned_upgrade_is_refused(kit: Kit) -> None:
    """AWS answers 403, and so does the local cloud."""
    assert handshake(kit, "/mqtt") == 403


@pytest.mark.parametrize("key", [KEY, ACCOUNT, "111122223333", "ASIAUNKNOWN000000000"])
def test_an_upgrade_with_a_wrong_secret_is_refused(kit: Kit, key: str) -> None:
    """The root's key and account numbers are no exception."""
    assert handshake(kit, path_for(kit, (key, "wrong", ""))) == 403


def test_a_guests_signature_counts_and_a_forged_one_does_not(kit: Kit) -> None:
    """The right signature switches protocols; one changed character in it doesn't."""
    _, keys = kit.guest(kit.pool("prices/AAPL"))
    path = path_for(kit, keys)
    forged = path.replace("X-Amz-Signature=", "X-Amz-Signature=0", 1)
    assert (handshake(kit, path), handshake(kit, forged)) == (101, 403)


def test_the_token_belongs_to_the_key(kit: Kit) -> None:
    """Another guest's token doesn't do."""
    pool = kit.pool("prices/AAPL")
    (_, mine), (_, other) = kit.guest(pool), kit.guest(pool)
    assert handshake(kit, path_for(kit, (mine[0], mine[1], other[2]))) == 403


def test_mqtt_is_at_its_path_only(kit: Kit) -> None:
    """On AWS it is at /mqtt and nowhere else; a client with another path should find out here."""
    assert handshake(kit, path_for(kit, (KEY, SECRET, ""), path="/socket")) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_is_reached_at_this_machines_own_names(kit: Kit, viewer: MakeViewer, host: str) -> None:
    """A browser's Host header is the one of the address that it was given."""
    identity, keys = kit.guest(kit.pool("prices/AAPL"))
    assert viewer(kit, f"{identity}-1", keys, host=host).connect() == GRANTED


def test_a_guest_connects_as_itself_only(kit: Kit, viewer: MakeViewer) -> None:
    """`${cognito-identity.amazonaws.com:sub}` in the role's policy is the identity that the credentials are
    of.
    """
    pool = kit.pool("prices/AAPL")
    (mine, keys), (other, _) = kit.guest(pool), kit.guest(pool)
    codes = [
        viewer(kit, one, keys).connect()
        for one in (f"{mine}-1", f"{other}-1", "somebody", mine, "${cognito-identity.amazonaws.com:sub}-1")
    ]
    assert codes == [GRANTED, *[REFUSED] * 4]


def test_a_guest_hears_what_the_policy_lists_and_nothing_else(kit: Kit, viewer: MakeViewer) -> None:
    """Wildcards are literal characters in a policy's topics, so no filter covers several prices."""
    identity, keys = kit.guest(kit.pool("prices/AAPL", "board"))
    guest = viewer(kit, f"{identity}-1", keys)
    guest.connect()
    asked = [
        "prices/AAPL",
        "board",
        "#",
        "prices/#",
        "prices/+",
        "prices/TSLA",
        "+/AAPL",
        "prices/AAPL/#",
        "$aws/events/#",
    ]
    codes = dict(zip(asked, (code for one in asked for code in guest.subscribe(one)), strict=True))
    assert codes == dict.fromkeys(asked, REFUSED) | {"prices/AAPL": GRANTED, "board": GRANTED}
    assert not guest.closed.is_set()


def test_a_guest_who_publishes_is_shown_out(kit: Kit, viewer: MakeViewer) -> None:
    """Nobody hears it, and the connection ends, as on AWS."""
    pool = kit.pool("prices/AAPL")
    (first, keys), (second, others) = kit.guest(pool), kit.guest(pool)
    listener, speaker = viewer(kit, f"{first}-1", keys), viewer(kit, f"{second}-1", others)
    listener.connect()
    listener.subscribe("prices/AAPL")
    speaker.connect()
    speaker.publish("prices/AAPL", "forged")
    assert speaker.closed.wait(5)
    kit.cloud.client("iot-data").publish(topic="prices/AAPL", payload=b"real")
    assert listener.messages.get(timeout=5) == ("prices/AAPL", b"real")


def test_losing_a_right_is_noticed_by_open_connections(kit: Kit, viewer: MakeViewer) -> None:
    """`iot:Receive` is remembered for a second, not for ever."""
    identity, keys = kit.guest(kit.pool("prices/AAPL"))
    guest = viewer(kit, f"{identity}-1", keys)
    guest.connect()
    guest.subscribe("prices/AAPL")
    iam, broker = kit.cloud.client("iam"), kit.cloud.client("iot-data")
    role = next(
        role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith(kit.name + "-")
    )
    broker.publish(topic="prices/AAPL", payload=b"heard")
    assert guest.messages.get(timeout=5)[1] == b"heard"
    iam.delete_role_policy(RoleName=role, PolicyName="rights")

    def deaf() -> bool:
        broker.publish(topic="prices/AAPL", payload=b"?")
        try:
            guest.messages.get(timeout=0.1)
        except queue.Empty:
            return True
        return False

    eventually(deaf, within_s=5)


def test_root_needs_its_secret_on_http_too(kit: Kit) -> None:
    """Ministack takes the key `test` with any secret; here a wrong one is an error like any other."""
    for key in (KEY, ACCOUNT):
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            kit.cloud.client("sqs", aws_access_key_id=key, aws_secret_access_key="wrong").list_queues()
        kit.cloud.client("sqs", aws_access_key_id=key, aws_secret_access_key=SECRET).list_queues()


def test_a_guest_may_call_no_other_service(kit: Kit) -> None:
    """The role's policy is all that there is."""
    _, keys = kit.guest(kit.pool("prices/AAPL"))
    guest = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), keys, strict=True))
    for call in (
        kit.cloud.client("sqs", **guest).list_queues,
        kit.cloud.client("dynamodb", **guest).list_tables,
        kit.cloud.client("s3", **guest).list_buckets,
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    with pytest.raises(ClientError, match=r"Forbidden|AccessDenied"):
        kit.cloud.client("iot-data", **guest).publish(topic="prices/AAPL", payload=b"x")


def test_credentials_are_for_identities_that_a_pool_knows(kit: Kit) -> None:
    """A client that kept an identity of a cloud that forgot it is told so at once."""
    with pytest.raises(ClientError, match="ResourceNotFound"):
        kit.guest("", identity="us-east-1:00000000-0000-0000-0000-000000000000")


def test_a_function_has_the_rights_of_its_role(kit: Kit) -> None:
    """It may publish one symbol's price, so another's is refused."""
    kit.function(
        """
import boto3, os
def handler(topic, context):
    try:
        data = boto3.client("iot-data", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        data.publish(topic=topic, payload=b"1")
        return "published"
    except Exception as error:
        return type(error).__name__
""",
        rights=[{"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{IOT}topic/prices/AAPL"}],
    )
    assert [kit.call("prices/AAPL"), kit.call("prices/TSLA")] == ["published", "ForbiddenException"]


def test_a_right_to_attach_one_policy_is_none_to_attach_another(kit: Kit) -> None:
    """`iam:PolicyARN` is what the request names."""
    role = kit.role([], suffix="-guests")
    policies = [f"arn:aws:iam::{ACCOUNT}:policy/{kit.name}-{name}" for name in ("closed", "open")]
    deny = {"Effect": "Deny", "Action": "iot:Connect", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    for arn in policies:
        kit.cloud.client("iam").create_policy(PolicyName=arn.rpartition("/")[2], PolicyDocument=document)
    kit.function(
        """
import boto3
def handler(asked, context):
    try:
        boto3.client("iam").attach_role_policy(RoleName=asked[0], PolicyArn=asked[1])
        return "attached"
    except Exception as error:
        return error.response["Error"]["Code"]
""",
        rights=[
            {
                "Effect": "Allow",
                "Action": "iam:AttachRolePolicy",
                "Resource": role,
                "Condition": {"ArnEquals": {"iam:PolicyARN": policies[0]}},
            }
        ],
    )
    name = role.rpartition("/")[2]
    assert [kit.call([name, arn]) for arn in policies] == ["attached", "AccessDenied"]


def test_a_connection_outlives_the_hour_of_its_credentials() -> None:
    """As on AWS: they count when it's opened. A new one with the same credentials is refused."""
    inside("""
        import json, time, types
        from tests.local.cloud.conftest import signed_path
        iot, sts, iam = module("services.iot"), module("services.sts"), module("services.iam")
        topic = "arn:aws:iot:us-east-1:000000000000:topic/prices/AAPL"
        rights = {"Statement": [{"Effect": "Allow", "Action": "iot:Receive", "Resource": topic}]}
        iam._roles["guest"] = {"RoleName": "guest", "InlinePolicies": {"rights": json.dumps(rights)}}
        session = {"Arn": "arn:aws:sts::000000000000:assumed-role/guest/x", "SecretAccessKey": "secret",
                   "SessionToken": "token", "AccountId": "000000000000", "Expiration": time.time() + 60}
        sts.register_session("ASIAGUEST", session)
        path, _, query = signed_path("127.0.0.1:1", ("ASIAGUEST", "secret", "token")).partition("?")
        scope = {"path": path, "raw_path": path.encode(), "query_string": query.encode(),
                 "headers": [(b"host", b"127.0.0.1:1")]}
        opened = iot._ws_handshake_check(scope)
        key = (opened.access_key_id, opened.account_id)
        iot._connected_clients["a", "r", "c"] = types.SimpleNamespace(iam_credential=key)

        session["Expiration"] = time.time() - 1
        sts.register_session("ASIAOTHER", {"Arn": ""})      # makes room
        assert iot._mqtt_iam_allows("000000000000", "us-east-1", key, "iot:Receive", "topic/prices/AAPL")
        assert not iot._mqtt_iam_allows("000000000000", "us-east-1", key, "iot:Receive", "topic/prices/TSLA")
        assert isinstance(iot._ws_handshake_check(scope), module("core.iam_evaluator").AuthError)
    """)
