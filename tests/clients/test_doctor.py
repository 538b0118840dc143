"""`tickwire doctor`: all OK where all is well, and else the first thing that isn't, by its name."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.clients.site import Site
from tests.clients.stage import ALLOWED, DEADLINE_S, REFUSED, Stage
from tests.clients.test_cli import COMMAND, environment, tickwire
from tests.clients.wire import Wire
from tickwire.tick import iso

CHECKS = ["name", "TLS", "discovery", "clock", "broker", "identity", "signature", "policy"]
CHECKS += ["subscription", "heartbeat", "latency"]


def now() -> str:
    return iso(time.time_ns() // 1_000_000)


@contextmanager
def beating(stage: Stage, **facts: object) -> Iterator[None]:
    """A status again and again, as no test waits a minute for it."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.05):
            status = {"time": now(), "market": "open", "until": None, "paused": False, "reasons": []} | facts
            stage.publish("status", json.dumps(status))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def keeping(stage: Stage, **facts: object) -> Iterator[None]:
    """The broker keeps this status, as after `tickwire pause`, for whoever comes."""
    status = {"market": "open", "until": None, "reasons": []} | facts
    publish = stage.broker.data.publish
    publish(topic="status", qos=0, retain=True, payload=json.dumps(status).encode())
    try:
        yield
    finally:
        publish(topic="status", qos=0, retain=True, payload=b"")


def examine(stage: Stage, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and each check's state and text."""
    done = tickwire(stage.url, "doctor", "--json", *arguments)
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding["check"] for finding in found] == CHECKS
    return done.returncode, {finding["check"]: (finding["state"], finding["says"]) for finding in found}


@pytest.fixture
def well(stage: Stage, site: Site) -> Stage:
    site.health = lambda: {"time": now()}
    stage.symbols = ALLOWED
    stage.move(stage.broker)
    return stage


def test_a_healthy_platform_is_all_ok(well: Stage) -> None:
    """Eleven lines that begin with OK, and success."""
    with beating(well):
        done = tickwire(well.url, "doctor", "--wait", "10")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["OK", check] for check in CHECKS]
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def test_a_broker_that_is_stopped_is_named(well: Stage, site: Site) -> None:
    """Discovery and identity answer, the broker's port doesn't: its line says so; what follows is skipped."""
    document = well.document()
    document["iot"]["url"] = "ws://127.0.0.1:1/mqtt"
    site.document = document
    code, found = examine(well)
    states = {check: state for check, (state, _) in found.items()}
    assert code == 1
    assert states == dict.fromkeys(CHECKS[:4], "OK") | {"broker": "FAIL", "identity": "OK"} | dict.fromkeys(
        CHECKS[6:], "SKIP"
    )
    assert "127.0.0.1:1 of the broker: connection refused; is the broker running" in found["broker"][1]
    assert found["signature"][1] == "after broker"


def test_a_broker_that_hangs_up_is_named(well: Stage, link: Wire) -> None:
    """Its port is open and nothing speaks there, as behind a proxy: the handshake fails, with the address."""
    link.down()
    code, found = examine(well, "--timeout", "2")
    assert (code, found["broker"][0], found["signature"][0]) == (1, "OK", "FAIL")
    assert f"ws://127.0.0.1:{link.port}/mqtt" in found["signature"][1]


def test_no_heartbeat_fails_and_a_degraded_one_warns(well: Stage) -> None:
    """Silence on the status lane is a fault; what the platform says of itself is passed on."""
    code, found = examine(well, "--wait", "0.2")
    assert (code, found["heartbeat"][0]) == (1, "FAIL")
    assert "nothing on status for 0.2 s; expected a message each minute" in found["heartbeat"][1]
    reasons = [{"what": "queue", "says": "9 messages wait", "see": "docs/operations.md#queue-age"}]
    with beating(well, degraded=True, reasons=reasons):
        code, found = examine(well, "--wait", "10")
    assert (code, found["heartbeat"][0]) == (0, "WARN")
    assert "9 messages wait (see docs/operations.md#queue-age)" in found["heartbeat"][1]


