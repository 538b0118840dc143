"""The resource types that the engine knows: one module an AWS service, each with a `KINDS` tuple."""

from __future__ import annotations

from local.engine.kind import Kind, registry
from local.engine.services import (
    apigatewayv2,
    budgets,
    cloudfront,
    cloudwatch,
    cognito,
    dynamodb,
    iam,
    iot,
    lambda_,
    logs,
    s3,
    scheduler,
    sns,
    sqs,
    ssm,
)

KINDS: dict[str, Kind] = registry(
    kind
    for module in (
        apigatewayv2,
        budgets,
        cloudfront,
        cloudwatch,
        cognito,
        dynamodb,
        iam,
        iot,
        lambda_,
        logs,
        s3,
        scheduler,
        sns,
        sqs,
        ssm,
    )
    for kind in module.KINDS
)
