"""EventBridge Scheduler: what is woken when."""

from __future__ import annotations

from local.engine.kind import Kind


class Schedule(Kind):
    token, service = "aws:scheduler/schedule:Schedule", "scheduler"
    create_op, update_op, delete_op, read_op = (
        "CreateSchedule",
        "UpdateSchedule",
        "DeleteSchedule",
        "GetSchedule",
    )
    key = {"Name": "{name}", "GroupName": "{groupName}"}
    ref = "{groupName}/{name}"
    defaults = {"groupName": "default", "state": "ENABLED", "scheduleExpressionTimezone": "UTC"}
    replace = frozenset({"name", "namePrefix", "groupName"})
    identity = ("groupName", "name")
    whole = True
    outputs = {"arn": "arn:aws:scheduler:{region}:{account}:schedule/{groupName}/{name}"}


class ScheduleGroup(Kind):
    token, service = "aws:scheduler/scheduleGroup:ScheduleGroup", "scheduler"
    create_op, delete_op, read_op = "CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup"
    key = {"Name": "{name}"}
    fixed = True
    identity = ("name",)
    tag_key = {"ResourceArn": "arn:aws:scheduler:{region}:{account}:schedule-group/{name}"}
    outputs = {"arn": "arn:aws:scheduler:{region}:{account}:schedule-group/{name}"}


KINDS = (Schedule(), ScheduleGroup())
