"""`tickwire cost`, as a process of its own: from the checkout's files, without a cloud or credentials."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_cli import environment, tickwire
from tickwire.cost import bill
from tickwire.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
MARKET = ("--hours", "market", "--viewer-hours", "market")


def cost(*options: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return tickwire(None, "cost", "--folder", str(folder), *options)


def said(*options: str, folder: Path = ROOT) -> dict[str, Any]:
    done = cost("--json", *options, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def project(folder: Path, *lines: str, stage: str = "dev") -> Path:
    """A checkout's configuration, with these lines in the stage's file."""
    (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    text = "config:\n  aws:region: us-east-1\n" + "".join(f"  {line}\n" for line in lines)
    (folder / f"Pulumi.{stage}.yaml").write_text(text)
    return folder


def test_the_bill_is_the_planners() -> None:
    """Of the stage's file, by service and lane; every part is in the total."""
    found = said()
    total = bill(Stage.parse({"topicPrefix": "dev", "retention": "1d"}, name="dev")).total
    assert found["total"] == pytest.approx(total, abs=0.01)
    for part in ("services", "lanes"):
        assert sum(found[part].values()) == pytest.approx(total, abs=0.1)
    assert found["assumptions"]
    assert found["prices"]["region"] == "us-east-1"


def test_options_say_the_workload() -> None:
    """20 symbols and 1,000 viewers in market hours: some $500 on the board, $7,580 on live lanes."""
    viewers = ("--symbols", "20", "--trades", "5", "--viewers", "1000", *MARKET)
    board, price = (said(*viewers, "--lane", lane) for lane in ("board", "price"))
    assert board["lanes"]["board"] == pytest.approx(500, rel=0.02)
    assert price["total"] > 10 * board["total"]
    beside = {one["name"]: one["audience"] for one in board["beside"]}
    assert beside["price, live"] == pytest.approx(7_580, rel=0.01)
    assert board["savings"][0]["saved"] == max(one["saved"] for one in board["savings"])


def test_economy_is_the_cheaper_profile() -> None:
    """$173 is what the classic design costs at this workload; economy is at most a fifth of it."""
    workload = (
        *("--symbols", "4", "--trades", "5", "--hours", "always"),
        *("--viewers", "5", "--viewer-hours", "office"),
    )
    economy, realtime = (said("--profile", name, *workload)["total"] for name in ("economy", "realtime"))
    assert economy <= 173 / 5 < realtime


def test_the_page_names_lanes_savings_and_what_is_not_certain() -> None:
    """For a person: the total first."""
    text = cost("--requests", "1000000").stdout
    assert text.startswith("dev: $")
    for part in ("the same audience on", "what saves most", "Not certain:", "Assumed:", "board, 1s"):
        assert part in text


def test_a_stages_own_workload_and_settings_count(tmp_path: Path) -> None:
    """As `pulumi up` reads them: a word such as off is a word, an encrypted key is nobody's business."""
    folder = project(
        tmp_path,
        "tickwire:workload: {trades: 2, viewers: [{count: 7, lane: bar}], requests: 10}",
        "tickwire:feed: off",
        "tickwire:monthlyBudget: 40",
        "tickwire:apiKey: {secure: AAABAK}",
    )
    found = said(folder=folder)
    assert found["workload"]["viewers"] == [{"count": 7, "lane": "bar", "symbols": 0, "hours": 168.0}]
    assert found["budget"] == 40
    assert not [line for line in found["lines"] if line["what"].startswith("feed")]
    assert said("--viewers", "9", folder=folder)["workload"]["viewers"][0]["lane"] == "bar"


def test_numbers_that_the_pulumi_command_wrote_are_numbers(tmp_path: Path) -> None:
    """`pulumi config set feedRate 10` writes "10", and the program gets texts as well."""
    lines = ('tickwire:feedRate: "10"', 'tickwire:protected: "true"', 'tickwire:monthlyBudget: "900"')
    found = said(folder=project(tmp_path, *lines))
    assert found["budget"] == 900
    assert found["total"] > said()["total"]
    assert any(line["what"] == "continuous backup" for line in found["lines"])


BAD = [
    (("--viewers", "-1"), ["count is -1", "expected a whole number from 0"]),
    (("--viewers", "1.5"), ["count is 1.5"]),
    (("--trades", "-2"), ["trades is -2", "expected a number from 0"]),
    (("--trades", "nan"), ["trades is nan"]),
    (("--trades", "many"), ["'many' is not a number"]),
    (("--lane", "candles"), ["'candles'", "one of price, board, bar"]),
    (("--hours", "weekends"), ["'weekends'", "always, market, office"]),
    (("--requests", "-3"), ["requests is -3"]),
    (("--symbols", "0"), ["symbols is 0", "1 to 100"]),
    (("--symbols", "aapl"), ["'aapl'", "upper-case"]),
    (("--profile", "cheap"), ["profile is 'cheap'", "realtime or economy"]),
    (("--stage", "nope"), ["'nope'", "Pulumi.nope.yaml", "dev, local, prod"]),
]


@pytest.mark.parametrize(("options", "parts"), BAD, ids=[" ".join(options) for options, _ in BAD])
def test_what_cannot_be_is_refused_in_one_sentence(options: tuple[str, ...], parts: list[str]) -> None:
    """The value, what was expected, and the exit code of wrong usage."""
    done = cost(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tickwire: ")
    assert done.stderr.count("\n") == 1
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("tickwire:monthlyBudget: lots", ["monthlyBudget is 'lots'", "whole dollars"]),
        ("tickwire:monthlyBudget: .nan", ["monthlyBudget is nan"]),
        ("tickwire:workload: [5]", ["workload is [5]"]),
        ("tickwire:budget: 5", ["'budget' is unknown"]),
        ("tickwire:workload: {", ["isn't YAML"]),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, line: str, parts: list[str]) -> None:
    """As by the program itself."""
    done = cost(folder=project(tmp_path, line))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert all(part in done.stderr for part in parts), done.stderr


def test_elsewhere_it_says_where_it_works(tmp_path: Path) -> None:
    """Outside a checkout there is no stage to read."""
    done = cost(folder=tmp_path)
    assert done.returncode == 2
    assert "expected a checkout of Tickwire, here or by --folder" in done.stderr


def test_without_a_reader_of_yaml_it_says_what_to_install(tmp_path: Path) -> None:
    """One sentence, no traceback."""
    code = (
        "import sys; sys.modules['yaml'] = None; sys.argv = ['tickwire', 'cost', '--folder', sys.argv[1]];"
        "from tickwire_client.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        env=environment(None),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr == "tickwire: reading Pulumi.yaml needs PyYAML; expected it from: pip install pyyaml\n"
