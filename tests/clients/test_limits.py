"""`tickwire limits`, and the settings that it reads from a checkout: no platform, no cloud."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.test_cli import COMMAND, environment
from tickwire import limits

ROOT = Path(__file__).parents[2]
PROJECT = (ROOT / "Pulumi.yaml").read_text()


def run(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "limits", *arguments],
        cwd=folder,
        env=environment(None),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  aws:region: us-west-1\n")
    return tmp_path


def test_it_answers_in_a_fresh_clone_with_every_limit() -> None:
    """Each with its use, the limit, what is left, and what happens beyond."""
    done = run("--viewers", "1000", "--lane", "price", "--symbols", "20", "--trades", "5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1,000 watch the price lane of 20 symbols" in done.stdout
    for quota in limits.QUOTAS:
        assert quota.name in done.stdout
        assert quota.beyond in done.stdout
    assert "1,000 new viewers at once are all in after 42 s" in done.stdout  # of 21,000 subscriptions
    assert re.search(r"deliveries to all viewers, a second +20,000 +20,000 +0 ", done.stdout)


def test_json_is_one_object_a_line_with_every_limit() -> None:
    """For a script: numbers as numbers, and whether it's over."""
    done = run("--json", "--viewers", "1001", "--lane", "price", "--symbols", "20")
    found = {line["quota"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(found) == [quota.noun for quota in limits.QUOTAS]
    outbound = found["outbound"]
    assert (outbound["use"], outbound["limit"], outbound["headroom"], outbound["over"]) == (
        20_020,
        20_000,
        -20,
        True,
    )
    assert found["identities"]["arrivalSeconds"] == pytest.approx(40.04)
    assert found["lifetime"]["use"] is None


def test_it_says_what_breaks_and_what_would_fit() -> None:
    """200 messages a second on one connection: what `pulumi up` refuses, it shows, with the remedy."""
    done = run("--symbols", "10", "--trades", "20", "--messages", "20", "--lane", "price")
    assert done.returncode == 0
    assert "EXCEEDED" in done.stdout
    assert "can't work, and pulumi up refuses it: workload.viewers[0] watches the price lane" in done.stdout


def test_the_region_is_the_stages_own_unless_another_is_named(checkout: Path) -> None:
    """A small one grants a tenth."""
    assert '"limit": 2000,' in run("--json", folder=checkout).stdout
    assert '"limit": 20000,' in run("--json", "--region", "us-east-1", folder=checkout).stdout


def test_settings_are_read_as_pulumi_reads_them(checkout: Path) -> None:
    """`off` is a word, `pulumi config set` writes text, a secret isn't looked at."""
    (checkout / "Pulumi.dev.yaml").write_text(
        "config:\n"
        "  tickwire:apiKey: {secure: AAABAN0tReal}\n"
        "  tickwire:priceLane: off\n"
        '  tickwire:feedRate: "7"\n'
        '  tickwire:symbols: \'["A","B"]\'\n'
    )
    done = run(folder=checkout)
    assert done.stdout.startswith("stage dev in us-east-1: 2 symbols, each a second 7 trades"), done


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--viewers", "-1"], ["workload.viewers[0].count is -1", "expected a whole number from 0"]),
        (["--trades", "-5"], ["workload.trades is -5", "expected a number from 0"]),
        (["--trades", "nan"], ["workload.trades is nan", "expected"]),
        (["--lane", "candles"], ["workload.viewers[0].lane is 'candles'", "price, board, bar"]),
        (["--watched", "-2"], ["workload.viewers[0].symbols is -2", "expected"]),
        (["--symbols", "101"], ["symbols is 101", "expected 1 to 100"]),
        (["--viewers", "many"], ["'many'"]),
        (["--stage", "nope"], ["has no Pulumi.nope.yaml", "one of dev"]),
    ],
)
def test_what_cannot_be_is_one_sentence_and_status_2(
    checkout: Path, arguments: list[str], parts: list[str]
) -> None:
    """With the value and what was expected, and no traceback."""
    done = run(*arguments, folder=checkout)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert all(part in done.stderr for part in parts), done.stderr


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("Pulumi.yaml", None, "Pulumi.yaml is missing; expected a checkout"),
        ("Pulumi.yaml", "name: other\n", "Pulumi.yaml is another program's"),
        ("Pulumi.dev.yaml", "config: [", "Pulumi.dev.yaml isn't YAML"),
        ("Pulumi.dev.yaml", "config: 5", "Pulumi.dev.yaml is empty or not a mapping"),
        (
            "Pulumi.dev.yaml",
            "config: {'tickwire:workload': {trades: -1}}",
            "Pulumi.dev.yaml: workload.trades is -1",
        ),
    ],
)
def test_a_folder_that_has_no_settings_to_read_is_one_sentence(
    checkout: Path, name: str, text: str | None, sentence: str
) -> None:
    """Which file, and what was expected there."""
    if text is None:
        (checkout / name).unlink()
    else:
        (checkout / name).write_text(text)
    done = run(folder=checkout)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
    assert sentence in done.stderr


@pytest.mark.parametrize("sources", ["browser/src/*.ts", "python/tickwire_client/*.py"])
def test_both_clients_keep_the_limits_of_the_table(sources: str) -> None:
    """Python may take them from it; the browser, which can't, has the same numbers, wherever they stand."""
    texts = [file.read_text() for file in sorted((ROOT / "clients").glob(sources))]
    pattern = r"^(?:export const )?(FILTERS|TOPICS|SYMBOLS)_MAX = (\d+|limits\.[A-Z]+)\b"
    found = re.findall(pattern, "\n".join(texts), re.MULTILINE)
    expected = {"FILTERS": limits.FILTERS, "TOPICS": limits.SUBSCRIPTIONS, "SYMBOLS": limits.SUBSCRIPTIONS}
    names = {limits.FILTERS: "limits.FILTERS", limits.SUBSCRIPTIONS: "limits.SUBSCRIPTIONS"}
    assert {"FILTERS"} < {name for name, _ in found}
    assert [
        one for one in found if one[1] not in (str(expected[one[0]].value), names[expected[one[0]]])
    ] == []
