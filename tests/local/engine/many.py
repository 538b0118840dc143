"""A sample Pulumi program with one resource of each way to be found again.

By its name, by a listing, by its parent, or by what it joins. A test puts it behind the head that `Lab.write`
gives to programs, which imports what is used here and defines `name`.
"""

from __future__ import annotations

COUNT = 24
PROGRAM = """
lets = lambda **who: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **who}]})
trust = lets(Action="sts:AssumeRole", Principal="*")
role = aws.iam.Role("role", name=name("role"), assume_role_policy=trust)
aws.iam.RolePolicy("rights", role=role.name, name="rights", policy=lets(Action="sqs:*", Resource="*"))
held = aws.iam.Policy("held", name=name("held"), policy=lets(Action="sqs:*", Resource="*"))
aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=held.arn)

queue = aws.sqs.Queue("queue", name=name("queue"))
aws.cloudwatch.LogGroup("log", name="/" + name("log"), retention_in_days=1)
function = aws.lambda_.Function(
    "function",
    name=name("f"),
    role=role.arn,
    runtime="python3.12",
    handler="app.handler",
    code=pulumi.AssetArchive({"app.py": pulumi.StringAsset("def handler(event, context): return 1")}),
)
aws.lambda_.EventSourceMapping("mapping", event_source_arn=queue.arn, function_name=function.name)
aws.dynamodb.Table(
    "table",
    name=name("table"),
    billing_mode="PAY_PER_REQUEST",
    hash_key="k",
    attributes=[{"name": "k", "type": "S"}],
)
aws.ssm.Parameter("claim", name="/" + name("claim"), type="String", value=name("mine"))
aws.scheduler.Schedule(
    "clock",
    name=name("clock"),
    schedule_expression="rate(1 hour)",
    state="DISABLED",
    flexible_time_window={"mode": "OFF"},
    target={"arn": function.arn, "role_arn": role.arn},
)

pool = aws.cognito.IdentityPool("pool", identity_pool_name=name("pool"))
roles = {"unauthenticated": role.arn}
aws.cognito.IdentityPoolRoleAttachment("joined", identity_pool_id=pool.id, roles=roles)

api = aws.apigatewayv2.Api("api", name=name("api"), protocol_type="HTTP")
to = aws.apigatewayv2.Integration(
    "to", api_id=api.id, integration_type="AWS_PROXY", integration_uri=function.invoke_arn
)
target = pulumi.Output.concat("integrations/", to.id)
aws.apigatewayv2.Route("route", api_id=api.id, route_key="GET /", target=target)
aws.apigatewayv2.Stage("stage", api_id=api.id, name="$default", auto_deploy=True)
aws.lambda_.Permission(
    "permission",
    action="lambda:InvokeFunction",
    function=function.name,
    statement_id="api",
    principal="apigateway.amazonaws.com",
)

bucket = aws.s3.Bucket("bucket", bucket=name("bucket"))
aws.s3.BucketPublicAccessBlock("closed", bucket=bucket.bucket, block_public_acls=True)
aws.s3.BucketObjectv2("page", bucket=bucket.bucket, key="index.html", content="hello")
access = aws.cloudfront.OriginAccessControl(
    "access",
    name=name("access"),
    origin_access_control_origin_type="s3",
    signing_behavior="always",
    signing_protocol="sigv4",
)
headers = aws.cloudfront.ResponseHeadersPolicy(
    "headers", name=name("headers"), security_headers_config={"content_type_options": {"override": True}}
)
origin = {
    "origin_id": "pages",
    "domain_name": bucket.bucket_regional_domain_name,
    "origin_access_control_id": access.id,
}
behavior = {
    "target_origin_id": "pages",
    "viewer_protocol_policy": "https-only",
    "allowed_methods": ["GET", "HEAD"],
    "cached_methods": ["GET", "HEAD"],
    "cache_policy_id": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "response_headers_policy_id": headers.id,
}
aws.cloudfront.Distribution(
    "site",
    comment=name("site"),
    enabled=True,
    origins=[origin],
    default_cache_behavior=behavior,
    restrictions={"geo_restriction": {"restriction_type": "none"}},
    viewer_certificate={"cloudfront_default_certificate": True},
)
"""
