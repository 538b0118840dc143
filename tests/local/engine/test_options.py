"""Resource options, previews and secrets: what a program asks of its engine besides the resources."""

from __future__ import annotations

import stat

import pytest

from local.engine import DeployError
from tests.local.engine.lab import Lab

pytestmark = pytest.mark.slow

PROTECTED = 'aws.sqs.Queue("jobs", name=name("jobs"), opts=Options(protect=True))'
RULED = """
aws.ssm.Parameter("p", name="/" + name("p"), type="String", value="one", description="d",
    tags={"owner": "me", "count": "1"}, opts=Options(ignore_changes=["value", "tags.count"]))
"""
SECRET = "correct-horse-battery-staple"


def test_a_protected_resource_is_neither_deleted_nor_replaced(lab: Lab) -> None:
    """One sentence, nothing called; protection is taken away by a deploy of its own."""
    lab.deploy(PROTECTED)
    with pytest.raises(DeployError, match=r"aws:sqs/queue:Queue jobs.* protected"):
        lab.deploy("")
    with pytest.raises(DeployError, match="aws:sqs/queue:Queue jobs: it is protected, and changing name"):
        lab.deploy(PROTECTED.replace('name("jobs")', 'name("tasks")'))
    with pytest.raises(DeployError, match="protected"):
        lab.destroy()
    assert lab.changing_calls == []
    lab.deploy(PROTECTED.replace("protect=True", "protect=False"))
    assert lab.changing_calls == []
    assert lab.deploy("").deleted == ("aws:sqs/queue:Queue jobs",)


def test_ignored_changes_stay_as_they_were_also_inside_a_map(lab: Lab) -> None:
    """The rest of the property changes as usual."""
    lab.deploy(RULED)
    deployment = lab.deploy(RULED.replace('"one"', '"two"').replace('"1"', '"2"'))
    assert deployment.same == 1
    lab.deploy(RULED.replace('"one"', '"two"').replace('"me"', '"you"').replace('"1"', '"2"'))
    assert lab.changing_calls == ["AddTagsToResource"]
    tags = lab.remembered["p"]["inputs"]["tags"]
    assert tags == {"owner": "you", "count": "1"}


def test_what_is_retained_stays_in_the_cloud(lab: Lab) -> None:
    """The engine only forgets it."""
    program = 'aws.sqs.Queue("jobs", name=name("jobs"), opts=Options(retain_on_delete=True))'
    lab.deploy(program)
    lab.deploy("")
    assert lab.changing_calls == []
    assert lab.lines[0].startswith("kept      aws:sqs/queue:Queue jobs")
    assert lab.client("sqs").get_queue_url(QueueName=lab.name("jobs"))


def test_delete_before_replace_leaves_no_moment_with_both(lab: Lab) -> None:
    """The order that the program asked for."""
    program = 'aws.sqs.Queue("jobs", name=name("a"), opts=Options(delete_before_replace=True))'
    lab.deploy(program)
    lab.deploy(program.replace('name("a")', 'name("b")'))
    assert lab.changing_calls == ["DeleteQueue", "CreateQueue"]


def test_replace_on_changes_replaces_what_could_be_updated(lab: Lab) -> None:
    """By property."""
    program = """
        aws.sqs.Queue("jobs", visibility_timeout_seconds=30,
            opts=Options(replace_on_changes=["visibilityTimeoutSeconds"]))
    """
    lab.deploy(program)
    assert lab.deploy(program.replace("30", "31")).replaced == ("aws:sqs/queue:Queue jobs",)


def test_what_goes_with_its_owner_needs_no_call_of_its_own(lab: Lab) -> None:
    """`deleted_with`: the owner's deletion takes it along."""
    lab.deploy("""
        topic = aws.sns.Topic("t", name=name("t"))
        queue = aws.sqs.Queue("q", name=name("q"), opts=Options(deleted_with=topic))
    """)
    assert len(lab.deploy("").deleted) == 2
    assert lab.changing_calls == ["DeleteTopic"]


