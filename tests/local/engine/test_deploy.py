"""What a deploy does: the least that brings the cloud to what the program says, and nothing twice."""

from __future__ import annotations

import io
import zipfile

import pytest

from local.engine import DeployError, deploy
from tests.local.engine.lab import Lab

pytestmark = pytest.mark.slow

QUEUE = (
    'queue = aws.sqs.Queue("jobs", name=name("jobs"), visibility_timeout_seconds=30, tags={"team": "a"})\n'
)
CHAIN = """
lets = lambda **who: {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **who}]}
trust = lets(Action="sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
role = aws.iam.Role("role", name=name("role"), assume_role_policy=trust)
rights = aws.iam.RolePolicy("rights", role=role.name, policy=json.dumps(lets(Action="sqs:*", Resource="*")))
"""


def test_a_first_deploy_creates_and_the_next_makes_no_changing_call(lab: Lab) -> None:
    """Nothing changed means nothing called that could change something, and not a byte written."""
    first = lab.deploy(QUEUE + 'pulumi.export("url", queue.url)')
    assert first.created == ("aws:sqs/queue:Queue jobs",)
    assert lab.client("sqs").get_queue_url(QueueName=lab.name("jobs"))["QueueUrl"] == first.outputs["url"]
    written = lab.file.stat().st_mtime_ns
    second = lab.deploy()
    assert (second.created, second.updated, second.same) == ((), (), 1)
    assert lab.changing_calls == []
    assert second.outputs == first.outputs
    assert lab.file.stat().st_mtime_ns == written
    assert lab.lines == []


def test_a_changed_property_is_updated_in_place(lab: Lab) -> None:
    """One call; the line names what changed; a property taken away goes back to its default."""
    lab.deploy(QUEUE)
    deployment = lab.deploy(QUEUE.replace("30", "60"))
    assert deployment.updated == ("aws:sqs/queue:Queue jobs",)
    assert lab.changing_calls == ["SetQueueAttributes"]
    assert "updated   aws:sqs/queue:Queue jobs: visibilityTimeoutSeconds (" in lab.lines[0]
    assert _visibility(lab) == "60"
    lab.deploy(QUEUE.replace("visibility_timeout_seconds=30, ", ""))
    assert _visibility(lab) == "30"


