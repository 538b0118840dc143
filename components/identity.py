"""Who may listen: a pool that gives anybody a guest's identity, and the one role that guests have."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components import guest
from components.broker import Broker
from components.rights import document, trust
from tickwire.brakes import CLOSED, GUESTS
from tickwire.errors import ConfigError
from tickwire.stage import Stage

PROVIDER = "cognito-identity.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    stage: Stage
    admits_to: Broker


class Identity(pulumi.ComponentResource):
    """Pool and guest role. A guest connects, subscribes and receives as `guest` says, no more."""

    pool_id: pulumi.Output[str]
    guests: pulumi.Output[str]
    """The guests' role."""
    closed: aws.iam.Policy
    """The policy that shuts them out while they have it."""
    url: str
    """Where a client gets its identity and credentials."""

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Identity", name, None, opts)
        place = args.admits_to.place
        pool = self._pool(name, args.stage)
        self.closed = self._closed(f"{name}-{CLOSED}", args.stage)
        role = self._guest(f"{name}-guest", args.stage, pool)
        self.guests = role.arn
        self._rights(f"{name}-guest", args, role)
        self._attach(f"{name}-guest", pool, role)
        self.pool_id = pool.id
        self.url = args.stage.aws_url or f"https://cognito-identity.{place.region}.{place.suffix}"
        self.register_outputs({"poolId": self.pool_id})

    def _pool(self, name: str, stage: Stage) -> aws.cognito.IdentityPool:
        return aws.cognito.IdentityPool(
            name,
            aws.cognito.IdentityPoolArgs(
                identity_pool_name=stage.named("guests"),
                allow_unauthenticated_identities=True,
                allow_classic_flow=False,
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _closed(self, name: str, stage: Stage) -> aws.iam.Policy:
        return aws.iam.Policy(
            name,
            aws.iam.PolicyArgs(
                name=stage.named(CLOSED),
                description="Shuts out guests who have it: tickwire guests off",
                policy=guest.closed(),
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )

    def _guest(self, name: str, stage: Stage, pool: aws.cognito.IdentityPool) -> aws.iam.Role:
        only_guests = {
            "StringEquals": {f"{PROVIDER}:aud": pool.id},
            "ForAnyValue:StringLike": {f"{PROVIDER}:amr": "unauthenticated"},
        }
        return aws.iam.Role(
            name,
            aws.iam.RoleArgs(
                name=stage.named("guest"),
                assume_role_policy=document(
                    trust(
                        {"Federated": PROVIDER}, action="sts:AssumeRoleWithWebIdentity", condition=only_guests
                    )
                ),
                # Whoever closed guest access gave the role a policy that Pulumi doesn't know.
                force_detach_policies=True,
                tags=stage.tags,
            ),
            ResourceOptions(parent=self, depends_on=[self.closed]),  # so that the role goes first
        )

    def _rights(self, name: str, args: IdentityArgs, role: aws.iam.Role) -> None:
        """The general rights in the role itself, the symbols' in managed policies, which have the room.

        A role has place for ten of those, and one is kept for the policy that shuts guests out: so a tenth
        document of symbols is in the role itself as well.
        """
        stage, topics = args.stage, args.admits_to.topics
        child = ResourceOptions(parent=self, depends_on=[args.admits_to.claim])
        try:
            documents = guest.by_symbol(topics, stage.symbols, args.admits_to.arn)
        except ConfigError as error:
            raise pulumi.RunError(str(error)) from None
        own = {name: ("guest", guest.general(topics, args.admits_to.arn))}
        if last := documents.pop(guest.DOCUMENTS_MAX - 1, None):
            own[f"{name}-{guest.DOCUMENTS_MAX - 1}"] = (f"guest-{guest.DOCUMENTS_MAX - 1}", last)
        for each, (noun, policy) in own.items():
            inline = aws.iam.RolePolicyArgs(name=stage.named(noun), role=role.name, policy=policy)
            aws.iam.RolePolicy(each, inline, child)
        if GUESTS in stage.brakes:
            self._give(f"{name}-{CLOSED}", role, self.closed)
        for slot, policy in sorted(documents.items()):
            held = aws.iam.Policy(
                f"{name}-{slot}",
                aws.iam.PolicyArgs(
                    name=stage.named(f"guest-{slot}"),
                    description="The lanes of some of the stage's symbols",
                    policy=policy,
                    tags=stage.tags,
                ),
                child,
            )
            self._give(f"{name}-{slot}", role, held)

    def _give(self, name: str, role: aws.iam.Role, policy: aws.iam.Policy) -> None:
        aws.iam.RolePolicyAttachment(
            name,
            aws.iam.RolePolicyAttachmentArgs(role=role.name, policy_arn=policy.arn),
            ResourceOptions(parent=self),
        )

    def _attach(self, name: str, pool: aws.cognito.IdentityPool, role: aws.iam.Role) -> None:
        aws.cognito.IdentityPoolRoleAttachment(
            name,
            aws.cognito.IdentityPoolRoleAttachmentArgs(
                identity_pool_id=pool.id, roles={"unauthenticated": role.arn}
            ),
            ResourceOptions(parent=self),
        )
