"""Each resource type through its whole life: made, left alone, looked for, changed, taken down."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.engine import DeployError
from tests.local.engine.lab import Lab

pytestmark = pytest.mark.slow

ROLE = """
lets = lambda **who: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **who}]})
role = aws.iam.Role("role", name=name("role"), assume_role_policy=lets(Action="sts:AssumeRole",
    Principal="*"))
"""
FUNCTION = (
    ROLE
    + """
function = aws.lambda_.Function("f", name=name("f"), role=role.arn, runtime="python3.12",
    handler="app.handler",
    code=pulumi.AssetArchive({"app.py": pulumi.StringAsset("def handler(event, context): return 1")}))
"""
)
API = 'api = aws.apigatewayv2.Api("api", name=name("api"), protocol_type="HTTP", tags={"k": "v"})\n'
BUCKET = 'bucket = aws.s3.Bucket("bucket", bucket=name("bucket"), force_destroy=True, tags={"k": "v"})\n'
TOPIC = 'topic = aws.sns.Topic("topic", name=name("topic"), tags={"k": "v"})\n'
LOG = 'log = aws.cloudwatch.LogGroup("log", name="/" + name("log"), retention_in_days=1, tags={"k": "v"})\n'

# What to add to the program; what to change in it; what is then updated.
LIVES: dict[str, tuple[str, tuple[str, str], str]] = {
    "queue": (
        'aws.sqs.Queue("q", name=name("q") + ".fifo", fifo_queue=True, content_based_deduplication=False,'
        ' deduplication_scope="messageGroup", fifo_throughput_limit="perMessageGroupId",'
        ' sqs_managed_sse_enabled=True, message_retention_seconds=345600, tags={"k": "v"})',
        ("345600", "1209600"),
        "aws:sqs/queue:Queue q",
    ),
    "queue's policy": (
        'q = aws.sqs.Queue("q", name=name("q"))\n'
        'aws.sqs.RedriveAllowPolicy("allow", queue_url=q.url,'
        ' redrive_allow_policy={"redrivePermission": "denyAll"})',
        ("denyAll", "allowAll"),
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy allow",
    ),
    "role": (
        ROLE.replace('name=name("role"),', 'name=name("role"), description="d", tags={"k": "v"},'),
        ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"),
        "aws:iam/role:Role role",
    ),
    "managed policy": (
        ROLE + 'held = aws.iam.Policy("held", name=name("held"), policy=lets(Action="sqs:*", Resource="*"))\n'
        'aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=held.arn)',
        ("sqs:*", "sns:*"),
        "aws:iam/policy:Policy held",
    ),
    "inline policy": (
        ROLE + 'aws.iam.RolePolicy("rights", role=role.name, policy=lets(Action="sqs:*", Resource="*"))',
        ("sqs:*", "sns:*"),
        "aws:iam/rolePolicy:RolePolicy rights",
    ),
    "log group": (LOG, ("days=1", "days=3"), "aws:cloudwatch/logGroup:LogGroup log"),
    "metric filter": (
        LOG + 'aws.cloudwatch.LogMetricFilter("seen", name=name("seen"), log_group_name=log.name,'
        ' pattern="ERROR", metric_transformation={"name": "errors", "namespace": "lab", "value": "1",'
        ' "unit": "Count"})',
        ("ERROR", "WARN"),
        "aws:cloudwatch/logMetricFilter:LogMetricFilter seen",
    ),
    "function": (
        FUNCTION.replace(
            "code=",
            'architectures=["arm64"], memory_size=256, timeout=10, reserved_concurrent_executions=5,'
            ' description="d",'
            ' environment={"variables": {"A": "1"}}, tracing_config={"mode": "PassThrough"}, tags={"k": "v"},'
            ' logging_config={"log_format": "JSON"}, code=',
        ),
        ("timeout=10", "timeout=20"),
        "aws:lambda/function:Function f",
    ),
    "reserved concurrency": (
        FUNCTION.replace("code=", "reserved_concurrent_executions=5, code="),
        ("=5", "=6"),
        "aws:lambda/function:Function f",
    ),
    "event source mapping": (
        FUNCTION + 'q = aws.sqs.Queue("q", name=name("q"))\n'
        'aws.lambda_.EventSourceMapping("m", event_source_arn=q.arn, function_name=function.name,'
        " batch_size=5,"
        ' scaling_config={"maximum_concurrency": 2}, function_response_types=["ReportBatchItemFailures"],'
        ' filter_criteria={"filters": [{"pattern": json.dumps({"body": {"a": ["b"]}})}]})',
        ("batch_size=5", "batch_size=6"),
        "aws:lambda/eventSourceMapping:EventSourceMapping m",
    ),
    "table": (
        'aws.dynamodb.Table("t", name=name("t"), billing_mode="PAY_PER_REQUEST", hash_key="pk",'
        ' range_key="sk",'
        ' attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}], stream_enabled=True,'
        ' stream_view_type="NEW_IMAGE", ttl={"attribute_name": "expires", "enabled": True},'
        ' point_in_time_recovery={"enabled": False}, deletion_protection_enabled=False, tags={"k": "v"})',
        ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"),
        "aws:dynamodb/table:Table t",
    ),
    "table's expiry": (
        'aws.dynamodb.Table("t", name=name("t"), billing_mode="PAY_PER_REQUEST", hash_key="pk",'
        ' attributes=[{"name": "pk", "type": "S"}], ttl={"attribute_name": "expires", "enabled": True})',
        ("expires", "until"),
        "aws:dynamodb/table:Table t",
    ),
    "table's backups": (
        'aws.dynamodb.Table("t", name=name("t"), billing_mode="PAY_PER_REQUEST", hash_key="pk",'
        ' attributes=[{"name": "pk", "type": "S"}], point_in_time_recovery={"enabled": False})',
        ("False", "True"),
        "aws:dynamodb/table:Table t",
    ),
    "table's indexes": (
        'aws.dynamodb.Table("t", name=name("t"), billing_mode="PAY_PER_REQUEST", hash_key="pk",'
        ' attributes=[{"name": "pk", "type": "S"}, {"name": "day", "type": "S"}],'
        ' global_secondary_indexes=[{"name": "by-day", "hash_key": "day", "projection_type": "ALL"}])',
        ('"ALL"', '"KEYS_ONLY"'),
        "aws:dynamodb/table:Table t",
    ),
    "provisioned table": (
        'aws.dynamodb.Table("t", name=name("t"), hash_key="pk", read_capacity=1, write_capacity=1,'
        ' attributes=[{"name": "pk", "type": "S"}])',
        ("read_capacity=1", "read_capacity=2"),
        "aws:dynamodb/table:Table t",
    ),
    "identity pool": (
        'aws.cognito.IdentityPool("p", identity_pool_name=name("p"), allow_unauthenticated_identities=True,'
        ' allow_classic_flow=False, tags={"k": "v"})',
        ("identities=True", "identities=False"),
        "aws:cognito/identityPool:IdentityPool p",
    ),
    "pool's roles": (
        ROLE + 'p = aws.cognito.IdentityPool("p", identity_pool_name=name("p"))\n'
        'aws.cognito.IdentityPoolRoleAttachment("a", identity_pool_id=p.id, roles={"unauthenticated":'
        " role.arn})",
        ("unauthenticated", "authenticated"),
        "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment a",
    ),
    "parameter": (
        'aws.ssm.Parameter("p", name="/" + name("p"), type="String", value="one", description="d",'
        ' tags={"k": "v"})',
        ('"one"', '"two"'),
        "aws:ssm/parameter:Parameter p",
    ),
    "http api": (
        API.replace("tags=", 'cors_configuration={"allow_origins": ["*"], "max_age": 60}, tags='),
        ('"max_age": 60', '"max_age": 90'),
        "aws:apigatewayv2/api:Api api",
    ),
    "stage": (
        API
        + LOG
        + 'aws.apigatewayv2.Stage("s", api_id=api.id, name="$default", auto_deploy=True, tags={"k": "v"},'
        ' default_route_settings={"throttling_rate_limit": 10.5, "throttling_burst_limit": 20},'
        ' access_log_settings={"destination_arn": log.arn, "format": "$context.requestId"})',
        ("10.5", "20"),
        "aws:apigatewayv2/stage:Stage s",
    ),
    "integration": (
        API + 'to = aws.apigatewayv2.Integration("i", api_id=api.id, integration_type="HTTP_PROXY",'
        ' integration_uri="https://example.com/a", integration_method="GET", timeout_milliseconds=9000)\n'
        'aws.apigatewayv2.Route("r", api_id=api.id, route_key="GET /",'
        ' target=to.id.apply(lambda i: "integrations/" + i))',
        ("example.com/a", "example.com/b"),
        "aws:apigatewayv2/integration:Integration i",
    ),
    "route": (
        API + 'aws.apigatewayv2.Route("r", api_id=api.id, route_key="GET /a")',
        ("GET /a", "GET /b"),
        "aws:apigatewayv2/route:Route r",
    ),
    "bucket": (BUCKET, ('{"k": "v"}', '{"k": "w"}'), "aws:s3/bucket:Bucket bucket"),
    "bucket policy": (
        BUCKET
        + 'aws.s3.BucketPolicy("p", bucket=bucket.bucket, policy=bucket.arn.apply(lambda arn: json.dumps({'
        '"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action":'
        ' "s3:PutObject",'
        ' "Resource": arn + "/*"}]})))',
        ("s3:PutObject", "s3:DeleteObject"),
        "aws:s3/bucketPolicy:BucketPolicy p",
    ),
    "public access block": (
        BUCKET + 'aws.s3.BucketPublicAccessBlock("b", bucket=bucket.bucket, block_public_acls=True)',
        ("acls=True", "acls=False"),
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock b",
    ),
    "ownership": (
        BUCKET + 'aws.s3.BucketOwnershipControls("o", bucket=bucket.bucket,'
        ' rule={"object_ownership": "BucketOwnerEnforced"})',
        ("BucketOwnerEnforced", "BucketOwnerPreferred"),
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls o",
    ),
    "object": (
        BUCKET + 'aws.s3.BucketObjectv2("page", bucket=bucket.bucket, key="a/index.html", content="hello",'
        ' content_type="text/html", cache_control="max-age=1", metadata={"by": "lab"}, tags={"k": "v"})',
        ("hello", "good bye"),
        "aws:s3/bucketObjectv2:BucketObjectv2 page",
    ),
    "access control": (
        'aws.cloudfront.OriginAccessControl("a", name=name("a"), origin_access_control_origin_type="s3",'
        ' signing_behavior="always", signing_protocol="sigv4", description="d")',
        ("always", "no-override"),
        "aws:cloudfront/originAccessControl:OriginAccessControl a",
    ),
    "headers policy": (
        'aws.cloudfront.ResponseHeadersPolicy("h", name=name("h"), comment="d", security_headers_config={'
        '"strict_transport_security": {"access_control_max_age_sec": 60, "override": True},'
        ' "xss_protection": {"protection": True, "override": True}}, custom_headers_config={'
        '"items": [{"header": "x-lab", "value": "1", "override": True}]},'
        ' remove_headers_config={"items": []})',
        ("60", "90"),
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy h",
    ),
    "cache policy": (
        'aws.cloudfront.CachePolicy("c", name=name("c"), default_ttl=1, max_ttl=60, min_ttl=0,'
        ' parameters_in_cache_key_and_forwarded_to_origin={"cookies_config": {"cookie_behavior": "none"},'
        ' "headers_config": {"header_behavior": "whitelist", "headers": {"items": ["origin"]}},'
        ' "query_strings_config": {"query_string_behavior": "all"}, "enable_accept_encoding_gzip": True})',
        ("max_ttl=60", "max_ttl=90"),
        "aws:cloudfront/cachePolicy:CachePolicy c",
    ),
    "distribution": (
        'aws.cloudfront.Distribution("d", comment=name("d"), enabled=True, default_root_object="index.html",'
        ' price_class="PriceClass_100", http_version="http2and3", tags={"k": "v"},'
        ' origins=[{"origin_id": "o",'
        ' "domain_name": "example.com", "custom_origin_config": {"http_port": 80, "https_port": 443,'
        ' "origin_protocol_policy": "https-only", "origin_ssl_protocols": ["TLSv1.2"]}}],'
        ' default_cache_behavior={"target_origin_id": "o", "viewer_protocol_policy": "redirect-to-https",'
        ' "allowed_methods": ["GET", "HEAD"], "cached_methods": ["GET", "HEAD"], "compress": True,'
        ' "forwarded_values": {"query_string": True, "cookies": {"forward": "none"}}},'
        ' ordered_cache_behaviors=[{"path_pattern": "/api/*", "target_origin_id": "o",'
        ' "viewer_protocol_policy": "https-only", "allowed_methods": ["GET", "HEAD"], "cached_methods":'
        ' ["GET"],'
        ' "cache_policy_id": "658327ea-f89d-4fab-a63d-7e88639e58f6"}],'
        ' custom_error_responses=[{"error_code": 404, "response_code": 200, "response_page_path": "/"}],'
        ' restrictions={"geo_restriction": {"restriction_type": "whitelist", "locations": ["DE"]}},'
        ' viewer_certificate={"cloudfront_default_certificate": True})',
        ("index.html", "home.html"),
        "aws:cloudfront/distribution:Distribution d",
    ),
    "schedule": (
        FUNCTION
        + 'aws.scheduler.Schedule("s", name=name("s"), schedule_expression="rate(1 hour)", state="DISABLED",'
        ' flexible_time_window={"mode": "OFF"}, description="d", target={"arn": function.arn,'
        ' "role_arn": role.arn,'
        ' "input": "{}", "retry_policy": {"maximum_retry_attempts": 0, "maximum_event_age_in_seconds": 60}})',
        ("1 hour", "2 hours"),
        "aws:scheduler/schedule:Schedule s",
    ),
    "logging options": (
        ROLE
        + 'aws.iot.LoggingOptions("l", default_log_level="WARN", role_arn=role.arn, disable_all_logs=False)',
        ("WARN", "ERROR"),
        "aws:iot/loggingOptions:LoggingOptions l",
    ),
    "alarm": (
        TOPIC + 'aws.cloudwatch.MetricAlarm("a", name=name("a"), comparison_operator="GreaterThanThreshold",'
        ' evaluation_periods=1, metric_name="Errors", namespace="AWS/Lambda", period=60, statistic="Sum",'
        ' threshold=0.5, dimensions={"FunctionName": "f"}, alarm_actions=[topic.arn], tags={"k": "v"},'
        ' treat_missing_data="notBreaching")',
        ("0.5", "1.5"),
        "aws:cloudwatch/metricAlarm:MetricAlarm a",
    ),
    "alarm on a sum": (
        'aws.cloudwatch.MetricAlarm("a", name=name("a"), comparison_operator="GreaterThanThreshold",'
        ' evaluation_periods=1, threshold=5, metric_queries=[{"id": "sum", "expression": "m1", "label": "l",'
        ' "return_data": True}, {"id": "m1", "metric": {"metric_name": "Errors", "namespace": "AWS/Lambda",'
        ' "period": 60, "stat": "Sum", "dimensions": {"FunctionName": "f"}}}])',
        ("=5,", "=6,"),
        "aws:cloudwatch/metricAlarm:MetricAlarm a",
    ),
    "dashboard": (
        'aws.cloudwatch.Dashboard("d", dashboard_name=name("d"), dashboard_body=json.dumps({"widgets": [],'
        ' "start": "-PT1H"}))',
        ("PT1H", "PT2H"),
        "aws:cloudwatch/dashboard:Dashboard d",
    ),
    "topic": (
        TOPIC.replace("tags=", 'display_name="one", tags='),
        ('"one"', '"two"'),
        "aws:sns/topic:Topic topic",
    ),
    "topic policy": (
        TOPIC + 'aws.sns.TopicPolicy("p", arn=topic.arn, policy=topic.arn.apply(lambda arn: json.dumps({'
        '"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service":'
        ' "budgets.amazonaws.com"},'
        ' "Action": "sns:Publish", "Resource": arn}]})))',
        ("budgets.", "cloudwatch."),
        "aws:sns/topicPolicy:TopicPolicy p",
    ),
    "subscription": (
        TOPIC + 'q = aws.sqs.Queue("q", name=name("q"))\n'
        'aws.sns.TopicSubscription("s", topic=topic.arn, protocol="sqs", endpoint=q.arn,'
        " raw_message_delivery=False)",
        ("delivery=False", "delivery=True"),
        "aws:sns/topicSubscription:TopicSubscription s",
    ),
    "budget": (
        TOPIC + 'aws.budgets.Budget("b", name=name("b"), budget_type="COST", time_unit="MONTHLY",'
        ' limit_amount="10.0", limit_unit="USD",'
        ' cost_filters=[{"name": "TagKeyValue", "values": ["user:stage$lab"]}], notifications=[{'
        '"comparison_operator": "GREATER_THAN", "threshold": 80, "threshold_type": "PERCENTAGE",'
        ' "notification_type": "ACTUAL", "subscriber_sns_topic_arns": [topic.arn]}])',
        ('"10.0"', '"20.0"'),
        "aws:budgets/budget:Budget b",
    ),
    "budget's notification": (
        'aws.budgets.Budget("b", name=name("b"), budget_type="COST", time_unit="MONTHLY",'
        ' limit_amount="10.0",'
        ' limit_unit="USD", notifications=[{"comparison_operator": "GREATER_THAN", "threshold": 80,'
        ' "threshold_type": "PERCENTAGE", "notification_type": "ACTUAL",'
        ' "subscriber_email_addresses": ["a@example.com"]}])',
        ("80", "90"),
        "aws:budgets/budget:Budget b",
    ),
}


@pytest.mark.parametrize("of", LIVES)
def test_a_type_lives_through_creation_change_and_deletion(lab: Lab, of: str) -> None:
    """Made once, left alone when nothing changed, found when looked for, changed in place, gone."""
    program, (before, after), label = LIVES[of]
    assert label in lab.deploy(program).created
    assert lab.deploy().same == len(lab.remembered)
    assert lab.changing_calls == []
    lab.distrust()
    looked_for = lab.deploy()
    assert (looked_for.created, looked_for.same) == ((), len(lab.remembered))
    assert program.count(before) == 1
    changed = lab.deploy(program.replace(before, after))
    assert label in changed.updated
    assert (changed.created, changed.replaced, changed.deleted) == ((), (), ())
    assert lab.deploy().same == len(lab.remembered)
    lab.distrust()
    assert label in lab.deploy().updated, "an update that may be lost is made again, which does no harm"
    assert lab.deploy().same == len(lab.remembered)
    count = len(lab.remembered)
    assert len(lab.destroy().deleted) == count


@pytest.mark.parametrize("of", [of for of, (program, _, _) in LIVES.items() if 'tags={"k": "v"}' in program])
def test_a_changed_tag_is_no_more_than_that(lab: Lab, of: str) -> None:
    """For each type with tags: a value changed, a key gone, a key new."""
    program = LIVES[of][0].replace('tags={"k": "v"}', 'tags={"k": "v", "old": "o"}')
    lab.deploy(program)
    changed = lab.deploy(program.replace('{"k": "v", "old": "o"}', '{"k": "w", "new": "n"}'))
    assert changed.updated
    assert (changed.created, changed.replaced, changed.deleted) == ((), (), ())
    assert all("ag" in one for one in lab.changing_calls), lab.changing_calls
    assert lab.deploy().same == len(lab.remembered)
    lab.destroy()


def test_what_the_local_cloud_lacks_is_recorded_and_said(lab: Lab) -> None:
    """In one line, when it is made."""
    lab.deploy(LIVES["logging options"][0])
    said = [line for line in lab.lines if "LoggingOptions" in line]
    assert len(said) == 1
    assert "recorded only: the local cloud has no IoT logging" in said[0]


FACTS: dict[str, tuple[str, Callable[[Lab], Any], Any]] = {
    "queue": (
        'aws.sqs.Queue("q", name=name("q"), redrive_policy={"deadLetterTargetArn": aws.sqs.Queue("d").arn,'
        ' "maxReceiveCount": 3})',
        lambda lab: json.loads(_attributes(lab)["RedrivePolicy"])["maxReceiveCount"],
        3,
    ),
    "table": (
        LIVES["table"][0],
        lambda lab: lab.client("dynamodb").describe_time_to_live(TableName=lab.name("t"))[
            "TimeToLiveDescription"
        ],
        {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"},
    ),
    "distribution": (
        LIVES["distribution"][0],
        lambda lab: [
            (one["PathPattern"], one["AllowedMethods"]["CachedMethods"]["Items"])
            for one in _distribution(lab)["CacheBehaviors"]["Items"]
        ],
        [("/api/*", ["GET"])],
    ),
    "distribution's countries": (
        LIVES["distribution"][0],
        lambda lab: _distribution(lab)["Restrictions"]["GeoRestriction"],
        {"RestrictionType": "whitelist", "Quantity": 1, "Items": ["DE"]},
    ),
    "alarm": (
        LIVES["alarm"][0],
        lambda lab: lab.client("cloudwatch").describe_alarms(AlarmNames=[lab.name("a")])["MetricAlarms"][0][
            "Dimensions"
        ],
        [{"Name": "FunctionName", "Value": "f"}],
    ),
    "object": (
        LIVES["object"][0],
        lambda lab: lab.client("s3").head_object(Bucket=lab.name("bucket"), Key="a/index.html")[
            "CacheControl"
        ],
        "max-age=1",
    ),
}


@pytest.mark.parametrize("of", FACTS)
def test_properties_reach_aws_in_its_own_form(lab: Lab, of: str) -> None:
    """Samples of what isn't a matter of names: lists with a count, documents, nested settings."""
    program, asked, expected = FACTS[of]
    lab.deploy(program)
    assert asked(lab) == expected
    lab.destroy()


def test_a_property_that_an_update_cannot_carry_is_an_error(lab: Lab) -> None:
    """Neither skipped nor guessed: the sentence says what to do."""
    program = API + 'aws.apigatewayv2.Route("r", api_id=api.id, route_key="GET /a", operation_name="read")'
    lab.deploy(program)
    with pytest.raises(
        DeployError, match=r"Route r: property operationName can't be taken away; give its default"
    ):
        lab.deploy(program.replace(', operation_name="read"', ""))


def _attributes(lab: Lab) -> dict[str, str]:
    sqs = lab.client("sqs")
    url = sqs.get_queue_url(QueueName=lab.name("q"))["QueueUrl"]
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def _distribution(lab: Lab) -> dict[str, Any]:
    ref = lab.remembered["d"]["ref"]
    found: dict[str, Any] = lab.client("cloudfront").get_distribution_config(Id=ref)["DistributionConfig"]
    return found
