"""Faults: a refused call, a killed run, a cloud that forgot. The next deploy always goes on and leaves no
orphan.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.engine import DeployError, Warm
from tests.local.engine import many
from tests.local.engine.lab import Lab

pytestmark = pytest.mark.slow

QUEUES = """
for noun in ("a", "b", "c"):
    aws.sqs.Queue(noun, name=name(noun))
"""
CLAIM = 'aws.ssm.Parameter("claim", name="/topics/{prefix}", type="String", value="{stage}", opts=Options())'


def test_a_refused_creation_keeps_the_rest_and_the_next_deploy_goes_on(lab: Lab) -> None:
    """The sentence has the resource, its type and AWS's reason; what doesn't need it is made all the same."""
    with pytest.raises(DeployError) as failure:
        lab.deploy("""
            good = aws.sqs.Queue("good", name=name("good"))
            bad = aws.sqs.Queue("bad", name=name("bad"), delay_seconds=100000)
            after = aws.sns.Topic("after", name=name("after"), display_name=bad.arn)
        """)
    assert str(failure.value).startswith("aws:sqs/queue:Queue bad: InvalidAttributeValue: ")
    assert "\n" not in str(failure.value)
    assert "CreateTopic" not in lab.calls
    deployment = lab.deploy("""
        good = aws.sqs.Queue("good", name=name("good"))
        bad = aws.sqs.Queue("bad", name=name("bad"), delay_seconds=100)
        after = aws.sns.Topic("after", name=name("after"), display_name=bad.arn)
    """)
    assert deployment.created == ("aws:sns/topic:Topic after", "aws:sqs/queue:Queue bad")
    assert deployment.same == 1


def test_every_failure_is_told_at_once(lab: Lab) -> None:
    """A sentence each, so that they can be mended in one go."""
    with pytest.raises(DeployError) as failure:
        lab.deploy("""
            aws.sqs.Queue("one", delay_seconds=100000)
            aws.sqs.Queue("two", delay_seconds=100000)
        """)
    assert {line.split(":")[2] for line in str(failure.value).splitlines()} == {"Queue one", "Queue two"}


def test_nothing_is_deleted_after_a_failure(lab: Lab) -> None:
    """What the program doesn't register may only be missing because it stopped early."""
    lab.deploy(QUEUES)
    with pytest.raises(DeployError):
        lab.deploy('raise pulumi.RunError("not today")')
    assert lab.changing_calls == []
    assert lab.deploy(QUEUES).same == 3


@pytest.mark.parametrize(
    "operation",
    [
        *("CreateRole", "CreateTable", "PutObject"),  # found by name, as most are
        *("AttachRolePolicy", "CreateQueue", "CreateLogGroup", "PutRetentionPolicy", "PutParameter"),
        *("SetIdentityPoolRoles", "AddPermission", "CreateEventSourceMapping", "CreateIdentityPool"),
        *("CreateApi", "CreateIntegration", "CreateRoute"),
        *("CreateOriginAccessControl", "CreateResponseHeadersPolicy", "CreateDistribution"),
    ],
)
def test_a_run_killed_right_after_a_call_leaves_nothing_that_the_next_trips_over(
    lab: Lab, operation: str
) -> None:
    """Kill -9 before the engine hears the answer, whichever it was: the next run has one of each."""
    lab.write(many.PROGRAM)
    lab.die_after(operation)
    with pytest.raises(DeployError, match="the deploy was killed"):
        lab.deploy()
    lab.deploy()
    assert len(lab.remembered) == many.COUNT
    assert _count(lab) == {
        "apis": 1,
        "pools": 1,
        "access": 1,
        "headers": 1,
        "sites": 1,
        "mappings": 1,
        "integrations": 1,
    }
    lab.destroy()


def test_a_run_killed_within_an_update_or_a_deletion_is_completed_by_the_next(lab: Lab) -> None:
    """Both are asked for again, and asking twice does no harm."""
    lab.deploy(QUEUES)
    lab.write(QUEUES.replace("name=name(noun)", "name=name(noun), delay_seconds=1"))
    lab.die_after("SetQueueAttributes")
    with pytest.raises(DeployError):
        lab.deploy()
    lab.deploy()
    assert lab.deploy().same == 3
    lab.write("")
    lab.die_after("DeleteQueue")
    with pytest.raises(DeployError):
        lab.deploy()
    lab.deploy()
    assert not lab.file.exists()


