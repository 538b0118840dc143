"""The local broker refuses what AWS's would: both sides of each limit, with a stock MQTT client."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from botocore.exceptions import ClientError
from paho.mqtt.enums import MQTTProtocolVersion

from components.alarms import OPERATORS
from components.rules import rules
from local.cloud import KEY, SECRET, Cloud
from tests.local.cloud.conftest import Kit, Viewer, eventually, inside
from tickwire import limits
from tickwire.stage import Stage

pytestmark = pytest.mark.slow

ROOT = (KEY, SECRET, "")
VERSIONS = pytest.mark.parametrize("version", [mqtt.MQTTv311, mqtt.MQTTv5], ids=["3.1.1", "5"])
Make = Callable[..., Viewer]


@pytest.fixture
def joined(kit: Kit, viewer: Make) -> Callable[..., Viewer]:
    """Make clients that are in, with every right: `joined("name", version=…)`."""

    def make(name: str = "one", version: MQTTProtocolVersion = mqtt.MQTTv5, of: Kit = kit) -> Viewer:
        client = viewer(of, f"{of.name}-{name}", ROOT, version=version)
        assert client.connect() == 0
        return client

    return make


def stays(client: Viewer, topic: str) -> None:
    """The connection is there: what it publishes to itself comes back."""
    assert client.subscribe(topic) == [0]
    client.publish(topic, "still here")
    assert client.messages.get(timeout=5) == (topic, b"still here")


def counted(kit: Kit, metric: str) -> int:
    """What CloudWatch has of a metric of the broker's."""
    now = datetime.datetime.now(datetime.UTC)
    found = kit.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/IoT",
        MetricName=metric,
        Dimensions=[{"Name": "Protocol", "Value": "MQTT"}],
        StartTime=now - datetime.timedelta(hours=1),
        EndTime=now + datetime.timedelta(hours=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in found["Datapoints"]))


@VERSIONS
def test_eight_filters_in_one_subscribe_are_taken_and_nine_end_the_connection(
    kit: Kit, joined: Make, version: MQTTProtocolVersion
) -> None:
    """A client that asks for all that it watches at once would be cut again and again."""
    names = [f"{kit.name}/{place}" for place in range(9)]
    client = joined(version=version)
    assert client.subscribe(*names[:8]) == [0] * 8
    client.publish(names[7], "x")
    assert client.messages.get(timeout=5) == (names[7], b"x")
    client.ask(*names)
    assert client.closed.wait(5)


@VERSIONS
def test_the_fifty_first_subscription_is_refused_and_the_others_go_on(
    kit: Kit, joined: Make, version: MQTTProtocolVersion
) -> None:
    """SUBACK 0x80 for it alone; what is given up, or asked for again, makes or takes no room."""
    names = [f"{kit.name}/{place}" for place in range(52)]
    client = joined(version=version)
    for start in range(0, 48, 8):
        assert client.subscribe(*names[start : start + 8]) == [0] * 8
    assert client.subscribe(names[0], names[48], names[49], names[50]) == [0, 0, 0, 128]
    assert client.subscribe(names[51]) == [128]
    client.publish(names[0], "once")
    client.publish(names[50], "never")
    client.publish(names[49], "last")
    heard = [client.messages.get(timeout=5) for _ in range(2)]
    assert heard == [(names[0], b"once"), (names[49], b"last")]
    client.unsubscribe(names[0])
    assert eventually(lambda: client.subscribe(names[51]) == [0])


def test_a_hundred_messages_at_once_arrive(kit: Kit, joined: Make) -> None:
    """Half of what a connection may have in a second comes in, half goes out."""
    client = joined()
    assert client.subscribe(kit.name) == [0]
    before = counted(kit, "PublishOut.Throttle"), counted(kit, "PublishIn.Throttle")
    for number in range(50):
        client.publish(kit.name, str(number))
    assert [client.messages.get(timeout=5)[1] for _ in range(50)] == [b"%d" % n for n in range(50)]
    assert (counted(kit, "PublishOut.Throttle"), counted(kit, "PublishIn.Throttle")) == before


