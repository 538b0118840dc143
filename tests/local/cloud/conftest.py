"""What the tests of the local cloud share: a running one, and short ways to make roles, guests and
functions in it.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import io
import itertools
import json
import queue
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import paho.mqtt.client as mqtt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from local.cloud import ROOT, Cloud

ACCOUNT = "000000000000"
IOT = f"arn:aws:iot:us-east-1:{ACCOUNT}:"
Keys = tuple[str, str, str]


def eventually(what: Callable[[], Any], *, within_s: float = 20.0) -> Any:
    """The first true answer of `what`; the test fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        answer = what()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s:g} s")


APPLIED = """
import os, sys
sys.path.append({root!r})
os.environ.update(AUTH="true", LOG_LEVEL="WARNING")
from local.ministack import functions, memory, queries, queues, rights
from local.ministack.patch import module
for cure in (functions, memory, queries, queues, rights):
    cure.apply()
"""


def inside(code: str) -> None:
    """Run it in a process of its own where the cures are applied: ministack is one global state."""
    script = APPLIED.format(root=str(ROOT)) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class Kit:
    """One cloud, and names that no other test uses."""

    _number = itertools.count(1)

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.name = f"test-{next(self._number)}"

    def role(self, statements: list[dict[str, Any]], *, suffix: str = "") -> str:
        iam = self.cloud.client("iam")
        name = f"{self.name}{suffix}-{next(self._number)}"
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=document)
        return str(arn)

    def function(
        self, code: str, *, rights: list[dict[str, Any]] | None = None, timeout_s: int = 10, **settings: Any
    ) -> str:
        """Make a function of one file with a `handler`; its name."""
        self.cloud.client("lambda").create_function(
            FunctionName=self.name,
            Runtime="python3.11",
            Role=self.role(rights or []),
            Handler="app.handler",
            Code={"ZipFile": zipped(code)},
            Timeout=timeout_s,
            **settings,
        )
        return self.name

    def call(self, event: Any = None, *, name: str = "") -> Any:
        """What the function answers; its error is this test's."""
        answer = self.cloud.client("lambda").invoke(FunctionName=name or self.name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def pool(self, *topics: str) -> str:
        """An identity pool whose guests may connect as themselves and hear `topics`."""
        arn = self.role(
            [
                {
                    "Effect": "Allow",
                    "Action": "iot:Connect",
                    "Resource": f"{IOT}client/${{cognito-identity.amazonaws.com:sub}}-*",
                },
                {
                    "Effect": "Allow",
                    "Action": "iot:Subscribe",
                    "Resource": [f"{IOT}topicfilter/{t}" for t in topics],
                },
                {"Effect": "Allow", "Action": "iot:Receive", "Resource": [f"{IOT}topic/{t}" for t in topics]},
            ]
        )
        pools = self.cloud.client("cognito-identity")
        pool = pools.create_identity_pool(IdentityPoolName=self.name, AllowUnauthenticatedIdentities=True)
        pools.set_identity_pool_roles(IdentityPoolId=pool["IdentityPoolId"], Roles={"unauthenticated": arn})
        return str(pool["IdentityPoolId"])

    def guest(self, pool: str, identity: str = "") -> tuple[str, Keys]:
        """A guest's identity and credentials, asked for without a signature as a browser does."""
        pools = self.cloud.client("cognito-identity", config=Config(signature_version=UNSIGNED))
        identity = identity or pools.get_id(IdentityPoolId=pool)["IdentityId"]
        made = pools.get_credentials_for_identity(IdentityId=identity)["Credentials"]
        return identity, (made["AccessKeyId"], made["SecretKey"], made["SessionToken"])

    def fifo(self, *, attempts_max: int = 5, visibility_s: int = 30) -> tuple[str, str, str]:
        """A high-throughput FIFO queue with dead letters: its URL, its ARN, the dead letters' URL."""
        queues = self.cloud.client("sqs")
        fifo = {
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "VisibilityTimeout": str(visibility_s),
        }
        dead = queues.create_queue(QueueName=f"{self.name}-dead.fifo", Attributes=fifo)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"
        redrive = json.dumps({"deadLetterTargetArn": f"{arn}-dead.fifo", "maxReceiveCount": attempts_max})
        url = queues.create_queue(
            QueueName=f"{self.name}.fifo", Attributes={**fifo, "RedrivePolicy": redrive}
        )
        return url["QueueUrl"], f"{arn}.fifo", dead

    def drain(self, source: str, **settings: Any) -> str:
        """Let the function drain a queue or a stream; the mapping's id."""
        mapping = self.cloud.client("lambda").create_event_source_mapping(
            EventSourceArn=source, FunctionName=self.name, **settings
        )
        return str(mapping["UUID"])

    def table(self, **settings: Any) -> str:
        self.cloud.client("dynamodb").create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            **settings,
        )
        return self.name

    def items(self, table: str = "") -> list[dict[str, Any]]:
        """All items of a table, in key order."""
        pages = self.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table or self.name)
        return sorted(
            (item for page in pages for item in page["Items"]),
            key=lambda item: (item["pk"]["S"], float(item["sk"]["N"])),
        )


