"""Where a stage is: partition, region, account. Plain text, so that a preview knows names and policies."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_aws as aws


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A region of an account."""

    partition: str
    region: str
    account: str
    suffix: str

    @classmethod
    def here(cls) -> Place:
        """The place that the AWS provider is set up for."""
        partition = aws.get_partition()
        return cls(
            partition=partition.partition,
            region=aws.get_region().region,
            account=aws.get_caller_identity().account_id,
            suffix=partition.dns_suffix,
        )

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