def flood(kit: Kit, joined: Make) -> tuple[int, int]:
    """Send one listener more than it may have in a second, until some was dropped; (sent, dropped)."""
    listener, talkers = joined("listener"), [joined(f"talker-{place}") for place in range(2)]
    assert listener.subscribe(kit.name) == [0]
    before = counted(kit, "PublishOut.Throttle"), counted(kit, "PublishIn.Throttle")
    sent = 0

    def left() -> tuple[int, int]:
        """What is dropped on the way out, and on the way in."""
        return (
            counted(kit, "PublishOut.Throttle") - before[0],
            counted(kit, "PublishIn.Throttle") - before[1],
        )

    def burst() -> int:
        nonlocal sent
        for talker in talkers:
            for _ in range(90):
                talker.publish(kit.name, "x")
        sent += 180
        eventually(lambda: listener.messages.qsize() + sum(left()) == sent)
        return left()[0]

    dropped = eventually(burst)
    assert not listener.closed.is_set()
    return sent, dropped


def test_what_is_over_a_hundred_a_second_is_dropped_and_counted(kit: Kit, joined: Make) -> None:
    """Nobody is told, nothing is closed; what was heard and what was counted is what was sent."""
    sent, dropped = flood(kit, joined)
    assert 0 < dropped <= sent - limits.CONNECTION_MESSAGES.value


def test_the_alarm_of_the_program_rings_for_it(kit: Kit, joined: Make) -> None:
    """The same metric by the same name as on AWS; whoever owns the account's alarms hears of it."""
    queue: Any = SimpleNamespace(name="", dead_name="")
    of_all = rules(Stage(name="dev", iot_logging=True), queue=queue, functions=[], feed=None, brake=None)
    (rule,) = (rule for rule in of_all if rule.noun == "iot-publish-out")
    (metric,) = rule.metrics
    cloudwatch = kit.cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=kit.name,
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
        Statistic=rule.statistic,
        Period=rule.window.period_s,
        EvaluationPeriods=rule.window.of,
        Threshold=rule.threshold,
        ComparisonOperator=OPERATORS[rule.rings],
    )
    flood(kit, joined)

    def state() -> str:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[kit.name])["MetricAlarms"]
        return str(alarm["StateValue"])

    assert eventually(lambda: state() == "ALARM")


def test_the_hundred_and_first_message_of_any_second_is_dropped() -> None:
    """To the instant: a second after the first of a hundred, there is room for one."""
    inside(
        """
        import asyncio
        from types import SimpleNamespace
        from local.ministack import limits as guard

        guard.apply(lifetime_s=60)
        now, sent = [1000.0], []
        guard.time = SimpleNamespace(monotonic=lambda: now[0])
        iot = module("services.iot")

        async def send(message):
            sent.append(message)

        async def run():
            session = iot._WSSession(send, "000000000000", "us-east-1")

            async def deliver(count):
                before = len(sent)
                for _ in range(count):
                    await session.deliver_to_client("prices/AAPL", b"x", 0)
                return len(sent) - before

            assert await deliver(60) == 60
            now[0] += 0.5
            assert await deliver(41) == 40
            now[0] += 0.499
            assert await deliver(1) == 0
            now[0] = 1001.0
            assert await deliver(61) == 60, "those of the first instant are a second old"
            assert await session.handle_packet(iot.PKT_PUBLISH, 0, b"\\x00\\x01tx"), "in counts as well"
            assert guard._dropped["000000000000", "us-east-1", "PublishIn.Throttle"] == 1
            assert guard._dropped["000000000000", "us-east-1", "PublishOut.Throttle"] == 3
            now[0] = 1001.5
            assert await deliver(41) == 40
            await session.cleanup()

        asyncio.run(run())
        """
    )


@VERSIONS
def test_a_payload_of_128_kb_arrives_and_a_longer_one_ends_the_connection(
    kit: Kit, joined: Make, version: MQTTProtocolVersion
) -> None:
    """To the byte, by MQTT."""
    client = joined(version=version)
    assert client.subscribe(kit.name) == [0]
    client.publish(kit.name, bytes(limits.PAYLOAD.value))
    assert len(client.messages.get(timeout=5)[1]) == 128 * 1024
    client.publish(kit.name, bytes(limits.PAYLOAD.value + 1))
    assert client.closed.wait(5)
    assert client.messages.empty()


