"""What a deploy makes of a stage whose brakes are in force: it keeps them, and says so."""

from __future__ import annotations

import pulumi
import pytest

from components import guest
from tests.components.iam import allows, statements
from tests.components.test_guest import LONGEST_PREFIX, LONGEST_REGION, WORST
from tests.components.watched import alarms
from tests.components.world import World, evaluate
from tickwire.brakes import CLOSED, DENIED, MAPPED, SCHEDULED, note

SINCE = note(at_ms=1_795_000_000_000, by="arn:aws:iam::123456789012:user/ana")
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def running(found: World) -> tuple[dict[str, bool], dict[str, bool]]:
    """Schedules and mappings by their function, and whether they're on."""
    schedules = {
        one.inputs["name"].removeprefix("tickwire-dev-"): one.inputs["state"] == "ENABLED"
        for one in found.of("aws:scheduler/schedule:Schedule")
    }
    mappings = {
        one.inputs["functionName"].removeprefix("tickwire-dev-"): one.inputs["enabled"]
        for one in found.of("aws:lambda/eventSourceMapping:EventSourceMapping")
    }
    return schedules, mappings


def test_the_pause_knows_whatever_of_the_program_runs_by_itself() -> None:
    """A new schedule or mapping that it would leave running fails here."""
    schedules, mappings = running(evaluate())
    assert schedules == dict.fromkeys(SCHEDULED, True)
    assert mappings == dict.fromkeys(MAPPED, True)


@pytest.mark.parametrize("settings", [{}, {"feedPaused": True}, {"feed": "off"}], ids=["on", "paused", "off"])
def test_a_deploy_starts_nothing_of_a_paused_stage(settings: dict[str, object]) -> None:
    """Schedules, mappings and the alarms' actions stay off, whatever its settings are."""
    found = evaluate(settings, brakes={"pause": SINCE})
    assert found.error is None
    for each in running(found):
        assert set(each.values()) == {False}
    assert {alarm["actionsEnabled"] for alarm in alarms(found).values()} == {False}
    assert found.exports["brakes"] == ["pause"]


def test_a_pause_leaves_guests_and_closed_access_leaves_the_rest() -> None:
    """Two brakes, and each does its own."""
    assert not closing(evaluate(brakes={"pause": SINCE}))
    schedules, mappings = running(evaluate(brakes={"guests": SINCE}))
    assert set(schedules.values()) == set(mappings.values()) == {True}


def closing(found: World) -> list[str]:
    """The roles that a deploy gives the policy which shuts guests out."""
    return [
        one.inputs["role"] for one in found.of(ATTACHMENT) if one.inputs["policyArn"].endswith(f"-{CLOSED}")
    ]


def test_a_deploy_keeps_guest_access_closed_where_it_is_closed_and_nowhere_else() -> None:
    """Also of a role that it makes anew; an open one gets nothing."""
    found = evaluate(brakes={"guests": SINCE})
    assert closing(found) == ["tickwire-dev-guest"]
    assert found.exports["brakes"] == ["guests"]
    assert not closing(evaluate())


def test_the_policy_that_shuts_guests_out_denies_the_three_on_everything() -> None:
    """And does nothing else."""
    (statement,) = statements(guest.closed())
    assert statement == {"Effect": "Deny", "Action": list(DENIED), "Resource": "*"}
    assert set(DENIED) == {"iot:Connect", "iot:Subscribe", "iot:Receive"}


@pytest.mark.parametrize(
    ("brakes", "said"),
    [
        ({}, []),
        (
            {"guests": SINCE},
            [
                "guest access is closed since 2026-11-18T11:06:40.000Z,"
                " by arn:aws:iam::123456789012:user/ana, and stays so; `tickwire guests on` ends it"
            ],
        ),
        (
            {"pause": "on holiday", "other": SINCE},
            [
                "the stage is paused since unknown, by on holiday, and stays so; `tickwire resume` ends it",
            ],
        ),
    ],
    ids=["none", "guests", "a note by hand"],
)
def test_a_deploy_says_which_brakes_are_in_force(
    monkeypatch: pytest.MonkeyPatch, brakes: dict[str, str], said: list[str]
) -> None:
    """Since when, by whom, and what ends it; also of a note that somebody wrote by hand."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: warnings.append(message))
    assert evaluate(brakes=brakes).error is None
    assert warnings == said


def test_the_guests_role_can_go_with_a_policy_that_the_program_did_not_give_it() -> None:
    """Destroying a stage whose access was closed from outside: the role lets go, then the policy goes."""
    found = evaluate()
    role = found.one("aws:iam/role:Role", "identity-guest")
    assert role.inputs["forceDetachPolicies"] is True
    assert found.one("aws:iam/policy:Policy", f"identity-{CLOSED}").urn in role.dependencies


def test_a_role_has_room_for_that_policy_at_the_largest_universe() -> None:
    """AWS attaches ten to a role, and lets its own documents hold 10,240 characters."""
    symbols = list(WORST)
    found = evaluate(
        {"symbols": symbols, "topicPrefix": LONGEST_PREFIX}, region=LONGEST_REGION, brakes={"guests": SINCE}
    )
    assert found.error is None
    assert closing(found)
    assert len(found.of(ATTACHMENT)) <= 10
    own = [
        one.inputs["policy"]
        for one in found.of("aws:iam/rolePolicy:RolePolicy")
        if one.inputs["role"] == "tickwire-dev-guest"
    ]
    assert sum(map(len, own)) <= 10_240
    given = [one.inputs["policy"] for one in found.of("aws:iam/policy:Policy") if CLOSED not in one.name]
    for symbol in symbols:
        filter_ = f"arn:aws:iot:{LONGEST_REGION}:123456789012:topicfilter/{LONGEST_PREFIX}/prices/{symbol}"
        assert allows([*own, *given], "iot:Subscribe", filter_), symbol