def test_a_changed_tag_touches_only_tags(lab: Lab) -> None:
    """Tags have calls of their own: those gone are taken off, those changed are set."""
    lab.deploy(QUEUE)
    lab.deploy(QUEUE.replace('"team": "a"', '"owner": "b"'))
    assert sorted(lab.changing_calls) == ["TagQueue", "UntagQueue"]
    url = lab.client("sqs").get_queue_url(QueueName=lab.name("jobs"))["QueueUrl"]
    assert lab.client("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"owner": "b"}


def test_a_new_name_makes_the_new_one_before_the_old_one_goes(lab: Lab) -> None:
    """A replacement leaves no gap where the two can live side by side."""
    lab.deploy(QUEUE)
    deployment = lab.deploy(QUEUE.replace('name=name("jobs")', 'name=name("tasks")'))
    assert deployment.replaced == ("aws:sqs/queue:Queue jobs",)
    assert lab.changing_calls == ["CreateQueue", "DeleteQueue"]
    assert deployment.created == deployment.deleted == ()


def test_a_replacement_under_the_same_name_deletes_first_with_all_that_is_bound_to_it(lab: Lab) -> None:
    """A role's path can't change and its name can't be shared; its policy can't outlive it."""
    lab.deploy(CHAIN)
    deployment = lab.deploy(CHAIN.replace('name=name("role")', 'name=name("role"), path="/team/"'))
    assert lab.changing_calls == ["DeleteRolePolicy", "DeleteRole", "CreateRole", "PutRolePolicy"]
    assert deployment.replaced == ("aws:iam/role:Role role", "aws:iam/rolePolicy:RolePolicy rights")
    assert lab.deploy().same == 2


def test_what_the_program_no_longer_has_is_deleted_dependants_first(lab: Lab) -> None:
    """A role with policies can't be deleted, so the order shows."""
    lab.deploy(CHAIN)
    deployment = lab.deploy("")
    assert lab.changing_calls[:2] == ["DeleteRolePolicy", "DeleteRole"]
    assert deployment.deleted == ("aws:iam/role:Role role", "aws:iam/rolePolicy:RolePolicy rights")
    assert not lab.file.exists(), "an empty stage needs no memory"


def test_destroy_takes_everything_down_and_can_be_repeated(lab: Lab) -> None:
    """Also the engine's own mark in the cloud."""
    lab.deploy(CHAIN + QUEUE)
    assert len(lab.destroy().deleted) == 3
    assert lab.destroy().deleted == ()
    parameters = lab.client("ssm").describe_parameters()["Parameters"]
    assert not [one for one in parameters if one["Name"].startswith(f"/local-engine/{lab.stage}/")]


def test_what_needs_another_waits_for_it_also_without_using_it(lab: Lab) -> None:
    """`depends_on` orders creation and, the other way round, deletion."""
    lab.deploy("""
        a = aws.sqs.Queue("a", name=name("a"))
        b = aws.sns.Topic("b", name=name("b"), opts=Options(depends_on=[a]))
        aws.dynamodb.Table("c", name=name("c"), billing_mode="PAY_PER_REQUEST", hash_key="k",
            attributes=[{"name": "k", "type": "S"}], opts=Options(depends_on=[b]))
    """)
    assert lab.changing_calls[:3] == ["CreateQueue", "CreateTopic", "CreateTable"]
    lab.deploy("")
    assert lab.changing_calls[:3] == ["DeleteTable", "DeleteTopic", "DeleteQueue"]


def test_a_function_is_updated_when_its_content_changes_and_only_then(lab: Lab) -> None:
    """The archive's hash decides: new times are no change, a new environment is no new code."""
    sources = lab.program / "src"
    sources.mkdir()
    (sources / "app.py").write_text("def handler(event, context): return 1\n")
    program = (
        CHAIN
        + """
aws.lambda_.Function("f", name=name("f"), role=role.arn, runtime="python3.12", handler="app.handler",
    code=pulumi.AssetArchive({"app.py": pulumi.FileAsset("src/app.py"), "more": pulumi.FileArchive("src")}),
    environment={"variables": {"MODE": "a"}})
"""
    )
    lab.deploy(program)
    (sources / "app.py").touch()
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "app.pyc").write_bytes(b"left by a test run")
    assert lab.deploy().same == 3
    (sources / "app.py").write_text("def handler(event, context): return 2\n")
    lab.deploy()
    assert lab.changing_calls == ["UpdateFunctionCode"]
    lab.deploy(program.replace('"MODE": "a"', '"MODE": "b"'))
    assert lab.changing_calls == ["UpdateFunctionConfiguration"]
    answer = lab.client("lambda").invoke(FunctionName=lab.name("f"))
    assert answer["Payload"].read() == b"2"


def test_a_zip_is_taken_as_it_is(lab: Lab) -> None:
    """A FileArchive of a zip goes to the function byte by byte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 3\n")
    (lab.program / "code.zip").write_bytes(packed.getvalue())
    lab.deploy(
        CHAIN
        + """
aws.lambda_.Function("f", name=name("f"), role=role.arn, runtime="python3.12", handler="app.handler",
    code=pulumi.FileArchive("code.zip"))
