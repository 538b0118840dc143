"""The `tickwire` command, as a process of its own: what it prints, how it ends."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.clients.site import KEY, Site
from tests.clients.stage import DEADLINE_S, Stage

COMMAND = [sys.executable, "-m", "tickwire_client"]
HANGS_S = 60.0  # a command that takes longer never ends


def environment(url: str | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TICKWIRE_")}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return inherited | {"PYTHONPATH": path, "NO_COLOR": "1"} | ({"TICKWIRE_URL": url} if url else {})


def tickwire(url: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(url),
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )


@contextmanager
def running(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def saying(stage: Stage, symbol: str, price: str) -> Iterator[None]:
    """Publish again and again, as a process that starts up misses what came before."""
    over = threading.Event()

    def say() -> None:
        while not over.wait(0.05):
            stage.say(symbol, price)

    thread = threading.Thread(target=say)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_the_address_serves_a_stock_mqtt_client(stage: Stage) -> None:
    """paho, with the address, client id and Host that `url --json` gives, sees prices/AAPL move."""
    found = json.loads(tickwire(stage.url, "url", "--json", "--topic", "prices/AAPL").stdout)
    assert found["topics"] == ["prices/AAPL"]
    address, got = urlsplit(found["url"]), queue.Queue[tuple[str, bytes]]()
    client: Any = paho.Client(
        CallbackAPIVersion.VERSION2, found["clientId"], transport="websockets", protocol=paho.MQTTv5
    )
    client.ws_set_options(f"{address.path}?{address.query}", headers={"Host": found["host"]})
    client.on_connect = lambda *_: client.subscribe(found["topics"][0])
    client.on_subscribe = lambda *_: stage.say("AAPL", "189.45")
    client.on_message = lambda client, data, message: got.put((message.topic, message.payload))
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    try:
        topic, payload = got.get(timeout=DEADLINE_S)
    finally:
        client.disconnect()
        client.loop_stop()
    assert (topic, json.loads(payload)["price"]) == ("prices/AAPL", 189.45)


def test_the_example_beside_the_address_runs_as_it_stands(stage: Stage) -> None:
    """What a newcomer copies prints prices."""
    found = json.loads(tickwire(stage.url, "--json", "url").stdout)
    example = [sys.executable, "-u", "-c", found["example"]]
    with (
        saying(stage, "MSFT", "410.5"),
        subprocess.Popen(example, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
    assert line.startswith('prices/MSFT {"symbol":"MSFT","price":410.5,')


def test_only_the_address_goes_to_standard_output(stage: Stage) -> None:
    """So that a shell can take it; what else one needs stands beside it, on standard error."""
    done = tickwire(stage.url, "url")
    assert done.stdout.startswith("ws://127.0.0.1:")
    assert done.stdout.count("\n") == 1
    assert "X-Amz-Signature=" in done.stdout
    assert "client id" in done.stderr
    assert "prices/AAPL" in done.stderr


def test_a_topic_that_the_stage_does_not_have_is_wrong_usage(stage: Stage) -> None:
    """It would be refused by the broker: better here, with what was meant."""
    done = tickwire(stage.url, "url", "--topic", "price/AAPL")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "'price/AAPL'" in done.stderr
    assert "did you mean prices/AAPL" in done.stderr


@pytest.mark.parametrize("interval", ["5m", "15m", "1h"])
def test_a_topic_on_which_nothing_is_ever_published_is_wrong_usage(stage: Stage, interval: str) -> None:
    """The bar lane has two intervals; the broker would grant the others, and stay silent."""
    done = tickwire(stage.url, "url", "--topic", f"bars/{interval}/AAPL")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"'bars/{interval}/AAPL'; expected 1m or 1d on the bar lane" in done.stderr
    assert "tickwire history --bars" in done.stderr


def test_the_address_of_bars(stage: Stage) -> None:
    """Each day's as well as each minute's."""
    topics = ("bars/1m/AAPL", "bars/1d/AAPL")
    found = json.loads(tickwire(stage.url, "url", "--json", *(f"--topic={topic}" for topic in topics)).stdout)
    assert tuple(found["topics"]) == topics


def test_watch_prints_a_line_for_each_tick(stage: Stage) -> None:
    """Time, symbol and price, exactly as published."""
    with saying(stage, "AAPL", "189.450"):
        done = tickwire(stage.url, "watch", "AAPL", "-n", "2")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["2026-11-21T14:30:00.123Z  AAPL          189.450"] * 2
    assert not done.stderr


def test_watch_prints_json_lines(stage: Stage) -> None:
    """Each line is a price message of its own."""
    with saying(stage, "AAPL", "189.450"):
        done = tickwire(None, "watch", "AAPL", "-n", "1", "--json", "--url", stage.url)
    assert json.loads(done.stdout)["symbol"] == "AAPL"
    assert '"price":189.450,' in done.stdout


def test_a_reader_that_leaves_ends_it_quietly(stage: Stage) -> None:
    """`tickwire watch | head -1`: no traceback, success, even when no further price comes."""
    with running(stage.url, "watch", "AAPL") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with saying(stage, "AAPL", "1"):
            process.stdout.readline()
        process.stdout.close()
        assert process.wait(DEADLINE_S) == 0
        assert process.stderr.read() == ""


def test_an_interrupt_ends_it_without_a_traceback(stage: Stage) -> None:
    """Ctrl-C is how one leaves a watch."""
    with running(stage.url, "watch", "AAPL") as process:
        assert process.stdout is not None
        with saying(stage, "AAPL", "1"):
            process.stdout.readline()
        process.send_signal(2)
        complaints = process.communicate(timeout=DEADLINE_S)[1]
    assert (process.returncode, complaints.strip()) == (130, "")


def test_publish_sends_one_tick_through_the_door(stage: Stage, site: Site) -> None:
    """The price goes out as typed, with what else was given and nothing more."""
    done = tickwire(stage.url, "publish", "AAPL", "189.450", "--volume", "100", "--key", KEY)
    assert (done.returncode, done.stdout) == (0, "accepted 1 tick: AAPL 189.450\n")
    assert site.posted == [b'[{"symbol":"AAPL","price":189.450,"volume":100}]']


def test_publish_says_what_was_accepted_as_json(stage: Stage) -> None:
    """For scripts."""
    done = tickwire(stage.url, "publish", "AAPL", "1", "--json", f"--key={KEY}")
    assert json.loads(done.stdout) == {"accepted": 1, "symbol": "AAPL"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["publish", "AAPL", "1", "--key", "wrong"],
            4,
            "answered 401: x-api-key is None; expected the stage's key",
        ),
        (
            ["publish", "AAPL", "1000000000", "--key", KEY],
            1,
            "answered 422: price is 1000000000; expected at most",
        ),
        (["publish", "AAPL", "NaN", "--key", KEY], 2, "'NaN' is not a positive finite number"),
        (["publish", "AAPL", "1_0", "--key", KEY], 2, "'1_0' is not a positive finite number"),
        (["publish", "AAPL", "1", "--key", "ключ"], 2, "expected printable ASCII"),
        (["doctor", "--timeout", "nan"], 2, "'nan' is not a finite number"),
        (["publish", "AAPL", "0", "--key", KEY], 2, "'0' is not a positive finite number"),
        (["publish", "AAPL", "-5", "--key", KEY], 2, "'-5' is not a positive finite number"),
        (["publish", "AAPL", "-.5", "--key", KEY], 2, "'-.5' is not a positive finite number"),
        (["publish", "AAPL", "1", "--bidd", "1", "--key", KEY], 2, "No such option '--bidd'"),
        (["publish", "AAPL", "1", "--timestamp", "noon", "--key", KEY], 2, "'noon' is not a time such as"),
        (["publish", "APPL", "1", "--key", KEY], 2, "did you mean AAPL"),
        (["publish", "AAPL", "1"], 2, "expected --key or TICKWIRE_KEY"),
        (["watch", "APPL"], 2, "did you mean AAPL"),
        (["watch", "NOPE"], 4, "refused the subscription to prices/NOPE"),
        (["watch", "--url", "http://127.0.0.1:1"], 3, "connection refused"),
        (["watch", "--url", "ftp://x"], 2, "'ftp://x'; expected http://"),
        (["watch", "--url", "http://"], 2, "'http://'; expected http://"),
        (["doctor", "--url", "http://x:abc"], 2, "'http://x:abc'; expected http://"),
        (["doctor", "--url", "http://127.0.0.1:99999"], 2, "a port that can be"),
        (["doctor", "--url", f"http://{'a' * 64}.example"], 2, "with a host"),
        (["watch", "--colour"], 2, "--colour"),
        (["wach"], 2, "wach"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    stage: Stage, arguments: list[str], code: int, said: str
) -> None:
    """No traceback: the value, what was expected, the remedy."""
    done = tickwire(stage.url, *arguments)
    assert said in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ((200, "text/html", b"<h1>It works!</h1>"), "text/html, not JSON"),
        ((404, "text/plain", b"no"), "404 Not Found (text/plain)"),
        ((200, "application/json", b'{"hello": "world"}'), "JSON without a list of symbols"),
    ],
)
def test_an_address_of_something_else_says_what_it_found(
    site: Site, raw: tuple[int, str, bytes], found: str
) -> None:
    """Exit code 3, as with no answer at all."""
    site.raw = raw
    done = tickwire(site.url, "watch")
    assert f"is not a Tickwire: /tickwire.json there is {found}; expected the address" in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)


def test_a_site_whose_platform_is_away_is_worth_another_try(site: Site) -> None:
    """A gateway's answer isn't something else's: it says what it knows."""
    site.raw = (502, "application/problem+json", b'{"detail": "the cloud can\'t be reached"}')
    done = tickwire(site.url, "watch")
    assert "502 Bad Gateway (the cloud can't be reached); is the platform running" in done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


