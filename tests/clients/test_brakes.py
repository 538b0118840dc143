"""`tickwire guests`, `pause` and `resume`, against a real stage whose feed runs: what guests and readers see.

The local cloud decides each connect, subscribe and delivery by the guests' role as it is at that moment, so
what is shown here is the mechanism; how soon AWS's own caches follow is for AWS to show.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from local.platform import Platform
from tests.clients.site import Site
from tests.clients.test_cli import tickwire
from tests.guests.stock import Guest
from tickwire_client import Client
from tickwire_client.errors import UnauthorizedError

pytestmark = pytest.mark.slow

SOON_S = 60.0
DEAF_S = 3.0  # as the feed sends each symbol twice a second

Messages = queue.Queue[tuple[str, dict[str, Any]]]


class Stage(Platform):
    """A platform that keeps what its deploys say."""

    said: list[str]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    said: list[str] = []
    state = tmp_path_factory.mktemp("brakes")
    settings = {"symbols": ["AAPL", "TSLA"], "guestBrake": 500}
    with Stage(state=state, keep=False, settings=settings, say=said.append) as running:
        running.said = said
        yield running


@contextlib.contextmanager
def listening(stage: Platform, *topics: str) -> Iterator[Messages]:
    """A stock client's open connection, and what comes on it."""
    guest, heard = Guest.of(stage.url), Messages()
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, guest.client_id, transport="websockets", protocol=mqtt.MQTTv5
    )
    client.ws_set_options(guest.address(), headers={"Host": guest.found["iot"]["signingHost"]})
    client.on_connect = lambda *_: client.subscribe([(topic, 0) for topic in topics]) and None
    client.on_message = lambda _, __, message: heard.put((message.topic, json.loads(message.payload)))
    client.connect("127.0.0.1", int(stage.aws_url.rpartition(":")[2]))
    client.loop_start()
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def said(stage: Platform, *arguments: str) -> dict[str, Any]:
    done = tickwire(stage.url, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def soon(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < deadline


def is_deaf(heard: Messages) -> bool:
    """Nothing comes for a while; what came before is drained."""
    with contextlib.suppress(queue.Empty):
        while True:
            heard.get_nowait()
    try:
        heard.get(timeout=DEAF_S)
    except queue.Empty:
        return True
    return False


def is_refused(stage: Platform) -> str:
    """What the project's own client says to somebody who comes now."""

    async def come() -> None:
        async with Client(stage.url) as client:
            async for _ in client.ticks("AAPL"):
                return

    with pytest.raises(UnauthorizedError) as refused:
        asyncio.run(asyncio.wait_for(come(), SOON_S))
    return str(refused.value)


def warnings(stage: Stage) -> list[str]:
    """What a deploy says of brakes, and that it changes nothing else about them."""
    stage.said.clear()
    stage.deploy()
    return [line for line in stage.said if line.startswith("warning: ")]


def test_guests_who_are_connected_hear_nothing_while_access_is_closed_and_go_on_after(stage: Stage) -> None:
    """Also over a deploy, which says so; whoever comes meanwhile is refused, and told what it may be."""
    with listening(stage, "prices/AAPL") as heard:
        heard.get(timeout=SOON_S)
        off = said(stage, "guests", "off")
        try:
            assert (off["guests"], off["by"]) == ("off", "arn:aws:iam::000000000000:root")
            soon(lambda: is_deaf(heard))
            assert "closed guest access" in is_refused(stage)
            (warning,) = warnings(stage)
            assert warning.startswith("warning: guest access is closed since ")
            assert is_deaf(heard)
            assert said(stage, "guests") == off
        finally:
            assert said(stage, "guests", "on") == {"guests": "on"}
        assert heard.get(timeout=SOON_S)[0] == "prices/AAPL"
        assert warnings(stage) == []
        assert heard.get(timeout=SOON_S)[0] == "prices/AAPL"
    assert said(stage, "guests", "on") == said(stage, "guests") == {"guests": "on"}


def test_a_paused_stage_stands_still_until_it_goes_on(stage: Stage) -> None:
    """The status says so, also to who comes later; a deploy keeps it; then prices come without a deploy."""
    other = another_stages_alarm(stage)
    with listening(stage, "prices/AAPL", "status") as heard:
        paused = said(stage, "pause")
        try:
            assert paused == {
                "paused": True,
                "schedules": ["feed", "bars", "status"],
                "mappings": ["bars", "board", "ingest"],
            }
            last = [message for topic, message in rest(heard) if topic == "status"][-1]
            assert (last["paused"], last["reasons"]) == (True, [])
            with listening(stage, "status") as later:
                assert later.get(timeout=SOON_S) == ("status", last)
            (warning,) = warnings(stage)
            assert warning.startswith("warning: the stage is paused since ")
            before = seq(stage)
            assert is_deaf(heard)
            assert seq(stage) == before
            assert running(stage) == (set(), set())
            assert loud(stage) == {other}
        finally:
            assert said(stage, "resume")["paused"] is False
        soon(lambda: heard.get(timeout=SOON_S)[0] == "prices/AAPL")
    assert seq(stage) > before
    with listening(stage, "status") as later:
        assert later.get(timeout=SOON_S)[1]["paused"] is False
    assert warnings(stage) == []
    assert running(stage) == ({"feed", "bars", "status"}, {"ingest", "board", "bars"})
    assert len(loud(stage)) > 20


def test_a_pause_whose_last_word_fails_is_tried_again(stage: Stage) -> None:
    """One sentence that names the function; what was stopped is stopped, and the note is there."""
    functions, name = stage.client("lambda"), "tickwire-local-status"
    known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    dead = {"Variables": known | {"IOT_ENDPOINT": "http://127.0.0.1:9"}}
    functions.update_function_configuration(FunctionName=name, Environment=dead)
    try:
        done = tickwire(stage.url, "pause")
        assert done.returncode == 1
        assert done.stderr == (f"tickwire: {name} failed to say it; its log says why: then try again\n")
        assert running(stage) == (set(), set())
        assert len(warnings(stage)) == 1
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": known})
        assert said(stage, "pause")["paused"] is True
        assert said(stage, "resume")["paused"] is False


def test_going_on_leaves_a_feed_alone_that_the_settings_pause(stage: Stage) -> None:
    """Also when they came to pause it during the pause."""
    said(stage, "pause")
    try:
        stage.deploy(feedPaused=True)
    finally:
        assert said(stage, "resume")["schedules"] == ["bars", "status"]
    assert running(stage)[0] == {"bars", "status"}
    stage.deploy(feedPaused=False)
    assert "feed" in running(stage)[0]


def test_the_alarm_shuts_guests_out_by_itself(stage: Stage) -> None:
    """At the rate, nothing; over it, the function, with no more than its own rights, pulls the brake.

    Guests who are let in while it still rings are shut out again by the next minute that's too much.
    """
    assert count(stage, 500 * 60) != "ALARM"
    assert said(stage, "guests") == {"guests": "on"}
    with listening(stage, "prices/AAPL") as heard:
        heard.get(timeout=SOON_S)
        assert count(stage, 1) == "ALARM"
        soon(lambda: json.loads(tickwire(stage.url, "--json", "guests").stdout)["guests"] == "off")
        try:
            assert said(stage, "guests")["by"].startswith("alarm tickwire-local-guest-brake: ")
            soon(lambda: is_deaf(heard))
        finally:
            said(stage, "guests", "on")
        assert count(stage, 1) == "ALARM"
        soon(lambda: json.loads(tickwire(stage.url, "--json", "guests").stdout)["guests"] == "off")
        said(stage, "guests", "on")
        assert heard.get(timeout=SOON_S)


def test_what_can_not_be_is_refused_in_one_sentence(stage: Stage) -> None:
    """A word that is neither, an argument too many."""
    done = tickwire(stage.url, "guests", "maybe")
    assert done.returncode == 2
    assert "'maybe' is not one of 'off', 'on'" in done.stderr
    assert tickwire(stage.url, "pause", "now").returncode == 2


def rest(heard: Messages) -> list[tuple[str, dict[str, Any]]]:
    """All that comes until nothing does."""
    found = [heard.get(timeout=SOON_S)]
    with contextlib.suppress(queue.Empty):
        while True:
            found.append(heard.get(timeout=DEAF_S))
    return found


def seq(stage: Platform) -> int:
    """The newest tick that is stored of AAPL."""
    with urllib.request.urlopen(f"{stage.url}/api/prices?symbols=AAPL", timeout=10) as answer:
        return int(json.load(answer)["prices"][0]["seq"])


def another_stages_alarm(stage: Platform) -> str:
    """Of a stage whose name begins with this one's."""
    name = "tickwire-local-2-stale"
    stage.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Tickwire",
        MetricName="Nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=["arn:aws:sns:us-east-1:000000000000:tickwire-local-2-alarms"],
    )
    return name


def loud(stage: Platform) -> set[str]:
    """The alarms that tell somebody when they ring."""
    pages = stage.client("cloudwatch").get_paginator("describe_alarms").paginate()
    return {one["AlarmName"] for page in pages for one in page["MetricAlarms"] if one["ActionsEnabled"]}


def running(stage: Platform) -> tuple[set[str], set[str]]:
    """The schedules and mappings that are on, by their function."""
    schedules = stage.client("scheduler").list_schedules()["Schedules"]
    mappings = stage.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return (
        {one["Name"].rpartition("-")[2] for one in schedules if one["State"] == "ENABLED"},
        {one["FunctionArn"].rpartition("-")[2] for one in mappings if one["State"] == "Enabled"},
    )


def count(stage: Platform, deliveries: int) -> str:
    """Tell CloudWatch of deliveries, as AWS IoT Core does each minute; the alarm's state after that."""
    cloudwatch = stage.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="AWS/IoT", MetricData=[{"MetricName": "PublishOut.Success", "Value": deliveries}]
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["tickwire-local-guest-brake"])["MetricAlarms"]
    return str(alarm["StateValue"])