def test_a_replaced_resource_replaces_what_names_it(lab: Lab) -> None:
    """An API with a new id needs new routes; the old ones go before the old API."""
    program = """
        api = aws.apigatewayv2.Api("api", name=name("api"), protocol_type="HTTP")
        to = aws.apigatewayv2.Integration("to", api_id=api.id, integration_type="HTTP_PROXY",
            integration_uri="https://example.com", integration_method="GET")
        aws.apigatewayv2.Route("r", api_id=api.id, route_key="GET /",
            target=to.id.apply(lambda i: "integrations/" + i))
    """
    lab.deploy(program)
    websocket = program.replace('"HTTP")', '"WEBSOCKET", route_selection_expression="$request.body.x")')
    deployment = lab.deploy(websocket)
    assert len(deployment.replaced) == 3
    assert lab.changing_calls[-3:] == ["DeleteRoute", "DeleteIntegration", "DeleteApi"]
    assert lab.deploy().same == 3


def test_a_preview_says_what_would_happen_and_calls_nothing_that_changes(lab: Lab) -> None:
    """Unknown ids and outputs flow on as unknown; the state isn't touched."""
    program = """
        role = aws.iam.Role("role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
        aws.iam.RolePolicy("rights", role=role.name,
            policy=role.arn.apply(lambda arn: json.dumps({"on": arn})))
        pool = aws.cognito.IdentityPool("pool", identity_pool_name=name("pool"))
        attached = aws.cognito.IdentityPoolRoleAttachment("att", identity_pool_id=pool.id,
            roles={"unauthenticated": role.arn})
        site = aws.cloudfront.Distribution("site", enabled=True,
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            origins=[{"origin_id": "o", "domain_name": pool.id.apply(lambda i: i + ".example")}],
            viewer_certificate={"cloudfront_default_certificate": True},
            default_cache_behavior={"target_origin_id": "o", "viewer_protocol_policy": "https-only",
                "allowed_methods": ["GET", "HEAD"], "cached_methods": ["GET", "HEAD"]})
        pulumi.export("pool", pool.id)
        pulumi.export("plain", "known")
    """
    plan = lab.preview(program)
    assert len(plan.created) == 5
    assert plan.outputs == {"plain": "known"}
    assert lab.changing_calls == []
    assert not lab.state.exists()


def test_a_preview_of_changes_matches_the_deploy_that_follows(lab: Lab) -> None:
    """Update, replacement and deletion alike."""
    lab.deploy("""
        aws.sqs.Queue("a", name=name("a"))
        aws.sqs.Queue("b", name=name("b"))
        aws.sqs.Queue("c", name=name("c"))
    """)
    changed = """
        aws.sqs.Queue("a", name=name("a"), delay_seconds=5)
        aws.sqs.Queue("b", name=name("b2"))
    """
    before = lab.file.read_text()
    plan = lab.preview(changed)
    assert lab.changing_calls == []
    assert lab.file.read_text() == before
    done = lab.deploy()
    assert (plan.created, plan.updated, plan.replaced, plan.deleted) == (
        done.created,
        done.updated,
        done.replaced,
        done.deleted,
    )
    assert (len(done.updated), len(done.replaced), len(done.deleted)) == (1, 1, 1)


def test_a_secret_is_marked_kept_private_and_never_said(lab: Lab) -> None:
    """The export is usable and named as secret; no line or error repeats it; the file is its owner's."""
    program = f"""
        password = pulumi.Output.secret("{SECRET}")
        pulumi.log.info("using {SECRET} of the configuration")
        p = aws.ssm.Parameter("p", name="/" + name("p"), type="SecureString", value=password)
        pulumi.export("password", p.value)
        pulumi.export("open", "to all")
    """
    deployment = lab.deploy(program, config={"lab:key": SECRET}, secrets=frozenset({"lab:key"}))
    assert deployment.outputs["password"] == SECRET
    assert "using [secret] of the configuration" in lab.lines
    assert deployment.secret_outputs == frozenset({"password"})
    assert stat.S_IMODE(lab.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(lab.state.stat().st_mode) == 0o700
    assert not [line for line in lab.lines if SECRET in line]
    with pytest.raises(DeployError) as failure:
        lab.deploy(program + "        aws.sqs.Queue('q', name=p.value.apply(lambda v: v + '?/'))\n")
    assert SECRET not in str(failure.value)


def test_a_secret_of_the_configuration_is_one_everywhere(lab: Lab) -> None:
    """What the stage's file calls secret, the program gets as one."""
    program = 'pulumi.export("key", pulumi.Config().require_secret("key"))'
    deployment = lab.deploy(program, config={"lab:key": SECRET}, secrets=frozenset({"lab:key"}))
    assert deployment.outputs["key"] == SECRET
    assert "key" in deployment.secret_outputs
