"""What a month may cost: the estimate before anything is made, and AWS's own watch on the bill.

The estimate is of `tickwire.cost`; a stage that would exceed its `monthlyBudget` is refused. AWS Budgets then
compares real bills with the same sum, and tells the alarms' topic. It reads the stage's tag, and usage of AWS
IoT has no tags: so a second budget watches the broker's part of the whole account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.alarms import Alarms
from components.calendar import sessions
from tickwire import cost
from tickwire.calendar import DAY_MS, Calendar
from tickwire.savings import refuse_beyond_budget
from tickwire.stage import Stage
from tickwire.workload import ALWAYS_H

HOUR_MS = 3_600_000
ALMOST, ALL = 80, 100  # per cent


def checked(stage: Stage) -> Stage:
    """The stage, its calendar's hours in its workload; ConfigError when the estimate exceeds its budget."""
    calendar = Calendar.parse(sessions(stage.calendar))
    if calendar.spans_ms and stage.workload.hours is None:
        open_ms = sum(end - start for start, end in calendar.spans_ms)
        months = (calendar.to_ms - calendar.from_ms) / DAY_MS / (ALWAYS_H / 24)
        work = replace(stage.workload, hours=open_ms / HOUR_MS / months)
        stage = replace(stage, workload=work)
    refuse_beyond_budget(stage)
    return stage


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    stage: Stage
    tells: Alarms


class Budget(pulumi.ComponentResource):
    """Two budgets, of the stage and of the broker; none where `monthlyBudget` is 0."""

    estimate: float
    """Dollars a month."""

    def __init__(self, name: str, args: BudgetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Budget", name, None, opts)
        stage = args.stage
        self.estimate = round(cost.bill(stage).total, 2)
        pulumi.log.info(cost.sentence(stage))
        if stage.monthly_budget:
            self._budget(name, args, {"TagKeyValue": f"user:stage${stage.name}"})
            self._budget(f"{name}-broker", args, {"Service": "AWS IoT"})
        self.register_outputs({"estimate": self.estimate})

    def _budget(self, name: str, args: BudgetArgs, filters: Mapping[str, str]) -> None:
        stage = args.stage
        aws.budgets.Budget(
            name,
            aws.budgets.BudgetArgs(
                name=stage.named(name),
                budget_type="COST",
                time_unit="MONTHLY",
                limit_amount=str(stage.monthly_budget),
                limit_unit="USD",
                cost_filters=[
                    aws.budgets.BudgetCostFilterArgs(name=key, values=[value])
                    for key, value in filters.items()
                ],
                notifications=[
                    aws.budgets.BudgetNotificationArgs(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=threshold,
                        threshold_type="PERCENTAGE",
                        subscriber_sns_topic_arns=[args.tells.topic],
                    )
                    for kind, threshold in (("ACTUAL", ALMOST), ("FORECASTED", ALL))
                ],
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )
