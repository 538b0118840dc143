"""The estimate at each `pulumi up`, the refusal of a stage that would exceed its budget, AWS's own watch."""

from __future__ import annotations

import json
import re
from typing import Any

import pulumi
import pytest

from components.budget import checked
from tests.components.world import ACCOUNT, evaluate
from tickwire import cost
from tickwire.stage import Stage

BUSY = {"viewers": [{"count": 1_000, "lane": "price"}]}
KIND = "aws:budgets/budget:Budget"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the program tells whoever runs `pulumi up`."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_, **__: lines.append(text))
    return lines


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_every_update_prints_the_estimate_and_exports_it(told: list[str], preview: bool) -> None:
    """One line; the figure is the planner's."""
    world = evaluate({"workload": BUSY}, preview=preview)
    assert world.error is None
    (line,) = told
    assert line.startswith("Estimate on AWS for 1,000 viewers and 0 requests: $")
    total = cost.bill(Stage.parse({"workload": BUSY}, name="dev")).total
    assert world.exports["estimate"] == round(total, 2)
    assert f"${total:,.2f} a month" in line


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_a_stage_beyond_its_budget_is_refused_before_any_resource(preview: bool) -> None:
    """One sentence: file, budget, estimate, and the change that would fit."""
    world = evaluate({"workload": BUSY, "monthlyBudget": 500}, preview=preview)
    assert isinstance(world.error, pulumi.RunError)
    text = str(world.error)
    assert re.match(
        r"Pulumi\.dev\.yaml: monthlyBudget is \$500 and the estimate \$[\d,.]+; .+: .+ would fit", text
    )
    assert "\n" not in text
    assert world.resources == []


@pytest.mark.parametrize("value", [-5, "lots", "NaN", "2.5", "Infinity"])
def test_a_budget_that_is_no_number_ends_the_program(value: Any) -> None:
    """With the value and what was expected."""
    world = evaluate({"monthlyBudget": value})
    assert isinstance(world.error, pulumi.RunError)
    assert re.match(r"Pulumi\.dev\.yaml: monthlyBudget is .*; expected 0 to 1000000 whole", str(world.error))
    assert world.resources == []


def test_a_stage_without_a_budget_has_none_at_aws() -> None:
    """0 is none."""
    assert evaluate().of(KIND) == []


def test_aws_watches_the_stage_and_the_broker() -> None:
    """The stage by its tag, the broker's usage, which has no tags, by its service; both tell the topic."""
    made = {one.name: one.inputs for one in evaluate({"monthlyBudget": 300}).of(KIND)}
    filters = {name: one["costFilters"] for name, one in made.items()}
    assert filters == {
        "budget": [{"name": "TagKeyValue", "values": ["user:stage$dev"]}],
        "budget-broker": [{"name": "Service", "values": ["AWS IoT"]}],
    }
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:tickwire-dev-alarms"
    for one in made.values():
        assert (one["limitAmount"], one["limitUnit"], one["timeUnit"]) == ("300", "USD", "MONTHLY")
        told = {(each["notificationType"], each["threshold"]) for each in one["notifications"]}
        assert told == {("ACTUAL", 80), ("FORECASTED", 100)}
        assert all(each["subscriberSnsTopicArns"] == [topic] for each in one["notifications"])


def test_only_a_stage_with_a_budget_lets_budgets_publish() -> None:
    """And only those of its own account."""
    with_one, without = (
        json.loads(evaluate(settings).one("aws:sns/topic:Topic", "alarms").inputs["policy"])["Statement"]
        for settings in ({"monthlyBudget": 300}, {})
    )
    assert [one["Principal"]["Service"] for one in without] == ["cloudwatch.amazonaws.com"]
    (more,) = [one for one in with_one if one["Principal"]["Service"] == "budgets.amazonaws.com"]
    assert more["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_an_exchanges_own_hours_are_planned_with() -> None:
    """Not those of New York for all: Chicago's futures trade nearly around the clock."""
    hours = {
        name: checked(Stage.parse({"calendar": name}, name="dev")).workload.hours
        for name in ("24/7", "XNYS", "CMES")
    }
    assert hours["24/7"] is None
    assert hours["XNYS"] == pytest.approx(136.5, rel=0.02)
    assert hours["CMES"] is not None
    assert hours["CMES"] > 400


def test_hours_that_the_workload_says_are_stronger() -> None:
    """Such as those of somebody else's feed."""
    said = Stage.parse({"calendar": "XNYS", "workload": {"hours": 10}}, name="dev")
    assert checked(said).workload.hours == 10