"""
    )
    found = lab.client("lambda").get_function_configuration(FunctionName=lab.name("f"))
    assert found["CodeSize"] == len(packed.getvalue())


def test_components_parents_and_urns_are_pulumis(lab: Lab) -> None:
    """A child's URN carries its parents' types, so that two components may have children of one name."""
    deployment = lab.deploy("""
        class Part(pulumi.ComponentResource):
            def __init__(self, label):
                super().__init__("lab:index:Part", label)
                self.queue = aws.sqs.Queue("queue-" + label, name=name(label), opts=Options(parent=self))
                self.register_outputs({"url": self.queue.url})
        pulumi.export("urn", Part("one").queue.urn)
    """)
    assert deployment.outputs["urn"] == (
        f"urn:pulumi:{lab.stage}::lab::lab:index:Part$aws:sqs/queue:Queue::queue-one"
    )


def test_a_renamed_resource_with_an_alias_stays(lab: Lab) -> None:
    """The alias says that it is the same one."""
    lab.deploy(QUEUE)
    deployment = lab.deploy(
        QUEUE.replace('"jobs", name', '"work", opts=Options(aliases=[pulumi.Alias(name="jobs")]), name')
    )
    assert (deployment.same, deployment.deleted) == (1, ())
    assert list(lab.remembered) == ["work"]


def test_a_program_without_names_gets_made_up_ones_that_stay(lab: Lab) -> None:
    """As Pulumi does: the logical name and seven random digits, kept later, new for a replacement."""
    program = 'q = aws.sqs.Queue("jobs", fifo_queue=True)\npulumi.export("name", q.name)'
    made = str(lab.deploy(program).outputs["name"])
    assert made.startswith("jobs-")
    assert made.endswith(".fifo")
    assert lab.deploy().outputs["name"] == made
    assert lab.deploy(program.replace(", fifo_queue=True", "")).outputs["name"] != made


def test_a_name_may_begin_as_the_program_says(lab: Lab) -> None:
    """`name_prefix`, for a type whose calls know nothing of it."""
    program = CHAIN.replace('name=name("role")', 'name_prefix="begin-"') + 'pulumi.export("name", role.name)'
    made = str(lab.deploy(program).outputs["name"])
    assert made.startswith("begin-")
    assert lab.deploy().outputs["name"] == made


def test_a_provider_brings_region_and_tags(lab: Lab) -> None:
    """An explicit provider and the default one's tags from the configuration; a resource's own tags win."""
    program = """
        east = aws.sqs.Queue("here", name=name("q"), tags={"team": "own"})
        west = aws.Provider("west", region="us-west-2", default_tags={"tags": {"side": "west"}})
        there = aws.sqs.Queue("there", name=name("q"), opts=Options(provider=west))
        pulumi.export("arns", [east.arn, there.arn])
        pulumi.export("tags", east.tags_all)
    """
    tags = {"tags": {"team": "default", "stage": lab.stage}}
    deployment = lab.deploy(program, config={"aws:region": "us-east-1", "aws:defaultTags": tags})
    assert [arn.split(":")[3] for arn in deployment.outputs["arns"]] == ["us-east-1", "us-west-2"]  # type: ignore[attr-defined]
    assert deployment.outputs["tags"] == {"team": "own", "stage": lab.stage}


def test_configuration_reaches_the_program_with_its_types(lab: Lab) -> None:
    """Lists and maps travel as JSON, as the CLI passes them."""
    program = """
        config = pulumi.Config()
        pulumi.export("all", [config.require_object("symbols"), config.require_bool("on"),
            config.require_int("n")])
    """
    deployment = lab.deploy(program, config={"lab:symbols": ["A", "B"], "lab:on": True, "lab:n": 5})
    assert deployment.outputs["all"] == [["A", "B"], True, 5]


def test_look_ups_say_who_and_where(lab: Lab) -> None:
    """Plain and output form."""
    deployment = lab.deploy("""
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("region", aws.get_region_output().region)
        pulumi.export("partition", aws.get_partition().partition)
        pulumi.export("iot", aws.iot.get_endpoint(endpoint_type="iot:Data-ATS").endpoint_address)
    """)
    assert deployment.outputs["account"] == "000000000000"
    assert deployment.outputs["region"] == "us-east-1"
    assert deployment.outputs["partition"] == "aws"
    assert "ats.iot.us-east-1" in str(deployment.outputs["iot"])


def test_a_look_up_of_parameters_finds_those_below_a_path_and_none_is_no_error(lab: Lab) -> None:
    """In a preview too, as it's asked before anything exists."""
    program = f"""
        found = aws.ssm.get_parameters_by_path(path="/{lab.stage}/notes")
        pulumi.export("found", dict(zip(found.names, found.values)))
    """
    assert lab.deploy(program).outputs["found"] == {}
    ssm, place = lab.client("ssm"), f"/{lab.stage}/notes"
    for name in (f"{place}/a", f"{place}/b", f"{place}/below/c", f"{place}2/d"):
        ssm.put_parameter(Name=name, Value="here", Type="String")
    expected = {f"{place}/a": "here", f"{place}/b": "here"}
    assert lab.preview(program).outputs["found"] == lab.deploy(program).outputs["found"] == expected


