"""The AWS account that a platform is in, for the commands of those who run it.

In: the platform's address, and the caller's own AWS credentials. Out: boto3 clients of its region. Needs
boto3 (`pip install tickwire-client[operate]`). A platform on this machine has credentials that are known.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import click

from tickwire_client._platform import Platform, address, discover
from tickwire_client.cli._shared import Setting

TIMEOUT_S = 10
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where `platform` is. Each call that AWS refuses ends the command with AWS's own words."""

    platform: Platform

    @classmethod
    def of(cls, setting: Setting) -> Account:
        if importlib.util.find_spec("boto3") is None:
            raise click.ClickException(
                "boto3 is not installed; expected it for this command: pip install tickwire-client[operate]"
            )
        return cls(platform=discover(address(setting.url), timeout_s=TIMEOUT_S))

    def client(self, service: str) -> Any:
        import boto3
        from botocore.exceptions import BotoCoreError

        here: dict[str, Any] = {}
        if urlsplit(self.platform.identity_url).hostname in LOCAL:
            here = {
                "endpoint_url": self.platform.identity_url,
                "aws_access_key_id": "test",
                "aws_secret_access_key": "test",
            }
        try:
            return boto3.client(service, region_name=self.platform.region, **here)
        except BotoCoreError as error:
            raise click.ClickException(str(error)) from None

    def named(self, noun: str) -> str:
        """The name of one of the stage's resources."""
        return f"tickwire-{self.platform.stage}-{noun}"

    def guests(self) -> str:
        """The ARN of the guests' role: asked by the pool's id, which no other account's stage has."""
        pool = self.platform.pool_id
        with self.refusals():
            roles = self.client("cognito-identity").get_identity_pool_roles(IdentityPoolId=pool).get("Roles")
        if not roles:
            raise click.ClickException(f"the identity pool {pool} has no roles; expected a deployed stage's")
        return str(roles["unauthenticated"])

    def caller(self) -> str:
        with self.refusals():
            return str(self.client("sts").get_caller_identity()["Arn"])

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise click.ClickException(
                f"AWS refused ({self.platform.region}): {error}"
                + ("; are these the credentials of the platform's account?" if code in STRANGERS else "")
            ) from None
        except BotoCoreError as error:
            raise click.ClickException(f"nothing was asked of AWS: {error}") from None


STRANGERS = ("ResourceNotFoundException", "AccessDenied", "AccessDeniedException", "NotAuthorizedException")


@contextlib.contextmanager
def unless(*codes: str) -> Iterator[None]:
    """Goes on when AWS answers with one of these: what is to go is gone already."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