def test_a_cloud_that_restarted_empty_gets_everything_again(warm: Warm, tmp_path: Path) -> None:
    """The mark in the cloud is gone, so each resource is looked for; one line says what was found."""
    with Cloud() as cloud:
        lab = Lab(cloud=cloud, warm=warm, folder=tmp_path, stage="empty")
        lab.deploy(many.PROGRAM)
    with Cloud() as cloud:
        lab.cloud = cloud
        assert len(lab.preview().created) == many.COUNT
        deployment = lab.deploy()
        assert len(deployment.created) == many.COUNT
        assert lab.lines[0] == f"the local cloud has 0 of {many.COUNT} resources; making the others again"
        assert lab.deploy().same == many.COUNT


def test_a_cloud_with_an_older_memory_gets_what_it_misses(lab: Lab) -> None:
    """As after a power cut: its mark is an older one, so only what is missing is made."""
    lab.deploy(many.PROGRAM)
    lab.client("sqs").delete_queue(QueueUrl=lab.remembered["queue"]["ref"])
    lab.client("apigatewayv2").delete_api(ApiId=lab.remembered["api"]["ref"])
    assert lab.deploy().same == many.COUNT, "with the mark in place nothing is looked at"
    kept = json.loads(lab.file.read_text())
    lab.client("ssm").put_parameter(
        Name=f"/local-engine/{lab.stage}/{kept['id']}", Value="older", Type="String", Overwrite=True
    )
    deployment = lab.deploy()
    assert "aws:sqs/queue:Queue queue" in deployment.created
    assert "aws:apigatewayv2/route:Route route" in deployment.created
    assert not any(" table" in one or " bucket" in one for one in deployment.created)
    assert lab.deploy().same == many.COUNT


def test_an_update_that_the_cloud_lost_is_made_again(lab: Lab) -> None:
    """A cloud killed right after an update comes back without it, and without the mark that came later."""
    program = 'aws.ssm.Parameter("p", name="/" + name("p"), type="String", value="one")'
    lab.deploy(program)
    lab.deploy(program.replace("one", "two"))
    lab.client("ssm").put_parameter(Name="/" + lab.name("p"), Value="one", Overwrite=True)
    lab.distrust()
    assert lab.deploy().updated == ("aws:ssm/parameter:Parameter p",)
    assert lab.client("ssm").get_parameter(Name="/" + lab.name("p"))["Parameter"]["Value"] == "two"


def test_a_cloud_at_another_port_is_known_again(lab: Lab) -> None:
    """Addresses in outputs follow the port; nothing else changes."""
    lab.deploy(QUEUES + 'pulumi.export("url", aws.sqs.Queue("u", name=name("u")).url)')
    moved = lab.file.read_text().replace(f":{lab.cloud.port}", ":1")
    lab.file.write_text(moved)
    deployment = lab.deploy()
    assert deployment.same == 4
    assert str(deployment.outputs["url"]).startswith(lab.cloud.url + "/")


def test_a_claim_fails_for_a_second_stage_and_stays_the_firsts(
    engine_cloud: Cloud, warm: Warm, tmp_path: Path
) -> None:
    """Also when the second tries twice, and when it goes away again."""
    labs = []
    for stage in ("claim1", "claim2"):
        (tmp_path / stage).mkdir()
        lab = Lab(cloud=engine_cloud, warm=warm, folder=tmp_path / stage, stage=stage)
        lab.write(CLAIM.format(prefix="shared", stage=stage))
        labs.append(lab)
    first, second = labs
    first.deploy()
    for _ in range(2):
        with pytest.raises(DeployError, match="aws:ssm/parameter:Parameter claim: ParameterAlreadyExists"):
            second.deploy()
    second.destroy()
    assert first.client("ssm").get_parameter(Name="/topics/shared")["Parameter"]["Value"] == "claim1"
    assert first.deploy().same == 1


def test_another_stages_claim_is_not_taken_for_a_half_made_one(
    engine_cloud: Cloud, warm: Warm, tmp_path: Path
) -> None:
    """A run killed between asking and hearing no may have been refused; the value tells whose it is."""
    lab = Lab(cloud=engine_cloud, warm=warm, folder=tmp_path, stage="claim3")
    lab.write(CLAIM.format(prefix="killed", stage="claim3"))
    lab.die_after("PutParameter")
    with pytest.raises(DeployError):
        lab.deploy()
    lab.client("ssm").put_parameter(Name="/topics/killed", Value="other", Type="String", Overwrite=True)
    with pytest.raises(DeployError, match="ParameterAlreadyExists"):
        lab.deploy()
    assert lab.client("ssm").get_parameter(Name="/topics/killed")["Parameter"]["Value"] == "other"


