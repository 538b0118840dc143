"""Cognito identity pools and the roles that they hand out."""

from __future__ import annotations

from collections.abc import Set

from local.engine.aws import Aws
from local.engine.kind import Kind, Search, Values


class IdentityPool(Kind):
    token, service, name_key = "aws:cognito/identityPool:IdentityPool", "cognito-identity", "identityPoolName"
    create_op, update_op = "CreateIdentityPool", "UpdateIdentityPool"
    delete_op, read_op = "DeleteIdentityPool", "DescribeIdentityPool"
    key = {"IdentityPoolId": "{id}"}
    ref = "{IdentityPoolId}"
    search = Search(
        list_op="ListIdentityPools",
        path="IdentityPools",
        arguments={"MaxResults": 60},
        match={"IdentityPoolName": "{identityPoolName}"},
    )
    defaults = {"allowClassicFlow": False, "allowUnauthenticatedIdentities": False}
    replace = frozenset({"identityPoolName", "developerProviderName"})
    whole = True
    tags_member = "IdentityPoolTags"
    tag_key = {"ResourceArn": "arn:aws:cognito-identity:{region}:{account}:identitypool/{id}"}
    outputs = {"arn": "arn:aws:cognito-identity:{region}:{account}:identitypool/{id}"}


class IdentityPoolRoleAttachment(Kind):
    token, service = "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment", "cognito-identity"
    create_op = update_op = "SetIdentityPoolRoles"
    name_key, ref = "", "{identityPoolId}"
    key = {"IdentityPoolId": "{identityPoolId}"}
    replace = frozenset({"identityPoolId"})
    identity = ("identityPoolId",)
    whole = True

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        pool = values["identityPoolId"]
        return (
            str(pool)
            if aws.call(self.service, "GetIdentityPoolRoles", IdentityPoolId=pool).get("Roles")
            else None
        )

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        aws.call(self.service, "SetIdentityPoolRoles", IdentityPoolId=ref, Roles={})


KINDS = (IdentityPool(), IdentityPoolRoleAttachment())