def test_a_fresh_process_and_a_warm_one_give_the_same(lab: Lab) -> None:
    """Only the times differ."""
    lab.write(QUEUE + 'pulumi.export("url", queue.url)')
    one = deploy(lab.program, stage=lab.stage, state=lab.state, endpoint=lab.cloud.url, config={}, say=_hush)
    lab.destroy()
    other = lab.deploy()
    assert (one.outputs, one.created, one.same) == (other.outputs, other.created, other.same)


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            "raise pulumi.RunError('symbols has 0 entries; expected 1 to 100')",
            "symbols has 0 entries; expected 1 to 100",
        ),
        ("class ConfigError(ValueError): pass\nraise ConfigError('prefix is +')", "prefix is +"),
        ("import sys; sys.exit('no page was built')", "no page was built"),
        ("1 / 0", "__main__.py:"),
        ("import components_that_are_not_there", "No module named 'components_that_are_not_there'"),
        ("pulumi.Config().require('topic')", "Missing required configuration variable 'lab:topic'"),
    ],
)
def test_a_program_that_fails_is_one_sentence_and_changes_nothing(
    lab: Lab, program: str, sentence: str
) -> None:
    """Whatever was wrong in it: its own sentence, or the line; no traceback."""
    with pytest.raises(DeployError) as failure:
        lab.deploy(program)
    assert sentence in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert lab.changing_calls == []


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ('aws.kinesis.Stream("s", shard_count=1)', ["aws:kinesis/stream:Stream s", "doesn't know this type"]),
        (
            'aws.s3.Bucket("b", website={"index_document": "i"})',
            ["aws:s3/bucket:Bucket b", "property website"],
        ),
        (
            'aws.sqs.Queue("q", name_prefix="x", opts=Options(import_="u"))',
            ["aws:sqs/queue:Queue q", "import"],
        ),
        ('aws.sqs.Queue("q"); aws.sqs.Queue("q")', ["aws:sqs/queue:Queue q", "two resources"]),
        ('aws.sqs.Queue.get("q", "https://x")', ["aws:sqs/queue:Queue q", ".get"]),
        ("aws.ec2.get_ami()", ["aws:ec2/getAmi:getAmi"]),
        ('aws.Provider("p", allowed_account_ids=["1"])', ["pulumi:providers:aws p", "allowedAccountIds"]),
    ],
)
def test_what_the_engine_does_not_know_is_an_error_that_names_it(
    lab: Lab, program: str, words: list[str]
) -> None:
    """Type, resource and property: never a silent skip. A preview says it too."""
    for do in (lab.preview, lab.deploy):
        with pytest.raises(DeployError) as failure:
            do(program)
        for word in words:
            assert word in str(failure.value)
    assert not [one for one in lab.changing_calls if one != "CreateQueue"]


def test_an_unknown_property_is_named_with_its_path(lab: Lab) -> None:
    """At any depth; nothing of the resource is made."""
    with pytest.raises(DeployError, match=r"Schedule s: .* property target.colour"):
        lab.deploy("""
            aws.scheduler.Schedule("s", schedule_expression="rate(1 minute)",
                flexible_time_window={"mode": "OFF"},
                target={"arn": "a", "role_arn": "r", "colour": "red"})
        """)
    assert lab.changing_calls == []


def _visibility(lab: Lab) -> str:
    sqs = lab.client("sqs")
    url = sqs.get_queue_url(QueueName=lab.name("jobs"))["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(found["Attributes"]["VisibilityTimeout"])


def _hush(line: str) -> None:
    return None