def test_somebody_elses_resource_is_not_taken_over(lab: Lab) -> None:
    """A name that was there before is refused, again and again, and left alone."""
    lab.client("iam").create_role(
        RoleName=lab.name("role"), AssumeRolePolicyDocument="{}", Description="theirs"
    )
    for _ in range(2):
        with pytest.raises(DeployError, match="aws:iam/role:Role role: EntityAlreadyExists"):
            lab.deploy('aws.iam.Role("role", name=name("role"), assume_role_policy="{}")')
    with pytest.raises(DeployError, match="aws:iam/role:Role role: "):
        lab.deploy('aws.iam.Role("role", name=name("role"), assume_role_policy="{}", max_session_duration=1)')
    with pytest.raises(DeployError, match="EntityAlreadyExists"):
        lab.deploy('aws.iam.Role("role", name=name("role"), assume_role_policy="{}")')
    assert lab.client("iam").get_role(RoleName=lab.name("role"))["Role"]["Description"] == "theirs"


def test_a_cloud_that_does_not_answer_is_one_sentence(lab: Lab) -> None:
    """Before anything is evaluated."""
    lab.write(QUEUES)
    with pytest.raises(DeployError, match=r"the local cloud at http://127\.0\.0\.1:9 doesn't answer"):
        lab.deploy(endpoint="http://127.0.0.1:9")


def test_a_state_that_cannot_be_read_is_one_sentence(lab: Lab) -> None:
    """With what helps; it is never taken for an empty one."""
    lab.deploy(QUEUES)
    lab.file.write_text("{ half a fi")
    with pytest.raises(DeployError, match=r"isn't a state .* delete it"):
        lab.deploy()


def test_closing_during_a_deploy_ends_what_was_begun_and_remembers_it(
    engine_cloud: Cloud, tmp_path: Path
) -> None:
    """As Ctrl-C does: nothing is left running, nothing is lost."""
    warm = Warm()
    lab = Lab(cloud=engine_cloud, warm=warm, folder=tmp_path, stage="closed")
    lab.write(
        QUEUES + "import time; q = aws.sqs.Queue('d', name=name('d'))\nq.arn.apply(lambda _: time.sleep(60))"
    )
    told: list[str] = []

    def ask() -> None:
        with contextlib.suppress(DeployError):
            warm.deploy(
                lab.program,
                stage=lab.stage,
                state=lab.state,
                endpoint=lab.cloud.url,
                config={},
                say=told.append,
            )

    asking = threading.Thread(target=ask)
    asking.start()
    _eventually(lambda: len(told) >= 4)
    began = time.monotonic()
    warm.close()
    asking.join(30)
    assert time.monotonic() - began < 30  # the program would sleep for a minute
    assert not asking.is_alive()
    with Warm() as other:
        lab.warm = other
        assert lab.deploy(QUEUES + "aws.sqs.Queue('d', name=name('d'))").same == 4


def test_two_deploys_of_a_stage_take_turns(lab: Lab) -> None:
    """The second waits for the first's end, then finds nothing to do."""
    lab.write(QUEUES)
    with Warm() as other:
        results = []
        given = {
            "stage": lab.stage,
            "state": lab.state,
            "endpoint": lab.cloud.url,
            "config": {},
            "say": lambda _: None,
        }
        threads = [
            threading.Thread(target=lambda warm=warm: results.append(warm.deploy(lab.program, **given)))
            for warm in (lab.warm, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(len(one.created) for one in results) == [0, 3]


def _count(lab: Lab) -> dict[str, int]:
    """How many there are of what AWS names itself, by this stage's names."""
    client = lab.client
    lists = client("cloudfront")
    apis = [one for one in client("apigatewayv2").get_apis()["Items"] if one["Name"] == lab.name("api")]
    pools = client("cognito-identity").list_identity_pools(MaxResults=60)["IdentityPools"]
    access = lists.list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    headers = lists.list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"].get(
        "Items", []
    )
    sites = lists.list_distributions()["DistributionList"].get("Items", [])
    mappings = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    config = "ResponseHeadersPolicyConfig"
    return {
        "apis": len(apis),
        "pools": sum(one["IdentityPoolName"] == lab.name("pool") for one in pools),
        "access": sum(one["Name"] == lab.name("access") for one in access),
        "headers": sum(
            one["ResponseHeadersPolicy"][config]["Name"] == lab.name("headers") for one in headers
        ),
        "sites": sum(one["Comment"] == lab.name("site") for one in sites),
        "mappings": sum(lab.name("f") in one["FunctionArn"] for one in mappings),
        "integrations": sum(
            len(client("apigatewayv2").get_integrations(ApiId=one["ApiId"])["Items"]) for one in apis
        ),
    }


def _eventually(what: Callable[[], bool], *, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)
