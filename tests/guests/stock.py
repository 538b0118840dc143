"""Two stock MQTT clients as guests of a stage, with nothing of the project's: paho (3.1.1) and awscrt (5).

In: a stage's address. Out: what happens to a guest who connects, subscribes or publishes. Credentials come by
plain HTTP from Cognito; paho's address is signed by botocore, awscrt signs its own handshake.
"""

from __future__ import annotations

import json
import queue
import threading
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from awscrt import auth, io, mqtt5
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A guest's discovery document, identity and keys."""

    found: dict[str, Any]
    identity: str
    keys: Credentials

    @classmethod
    def of(cls, url: str) -> Guest:
        with urllib.request.urlopen(f"{url}/tickwire.json", timeout=WAIT_S) as answer:
            found = json.load(answer)
        identity = cognito(found, "GetId", IdentityPoolId=found["identity"]["poolId"])["IdentityId"]
        keys = cognito(found, "GetCredentialsForIdentity", IdentityId=identity)["Credentials"]
        credentials = Credentials(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"])
        return cls(found=found, identity=identity, keys=credentials)

    @property
    def client_id(self) -> str:
        """A new one, as discovery says."""
        template: str = self.found["clientId"]
        return template.replace("{identityId}", self.identity).replace("{random}", uuid.uuid4().hex[:12])

    def topic(self, symbol: str) -> str:
        template: str = self.found["topics"]["price"]
        return template.replace("{symbol}", symbol)

    def address(self) -> str:
        """Path and query of a signed upgrade."""
        url = urlsplit(self.found["iot"]["url"])
        scheme = "https" if url.scheme == "wss" else "http"
        unsigned = Credentials(self.keys.access_key, self.keys.secret_key)  # the token isn't signed
        request = AWSRequest("GET", f"{scheme}://{self.found['iot']['signingHost']}{url.path}")
        SigV4QueryAuth(unsigned, "iotdevicegateway", self.found["region"], expires=300).add_auth(request)
        signed = urlsplit(request.prepare().url)
        token = urllib.parse.quote(self.keys.token, safe="")
        return f"{signed.path}?{signed.query}&X-Amz-Security-Token={token}"


@dataclass(slots=True)
class Heard:
    """What a connection came to."""

    connected: bool | None = None
    """None when the upgrade itself was refused."""
    codes: list[int] = field(default_factory=list)
    messages: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    closed: threading.Event = field(default_factory=threading.Event)


@contextmanager
def connected(guest: Guest, *, client_id: str | None = None, address: str | None = None) -> Iterator[Any]:
    """Paho with a signed address; yields (client, heard) once it's clear whether it is in."""
    url = urlsplit(guest.found["iot"]["url"])
    heard, settled = Heard(), threading.Event()
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id or guest.client_id,
        transport="websockets",
        reconnect_on_failure=False,
    )
    if url.scheme == "wss":
        client.tls_set()
    headers = {"Host": guest.found["iot"]["signingHost"]}
    client.ws_set_options(address or guest.address(), headers=headers)

    def on_connect(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        heard.connected = not reason.is_failure
        settled.set()

    def on_disconnect(*_: Any) -> None:
        heard.closed.set()
        settled.set()

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.on_message = lambda _c, _u, message: heard.messages.put(json.loads(message.payload))
    client.on_connect_fail = lambda *_: settled.set()
    try:
        client.connect(url.hostname or "", url.port or (443 if url.scheme == "wss" else 80))
    except (OSError, paho.WebsocketConnectionError):
        yield client, heard
        return
    client.loop_start()
    try:
        assert settled.wait(WAIT_S), "neither in nor out"
        yield client, heard
    finally:
        client.disconnect()
        client.loop_stop()


def subscribed(client: Any, heard: Heard, topic: str) -> bool:
    """Whether the broker takes the filter; a hang-up is a refusal."""
    answered = threading.Event()

    def on_subscribe(_c: Any, _u: Any, _m: Any, reasons: list[Any], _p: Any) -> None:
        heard.codes += [reason.value for reason in reasons]
        answered.set()

    client.on_subscribe = on_subscribe
    client.subscribe(topic)
    deadline = threading.Event()
    for _ in range(int(WAIT_S / 0.05)):
        if answered.is_set() or heard.closed.is_set():
            break
        deadline.wait(0.05)
    return answered.is_set() and heard.codes[-1] < 128


def moved(messages: queue.Queue[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A price message and the one after it; one whose publisher had to try again may come twice."""
    first = second = messages.get(timeout=WAIT_S)
    while second["seq"] <= first["seq"]:
        second = messages.get(timeout=WAIT_S)
    return first, second


def crt_prices(guest: Guest, symbol: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two messages of a symbol through awscrt's MQTT 5 client, signing by itself."""
    url = urlsplit(guest.found["iot"]["url"])
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    ready, gone = threading.Event(), threading.Event()
    provider = auth.AwsCredentialsProvider.new_static(
        guest.keys.access_key, guest.keys.secret_key, guest.keys.token
    )

    def sign(transform_args: Any) -> None:
        transform_args.http_request.headers.set("Host", guest.found["iot"]["signingHost"])
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
            credentials_provider=provider,
            region=guest.found["region"],
            service="iotdevicegateway",
            omit_session_token=True,
        )
        auth.aws_sign_request(transform_args.http_request, config).add_done_callback(
            lambda done: transform_args.set_done(done.exception())
        )

    options = mqtt5.ClientOptions(
        host_name=url.hostname or "",
        port=url.port or 443,
        bootstrap=io.ClientBootstrap.get_or_create_static_default(),
        tls_ctx=io.ClientTlsContext(io.TlsContextOptions()) if url.scheme == "wss" else None,
        websocket_handshake_transform=sign,
        connect_options=mqtt5.ConnectPacket(client_id=guest.client_id),
        on_publish_callback_fn=lambda data: heard.put(json.loads(data.publish_packet.payload or b"{}")),
        on_lifecycle_event_connection_success_fn=lambda _: ready.set(),
        on_lifecycle_event_stopped_fn=lambda _: gone.set(),
    )
    client = mqtt5.Client(options)
    client.start()
    try:
        assert ready.wait(WAIT_S), "awscrt did not connect"
        wanted = mqtt5.Subscription(topic_filter=guest.topic(symbol), qos=mqtt5.QoS.AT_MOST_ONCE)
        answer = client.subscribe(mqtt5.SubscribePacket([wanted])).result(WAIT_S)
        assert [int(code) for code in answer.reason_codes] == [0]
        return moved(heard)
    finally:
        client.stop()
        gone.wait(WAIT_S)


def cognito(found: dict[str, Any], action: str, **body: str) -> Any:
    headers = {
        "X-Amz-Target": f"AWSCognitoIdentityService.{action}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    request = urllib.request.Request(found["identity"]["url"], json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return json.load(answer)
