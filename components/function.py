"""A Lambda function with a role of its own, which may write its own log and do what its caller lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.code import archive
from components.rights import Statement, allow, document, trust, writes_to
from tickwire.stage import Stage

# The newest that both Lambda and the provider (pulumi-aws 7.51.1) know.
RUNTIME = aws.lambda_.Runtime.PYTHON3D14
# X-Ray has no resource to name: a function may send traces, or it may not.
TRACES = allow("xray:PutTraceSegments", "xray:PutTelemetryRecords", on="*")


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    stage: Stage
    noun: str
    """Names the function, and its code: `handlers.<noun>.handler`."""
    description: str
    timeout_s: int
    memory_mb: int
    may: Sequence[Statement]
    environment: Mapping[str, pulumi.Input[str]]


class Function(pulumi.ComponentResource):
    """Log, role and function."""

    noun: str
    timeout_s: int
    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    invoke_arn: pulumi.Output[str]

    def __init__(self, name: str, args: FunctionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Function", name, None, opts)
        log = self._log(name, args)
        role, rights = self._role(name, args, log)
        function = self._function(name, args, log, role, rights)
        self.noun, self.timeout_s = args.noun, args.timeout_s
        self.name, self.arn, self.invoke_arn = function.name, function.arn, function.invoke_arn
        self.register_outputs({"arn": self.arn})

    def _log(self, name: str, args: FunctionArgs) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            name,
            aws.cloudwatch.LogGroupArgs(
                name=f"/aws/lambda/{args.stage.named(args.noun)}",
                retention_in_days=args.stage.log_retention_days,
                tags=args.stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _role(
        self, name: str, args: FunctionArgs, log: aws.cloudwatch.LogGroup
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        role = aws.iam.Role(
            name,
            aws.iam.RoleArgs(
                name=args.stage.named(args.noun),
                assume_role_policy=document(trust({"Service": "lambda.amazonaws.com"})),
                tags=args.stage.tags,
            ),
            ResourceOptions(parent=self),
        )
        traces = [TRACES] if args.stage.tracing else []
        rights = aws.iam.RolePolicy(
            name,
            aws.iam.RolePolicyArgs(
                name=args.stage.named(args.noun),
                role=role.name,
                policy=document(*args.may, writes_to(log.arn), *traces),
            ),
            ResourceOptions(parent=self),
        )
        return role, rights

    def _function(
        self,
        name: str,
        args: FunctionArgs,
        log: aws.cloudwatch.LogGroup,
        role: aws.iam.Role,
        rights: aws.iam.RolePolicy,
    ) -> aws.lambda_.Function:
        return aws.lambda_.Function(
            name,
            aws.lambda_.FunctionArgs(
                name=args.stage.named(args.noun),
                description=args.description,
                role=role.arn,
                runtime=RUNTIME,
                architectures=["arm64"],
                handler=f"handlers.{args.noun}.handler",
                code=archive(),
                timeout=args.timeout_s,
                memory_size=args.memory_mb,
                environment=aws.lambda_.FunctionEnvironmentArgs(
                    variables={"STAGE": args.stage.name, **args.environment}
                ),
                logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log.name),
                # Said either way: left out, a function would go on tracing once it did.
                tracing_config=aws.lambda_.FunctionTracingConfigArgs(
                    mode="Active" if args.stage.tracing else "PassThrough"
                ),
                tags=args.stage.tags,
            ),
            # Without its rights the first call would fail.
            ResourceOptions(parent=self, depends_on=[rights]),
        )
