"""A budget on the local cloud: made, changed and gone with the setting; beyond it nothing is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.engine import DeployError
from local.platform import Platform

pytestmark = pytest.mark.slow


def limits(stage: Platform) -> dict[str, float]:
    """The amounts of all budgets by name."""
    account = stage.client("sts").get_caller_identity()["Account"]
    found: list[dict[str, Any]] = (
        stage.client("budgets").describe_budgets(AccountId=account).get("Budgets", [])
    )
    return {one["BudgetName"]: float(one["BudgetLimit"]["Amount"]) for one in found}


def test_a_budget_follows_its_setting(tmp_path: Path) -> None:
    """Two of them; the estimate is told and exported; a refused deploy leaves all as it was."""
    said: list[str] = []
    settings = {"feedPaused": True, "symbols": ["AAPL"], "monthlyBudget": 400}
    with Platform(state=tmp_path, keep=False, settings=settings, say=said.append) as stage:
        names = ("tickwire-local-budget", "tickwire-local-budget-broker")
        assert limits(stage) == dict.fromkeys(names, 400.0)
        assert stage.outputs["estimate"] > 0
        assert any("Estimate on AWS" in line for line in said)

        stage.deploy(monthlyBudget=500)
        assert limits(stage) == dict.fromkeys(names, 500.0)

        busy = {"viewers": [{"count": 10_000, "lane": "price", "hours": "always"}], "trades": 5}
        with pytest.raises(DeployError, match=r"monthlyBudget is \$500 and the estimate \$"):
            stage.deploy(workload=busy)
        assert limits(stage) == dict.fromkeys(names, 500.0)

        stage.deploy(workload={}, monthlyBudget=0)
        assert limits(stage) == {}
