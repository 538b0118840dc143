"""docs/operations.md and docs/verify-on-aws.md, held against the program and the functions."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from components.code import ROOT
from handlers import bars, board, ingest, status
from tests.components.test_program import names
from tests.components.watched import alarms, metrics, world
from tests.components.world import evaluate
from tickwire.stage import DEFAULTS
from tickwire_client.cli import cli

PAGES = ("operations.md", "verify-on-aws.md")


@cache
def text(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


def anchors(page: str) -> list[str]:
    """What headings are called in links."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in found]


def section(heading: str) -> str:
    """The text below a heading of the operations page, up to the next of its level or above."""
    level = heading.partition(" ")[0]
    found = re.search(
        rf"^{heading}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text(PAGES[0]), re.MULTILINE | re.DOTALL
    )
    assert found, heading
    return found[1]


def rows(heading: str) -> list[str]:
    """The first cells of the table below a heading."""
    return re.findall(r"^\| `(\w+)`", section(heading), re.MULTILINE)


def test_every_alarm_names_its_section_and_every_section_an_alarm() -> None:
    """What it means and what to do; a section that no alarm points to is left over."""
    pointed = {alarm["alarmDescription"].partition("docs/operations.md#")[2] for alarm in alarms().values()}
    assert pointed == set(re.findall(r"^### (.+)$", section("## Alarms"), re.MULTILINE))


def test_every_section_of_an_alarm_says_what_to_do() -> None:
    """A command, or where to read on."""
    for heading in re.findall(r"^### .+$", section("## Alarms"), re.MULTILINE):
        body = section(heading)
        assert "```sh" in body or "](#" in body or "Compare" in body, heading


def test_every_event_of_the_log_is_in_the_table() -> None:
    """As the handlers emit them, no more and no less."""
    emitted = {
        ast.literal_eval(node.args[0])
        for file in sorted((ROOT / "handlers").glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "emit"
    }
    assert sorted(emitted) == sorted(set(rows("## Logs")) - {"event"})


def test_every_metric_is_in_the_table() -> None:
    """As the functions measure them."""
    assert sorted(rows("## Metrics")) == sorted(ingest.UNITS | board.UNITS | bars.UNITS | status.UNITS)


def test_the_page_knows_how_many_metrics_alarms_look_at() -> None:
    """They're what alarms cost."""
    counts = [
        sum(len(metrics(alarm)) for alarm in alarms(evaluate(settings)).values())
        for settings in ({}, {"iotLogging": True}, {"feed": "off"})
    ]
    said = re.search(
        r"(\d+) in a stage, (\d+) in the one .*?, (\d+) without", section("## Alarms"), re.DOTALL
    )
    assert said
    assert [int(one) for one in said.groups()] == counts


@pytest.mark.parametrize("page", PAGES)
def test_commands_name_what_there_is(page: str) -> None:
    """Settings, outputs, resources and subcommands."""
    known = {*DEFAULTS, "apiKey", "aws:region"}
    assert set(re.findall(r"pulumi config (?:set|get) (?:--secret )?([\w:]+)", text(page))) <= known
    assert set(re.findall(r"pulumi stack output (\w+)", text(page))) <= world().exports.keys()
    assert (
        set(re.findall(r"(?:^|`) *tickwire (?:--\w+ )*([a-z]+)", text(page), re.MULTILINE))
        <= cli.commands.keys()
    )
    made = set(names(world()).values())
    for name in re.findall(r"tickwire-(?:STAGE|\$STAGE)-([a-z-]*[a-z])", text(page)):
        ends = (f"tickwire-dev-{name}", f"tickwire-dev-{name}.fifo")
        assert any(one.endswith(ends) for one in made), name


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """To a file, and to a heading in it."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text(page)):
        assert not target or (ROOT / "docs" / target).exists(), target
        assert not anchor or anchor in anchors(target or page), anchor


def test_alarms_are_named_in_full_where_a_command_needs_one() -> None:
    """`tickwire-$STAGE-stale` is an alarm of the program."""
    named = re.findall(r"--alarm-name tickwire-\$STAGE-([a-z-]+)", text(PAGES[1]))
    assert named
    assert set(named) <= alarms().keys()