def test_an_identity_that_is_refused_is_one_line(stage: Stage, site: Site) -> None:
    """A pool that is gone: exit code 4, after asking for everything once more."""
    document = stage.document()
    document["identity"]["poolId"] = "us-east-1:00000000-0000-0000-0000-000000000000"
    site.document = document
    done = tickwire(stage.url, "watch", "AAPL")
    assert "of guest identity us-east-1:00000000-0000-0000-0000-000000000000 gave" in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)


@pytest.mark.parametrize(("minutes", "said"), [(10, "10 minutes ahead of"), (-10, "10 minutes behind")])
def test_a_clock_that_is_off_explains_the_refused_signature(stage: Stage, minutes: int, said: str) -> None:
    """More than 5 minutes: the broker refuses, and the line says which clock to set."""
    code = (
        f"import time; real = time.time; time.time = lambda: real() + {minutes * 60}\n"
        "from tickwire_client.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "watch", "AAPL"],
        env=environment(stage.url),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert f"this machine's clock is {said} the server's, and signatures bear 5: set the clock" in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)


def test_what_can_not_be_read_is_counted_and_said(stage: Stage, site: Site) -> None:
    """One publisher's mistake ends nothing, and isn't kept quiet either."""
    site.prices = [
        {"symbol": "AAPL", "price": 1, "timestamp": "2026-11-21T14:30:00.123Z", "seq": 7, "series": 9}
    ]
    with running(stage.url, "watch", "AAPL", "-n", "2") as process:
        assert process.stdout is not None
        process.stdout.readline()  # the snapshot, which is asked for once the lane is subscribed
        stage.publish("prices/AAPL", "not JSON")
        stage.say("AAPL", "1")
        complaints = process.communicate(timeout=DEADLINE_S)[1]
    assert (process.returncode, complaints) == (0, "tickwire: left out 1 messages that can't be read\n")


def test_no_address_is_wrong_usage() -> None:
    """Neither --url nor TICKWIRE_URL."""
    done = tickwire(None, "watch")
    assert done.returncode == 2
    assert "TICKWIRE_URL" in done.stderr


def test_a_shell_can_complete_it() -> None:
    """By click's own completion: `eval "$(_TICKWIRE_COMPLETE=bash_source tickwire)"`."""
    asked = {"_TICKWIRE_COMPLETE": "bash_complete", "COMP_WORDS": "tickwire do", "COMP_CWORD": "1"}
    done = subprocess.run(
        COMMAND, env=environment(None) | asked, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    assert done.stdout == "plain,doctor\n"


@pytest.mark.parametrize(
    "command", [[], ["watch"], ["url"], ["publish"], ["record"], ["replay"], ["doctor"], ["history"]]
)
def test_help_tells_the_exit_codes(command: list[str]) -> None:
    """Each command's help, without a platform, quickly."""
    started = time.monotonic()
    done = tickwire(None, *command, "--help")
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout
    assert "130  interrupted" in done.stdout
    assert time.monotonic() - started < DEADLINE_S