def test_a_paused_stage_is_said_to_be_paused(well: Stage) -> None:
    """What the broker keeps of it is hours old: neither a late heartbeat nor a slow way."""
    hours_ago = iso(time.time_ns() // 1_000_000 - 7_200_000)
    with keeping(well, time=hours_ago, paused=True):
        code, found = examine(well, "--wait", "10")
    assert (code, found["heartbeat"]) == (
        0,
        ("WARN", f"paused since {hours_ago}; `tickwire resume` goes on"),
    )
    assert found["latency"] == ("WARN", "no message told its time")


def test_a_stage_that_was_paused_a_moment_ago_is_too(well: Stage) -> None:
    """No heartbeat comes, so it wasn't resumed meanwhile."""
    with keeping(well, time=(paused := now()), paused=True):
        code, found = examine(well, "--wait", "0.5")
    assert (code, found["heartbeat"]) == (0, ("WARN", f"paused since {paused}; `tickwire resume` goes on"))


@pytest.mark.parametrize("paused", [False, True], ids=["going", "without its feed"])
def test_a_stage_that_was_resumed_is_judged_by_its_next_heartbeat(well: Stage, paused: bool) -> None:
    """For a minute the broker keeps what the resume said."""
    half_a_minute_ago = iso(time.time_ns() // 1_000_000 - 30_000)
    with keeping(well, time=half_a_minute_ago, paused=paused), beating(well, paused=paused):
        code, found = examine(well, "--wait", "10")
    assert (code, found["heartbeat"][0], found["latency"][0]) == (0, "OK", "OK")
    assert found["heartbeat"][1].endswith("feed paused") is paused
    assert int(found["latency"][1].split()[0]) < 10_000


def test_a_topic_that_the_role_refuses_is_named(well: Stage) -> None:
    """The connection holds, the subscription doesn't."""
    well.symbols = (REFUSED,)
    well.move(well.broker)
    code, found = examine(well)
    assert (code, found["policy"][0], found["subscription"][0]) == (1, "OK", "FAIL")
    assert f"prices/{REFUSED} (0x87 not authorized)" in found["subscription"][1]


def test_a_clock_that_is_off_is_said_before_the_signature_it_spoils(well: Stage, site: Site) -> None:
    """Signatures bear five minutes."""
    site.health = lambda: {"time": iso(time.time_ns() // 1_000_000 + 420_000)}
    code, found = examine(well, "--wait", "0.2")
    assert (code, found["clock"][0]) == (1, "FAIL")
    assert found["clock"][1].startswith("420.0 s behind the server's")
    assert "set this machine's clock" in found["clock"][1]


def test_an_identity_that_is_refused_is_named(well: Stage, site: Site) -> None:
    """A pool that is gone: what Cognito said of it."""
    document = well.document()
    document["identity"]["poolId"] = "us-east-1:00000000-0000-0000-0000-000000000000"
    site.document = document
    code, found = examine(well)
    assert (code, found["identity"][0], found["signature"][0]) == (1, "FAIL", "SKIP")
    assert "us-east-1:00000000" in found["identity"][1]


def test_a_platform_of_this_machine_that_is_stopped_fails_with_its_broker(site: Site) -> None:
    """Site away, or answering for a cloud that is: the broker is looked for where `make run` has it."""
    site.raw = (502, "application/problem+json", b'{"detail": "away"}')
    for url, check in (("http://127.0.0.1:1", "TLS"), (site.url, "discovery")):
        done = subprocess.run(
            [*COMMAND, "doctor", "--json", "--url", url],
            env=environment(None) | {"TICKWIRE_AWS_PORT": "2"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        failed = {finding["check"]: finding["says"] for finding in found if finding["state"] == "FAIL"}
        assert list(failed) == [check, "broker"]
        assert "127.0.0.1:2 of the broker: connection refused" in failed["broker"]


@pytest.mark.parametrize(
    ("url", "check", "said"),
    [
        ("http://nowhere.invalid", "name", "nowhere.invalid has no address"),
        ("{site}/elsewhere", "discovery", "is not a Tickwire: /tickwire.json there is 404"),
    ],
)
def test_an_address_that_is_wrong_fails_where_it_is_wrong(
    site: Site, url: str, check: str, said: str
) -> None:
    """Everything after it is skipped; exit code 1 and no traceback."""
    done = tickwire(url.format(site=site.url), "doctor", "--json")
    found = {finding["check"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert (found[check]["state"], done.returncode, done.stderr) == ("FAIL", 1, "")
    assert said in found[check]["says"]
    assert [name for name, finding in found.items() if finding["state"] == "FAIL"] == [check]