def test_a_stage_goes_though_its_guests_are_shut_out(tmp_path: Path) -> None:
    """Destroying needs no `on` before; the note stays, and a stage made anew under it comes up closed."""
    with Stage(state=tmp_path, keep=False, settings={"symbols": ["AAPL"], "feed": "off"}, say=print) as stage:
        said(stage, "guests", "off")
        stage.said = []
        stage._say = stage.said.append
        stage._warm.destroy(stage="local", state=tmp_path / "stages", endpoint=stage.aws_url, say=print)
        assert len(warnings(stage)) == 1
        assert said(stage, "guests")["guests"] == "off"
        assert said(stage, "guests", "on") == {"guests": "on"}


def pointing_elsewhere(platform: Platform, site: Site, **identity: str) -> str:
    """A site whose discovery document names another identity pool; its address."""
    found = platform.discovery
    site.document = found | {"identity": found["identity"] | identity}
    return site.url


@pytest.mark.parametrize("command", [("guests", "off"), ("pause",), ("resume",)])
def test_another_accounts_credentials_touch_nothing(
    stage: Stage, site: Site, command: tuple[str, ...]
) -> None:
    """A like-named stage of the caller's own account isn't this platform: the pool's id is."""
    pool = "us-east-1:00000000-0000-0000-0000-000000000000"
    done = tickwire(pointing_elsewhere(stage, site, poolId=pool), *command)
    assert done.returncode == 1
    assert "are these the credentials of the platform's account?" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (warnings(stage), running(stage)[1]) == ([], {"ingest", "board", "bars"})