def zipped(code: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("app.py", code)
    return body.getvalue()


def signed_path(host: str, keys: Keys, *, path: str = "/mqtt") -> str:
    """The path and query of a signed MQTT address, as AWS documents it: the token comes last."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/iotdevicegateway/aws4_request"
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={quote(f'{keys[0]}/{scope}', safe='')}"
        f"&X-Amz-Date={now}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    )
    request = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys[1]}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    token = f"&X-Amz-Security-Token={quote(keys[2], safe='')}" if keys[2] else ""
    return f"{path}?{query}&X-Amz-Signature={signature}{token}"


class Viewer:
    """paho with a list of what it was told; MQTT 5 says why something is refused."""

    def __init__(
        self,
        cloud: Cloud,
        client_id: str,
        path: str,
        *,
        host: str = "127.0.0.1",
        version: MQTTProtocolVersion = mqtt.MQTTv5,
    ) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.closed = threading.Event()
        self._answers: queue.Queue[Any] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=version,
            transport="websockets",
            reconnect_on_failure=False,
        )
        self._client.ws_set_options(path=path, headers={"Host": f"{host}:{cloud.port}"})
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._answers.put(reason.value)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = lambda *_: self.closed.set()
        self._client.on_message = lambda _c, _u, message: self.messages.put(
            (message.topic, bytes(message.payload))
        )
        self._port = cloud.port

    def _on_subscribe(self, _client: Any, _data: Any, _id: Any, codes: Any, _properties: Any) -> None:
        self._answers.put([code.value for code in codes])

    def connect(self) -> int:
        """CONNACK's reason code."""
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        return int(self._answers.get(timeout=5))

    def subscribe(self, *filters: str) -> list[int]:
        """SUBACK's reason codes."""
        self.ask(*filters)
        return list(self._answers.get(timeout=5))

    def ask(self, *filters: str) -> None:
        """As `subscribe`, for whoever expects no answer."""
        self._client.subscribe([(one, 0) for one in filters])

    def unsubscribe(self, *filters: str) -> None:
        self._client.unsubscribe(list(filters))

    def publish(self, topic: str, payload: str | bytes) -> None:
        self._client.publish(topic, payload)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture
def kit(cloud: Cloud) -> Kit:
    return Kit(cloud)


@pytest.fixture
def kit_of() -> Callable[[Cloud], Kit]:
    return Kit


@pytest.fixture
def viewer() -> Iterator[Callable[..., Viewer]]:
    """Make viewers, `viewer(kit, client_id, keys)`; they are closed at the end."""
    made: list[Viewer] = []

    def make(
        kit: Kit,
        client_id: str,
        keys: Keys,
        *,
        host: str = "127.0.0.1",
        path: str = "/mqtt",
        version: MQTTProtocolVersion = mqtt.MQTTv5,
    ) -> Viewer:
        address = signed_path(f"{host}:{kit.cloud.port}", keys, path=path)
        made.append(Viewer(kit.cloud, client_id, address, host=host, version=version))
        return made[-1]

    yield make
    for one in made:
        one.close()