@pytest.mark.parametrize(
    ("topic", "size", "status"),
    [
        ("a/b/c/d/e/f/g/h", 1, 200),
        ("a/b/c/d/e/f/g/h/i", 1, 400),
        ("$aws/rules/none/a/b/c/d/e/f/g/h", 1, 200),
        ("$aws/rules/none/a/b/c/d/e/f/g/h/i", 1, 400),
        ("t" * 256, 1, 200),
        ("t" * 257, 1, 400),
        ("t", 128 * 1024, 200),
        ("t", 128 * 1024 + 1, 413),
    ],
)
def test_a_publish_over_http_is_held_to_the_same(kit: Kit, topic: str, size: int, status: int) -> None:
    """Which is how functions publish: an error to them, and nothing goes out."""
    client = kit.cloud.client("iot-data")
    if status == 200:
        client.publish(topic=topic, payload=bytes(size))
        return
    with pytest.raises(ClientError) as refused:
        client.publish(topic=topic, payload=bytes(size))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    ("fits", "over"),
    [("a/b/c/d/e/f/g/{}", "a/b/c/d/e/f/g/h/{}"), ("{}" + "t" * 200, "{}" + "t" * 257)],
    ids=["slashes", "length"],
)
@VERSIONS
def test_topics_and_filters_that_are_too_deep_or_too_long_are_refused(
    kit: Kit, joined: Make, version: MQTTProtocolVersion, fits: str, over: str
) -> None:
    """MQTT 5 refuses a filter alone (0x8F), 3.1.1 hangs up; a publish ends the connection in both."""
    client = joined(version=version)
    stays(client, fits.format(kit.name))
    if version == mqtt.MQTTv5:
        assert client.subscribe(over.format(kit.name)) == [0x8F]
    else:
        client.ask(over.format(kit.name))
        assert client.closed.wait(5)
        client = joined("again", version=version)
    client.publish(over.format(kit.name), "x")
    assert client.closed.wait(5)


@VERSIONS
def test_a_client_id_of_128_bytes_is_taken_and_a_longer_one_refused(
    kit: Kit, joined: Make, viewer: Make, version: MQTTProtocolVersion
) -> None:
    """CONNACK says that the id is the reason."""
    prefix = f"{kit.name}-"
    joined("x" * (limits.CLIENT_ID.value - len(prefix)), version=version)
    refused = viewer(kit, "x" * (limits.CLIENT_ID.value + 1), ROOT, version=version)
    assert refused.connect() == 0x85  # which is what paho makes of 3.1.1's code 2 as well


@VERSIONS
def test_a_second_connection_with_the_same_client_id_takes_over(
    kit: Kit, joined: Make, version: MQTTProtocolVersion
) -> None:
    """The first one is closed; one with another id isn't."""
    first, other = joined("same", version=version), joined("other", version=version)
    second = joined("same", version=version)
    assert first.closed.wait(5)
    stays(second, kit.name)
    stays(other, f"{kit.name}/other")


@pytest.fixture(scope="module")
def brief() -> Iterator[Cloud]:
    with Cloud(lifetime_s=4.0) as cloud:
        yield cloud


@VERSIONS
def test_a_connection_ends_with_its_lifetime_and_another_begins(
    brief: Cloud, kit_of: Callable[[Cloud], Kit], joined: Make, version: MQTTProtocolVersion
) -> None:
    """Though it talks; the client signs anew and goes on. (With 24 hours, all the others here stay.)"""
    kit = kit_of(brief)
    client = joined(version=version, of=kit)
    assert client.subscribe(kit.name) == [0]
    assert client.closed.wait(20)
    again = joined(version=version, of=kit)
    stays(again, kit.name)


def test_without_limits_the_broker_takes_what_aws_would_refuse(
    kit_of: Callable[[Cloud], Kit], joined: Make
) -> None:
    """For whoever measures the broker itself."""
    with Cloud(limits=False) as cloud:
        kit = kit_of(cloud)
        client = joined(of=kit)
        assert client.subscribe(*[f"{kit.name}/{place}" for place in range(60)]) == [0] * 60
        for _ in range(300):
            client.publish(f"{kit.name}/1", "x")
        for _ in range(300):
            client.messages.get(timeout=5)