def test_without_credentials_nothing_is_asked(
    stage: Stage, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One sentence."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    url = pointing_elsewhere(stage, site, url="https://cognito-identity.us-east-1.amazonaws.com")
    done = tickwire(url, "guests", "off")
    assert done.returncode == 1
    assert done.stderr == "tickwire: nothing was asked of AWS: Unable to locate credentials\n"


def test_a_stage_that_is_made_under_a_pause_does_not_begin(tmp_path: Path) -> None:
    """Neither does `make run`, started again, wake the feed of a stage that it finds paused."""
    told: list[str] = []
    stage = Platform(state=tmp_path, keep=False, settings={"symbols": ["AAPL"]}, say=told.append)
    with contextlib.ExitStack() as undo:
        stage.start()
        undo.callback(stage.stop)
        note = "/tickwire/brakes/local/pause"
        stage.client("ssm").put_parameter(Name=note, Value="on holiday", Type="String")
        stage.deploy()
        assert "the stage is paused since unknown, by on holiday" in "".join(told)
        assert running(stage) == (set(), set())
        deadline = time.monotonic() + DEAF_S
        while time.monotonic() < deadline:
            assert waiting(stage) == 0
        assert said(stage, "resume")["schedules"] == ["feed", "bars", "status"]
        assert running(stage) == ({"feed", "bars", "status"}, {"ingest", "board", "bars"})


def waiting(stage: Platform) -> int:
    """Messages on the queue."""
    name = "ApproximateNumberOfMessages"
    found = stage.client("sqs").get_queue_attributes(
        QueueUrl=stage.outputs["queueUrl"], AttributeNames=[name]
    )
    return int(found["Attributes"][name])
