"""IAM roles and their policies. IAM is global, so nothing here depends on the region."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from local.engine.aws import Aws
from local.engine.kind import Kind, Values

_VERSIONS_MAX = 5
"""A managed policy keeps this many versions; the oldest must go before a sixth comes."""


class Role(Kind):
    token, service = "aws:iam/role:Role", "iam"
    create_op, update_op, delete_op, read_op = "CreateRole", "UpdateRole", "DeleteRole", "GetRole"
    key = {"RoleName": "{name}"}
    names = {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}
    own = frozenset({"assumeRolePolicy", "permissionsBoundary", "forceDetachPolicies"})
    defaults = {"path": "/", "description": "", "maxSessionDuration": 3600}
    replace = frozenset({"name", "namePrefix", "path"})
    identity = ("name",)
    tag_ops, tag_key = ("TagRole", "UntagRole"), {"RoleName": "{name}"}
    outputs = {
        "arn": "arn:aws:iam::{account}:role{path}{name}",
        "uniqueId": "{Role[RoleId]}",
        "createDate": "{Role[CreateDate]}",
    }

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        more = {"AssumeRolePolicyDocument": values["assumeRolePolicy"]}
        if "permissionsBoundary" in values:
            more["PermissionsBoundary"] = values["permissionsBoundary"]
        return super().arguments(aws, operation, values) | more

    def settle(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        if not old:
            return
        if old["assumeRolePolicy"] != new["assumeRolePolicy"]:
            document = new["assumeRolePolicy"]
            aws.call("iam", "UpdateAssumeRolePolicy", RoleName=ref, PolicyDocument=document)
        if old.get("permissionsBoundary") != new.get("permissionsBoundary"):
            if "permissionsBoundary" in new:
                arn = new["permissionsBoundary"]
                aws.call("iam", "PutRolePermissionsBoundary", RoleName=ref, PermissionsBoundary=arn)
            else:
                aws.call("iam", "DeleteRolePermissionsBoundary", RoleName=ref)

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        if old.get("forceDetachPolicies"):
            for policy in aws.items("iam", "ListAttachedRolePolicies", "AttachedPolicies", {"RoleName": ref}):
                aws.call("iam", "DetachRolePolicy", RoleName=ref, PolicyArn=policy["PolicyArn"])
            for name in aws.call("iam", "ListRolePolicies", RoleName=ref)["PolicyNames"]:
                aws.call("iam", "DeleteRolePolicy", RoleName=ref, PolicyName=name)
        super().delete(aws, ref, old)


class Policy(Kind):
    token, service = "aws:iam/policy:Policy", "iam"
    create_op, update_op, delete_op, read_op = (
        "CreatePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
        "GetPolicy",
    )
    key = {"PolicyArn": "{id}"}
    ref = "arn:aws:iam::{account}:policy{path}{name}"
    names = {"name": "PolicyName", "policy": "PolicyDocument"}
    defaults = {"path": "/"}
    replace = frozenset({"name", "namePrefix", "path", "description"})
    identity = ("name", "path")
    tag_ops, tag_key = ("TagPolicy", "UntagPolicy"), {"PolicyArn": "{id}"}
    outputs = {"arn": "{id}", "policyId": "{Policy[PolicyId]}"}

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        others = [one for one in self._versions(aws, ref) if not one["IsDefaultVersion"]]
        if len(others) >= _VERSIONS_MAX - 1:
            oldest = min(others, key=lambda one: int(one["VersionId"].removeprefix("v")))
            aws.call("iam", "DeletePolicyVersion", PolicyArn=ref, VersionId=oldest["VersionId"])
        return super().changes(aws, ref, new, changed) | {"SetAsDefault": True}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        for version in self._versions(aws, ref):
            if not version["IsDefaultVersion"]:
                aws.call("iam", "DeletePolicyVersion", PolicyArn=ref, VersionId=version["VersionId"])
        super().delete(aws, ref, old)

    def _versions(self, aws: Aws, arn: str) -> list[dict[str, Any]]:
        return aws.items("iam", "ListPolicyVersions", "Versions", {"PolicyArn": arn})


class RolePolicy(Kind):
    token, service = "aws:iam/rolePolicy:RolePolicy", "iam"
    create_op = update_op = "PutRolePolicy"
    delete_op, read_op = "DeleteRolePolicy", "GetRolePolicy"
    key = {"RoleName": "{role}", "PolicyName": "{name}"}
    ref = "{role}:{name}"
    names = {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"}
    replace = frozenset({"role", "name", "namePrefix"})
    identity = ("role", "name")


class RolePolicyAttachment(Kind):
    token, service, name_key = "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "iam", ""
    create_op, delete_op = "AttachRolePolicy", "DetachRolePolicy"
    key = {"RoleName": "{role}", "PolicyArn": "{policyArn}"}
    ref = "{role}/{policyArn}"
    fixed = True
    names = {"role": "RoleName"}

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        listed = aws.items(
            "iam", "ListAttachedRolePolicies", "AttachedPolicies", {"RoleName": values["role"]}
        )
        is_there = any(one["PolicyArn"] == values["policyArn"] for one in listed)
        return f"{values['role']}/{values['policyArn']}" if is_there else None


KINDS = (Role(), Policy(), RolePolicy(), RolePolicyAttachment())
