"""CloudFront: distributions and the policies that they share. CloudFront is global.

Every change must name the version that it changes (its ETag), so each asks for that first.
"""

from __future__ import annotations

import uuid
from collections.abc import Set
from typing import Any

from local.engine.aws import Aws
from local.engine.kind import Kind, Values


class _Versioned(Kind):
    service = "cloudfront"
    whole = True
    key = {"Id": "{id}"}

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        return super().changes(aws, ref, new, changed) | {"IfMatch": self.etag(aws, ref)}

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        aws.call("cloudfront", self.delete_op, Id=ref, IfMatch=self.etag(aws, ref))

    def etag(self, aws: Aws, ref: str) -> str:
        return str(aws.call("cloudfront", self.read_op, Id=ref)["ETag"])


class Distribution(_Versioned):
    token, name_key = "aws:cloudfront/distribution:Distribution", ""
    create_op, update_op = "CreateDistribution", "UpdateDistribution"
    delete_op, read_op = "DeleteDistribution", "GetDistributionConfig"
    inside = "DistributionConfig"
    ref = "{Distribution[Id]}"
    names = {
        "orderedCacheBehaviors": "CacheBehaviors",
        "loggingConfig": "Logging",
        "origins.originId": "Id",
        "restrictions.geoRestriction.locations": "Items",
    }
    own = frozenset({"waitForDeployment", "retainOnDelete"})
    defaults = {"comment": "", "isIpv6Enabled": False, "httpVersion": "http2", "priceClass": "PriceClass_All"}
    replace = frozenset({"staging"})
    tag_key, tags_member = {"Resource": "arn:aws:cloudfront::{account}:distribution/{id}"}, ""
    outputs = {
        "arn": "arn:aws:cloudfront::{account}:distribution/{id}",
        "domainName": "{Distribution[DomainName]}",
        "status": "{Distribution[Status]}",
        "callerReference": "{Distribution[DistributionConfig][CallerReference]}",
        "etag": "{ETag}",
        "hostedZoneId": "{hostedZoneId}",
    }

    def reshaped(self, values: Values) -> Values:
        behaviors = [_behavior(one) for one in values.get("orderedCacheBehaviors", [])]
        origins = [_origin(one) for one in values["origins"]]
        ordered = {"orderedCacheBehaviors": behaviors} if behaviors else {}
        return (
            values
            | {"defaultCacheBehavior": _behavior(values["defaultCacheBehavior"]), "origins": origins}
            | ordered
        )

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        arguments = super().arguments(aws, operation, values)
        arguments["DistributionConfig"]["CallerReference"] = str(uuid.uuid4())
        return arguments

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        changes = super().changes(aws, ref, new, changed)
        before = aws.call("cloudfront", "GetDistributionConfig", Id=ref)["DistributionConfig"]
        changes["DistributionConfig"]["CallerReference"] = before["CallerReference"]
        return changes

    def told(self, aws: Aws, ref: str, values: Values, answer: Values) -> Values:
        return super().told(aws, ref, values, answer | {"hostedZoneId": "Z2FDTNDATAQYW2"})

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        """A half-made one is known by its comment and its first origin: the listing tells no more of it."""
        if ref:
            return super().find(aws, ref, values, taken)
        wanted = (values["comment"], values["origins"][0]["domainName"])
        for one in aws.items("cloudfront", "ListDistributions", "DistributionList.Items", {}):
            if (
                one["Id"] not in taken
                and (one["Comment"], one["Origins"]["Items"][0]["DomainName"]) == wanted
            ):
                return str(one["Id"])
        return None

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        if old.get("retainOnDelete"):
            return
        current = aws.call("cloudfront", "GetDistributionConfig", Id=ref)
        if current["DistributionConfig"]["Enabled"]:  # only a disabled one can go
            config = current["DistributionConfig"] | {"Enabled": False}
            aws.call(
                "cloudfront", "UpdateDistribution", Id=ref, IfMatch=current["ETag"], DistributionConfig=config
            )
        super().delete(aws, ref, old)


class OriginAccessControl(_Versioned):
    token = "aws:cloudfront/originAccessControl:OriginAccessControl"
    create_op, update_op = "CreateOriginAccessControl", "UpdateOriginAccessControl"
    delete_op, read_op = "DeleteOriginAccessControl", "GetOriginAccessControl"
    inside = "OriginAccessControlConfig"
    ref = "{OriginAccessControl[Id]}"
    defaults = {"description": ""}
    outputs = {"arn": "arn:aws:cloudfront::{account}:origin-access-control/{id}", "etag": "{ETag}"}
    identity = ("name",)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        if ref:
            return super().find(aws, ref, values, taken)
        listed = aws.items("cloudfront", "ListOriginAccessControls", "OriginAccessControlList.Items", {})
        return next(
            (one["Id"] for one in listed if one["Name"] == values["name"] and one["Id"] not in taken), None
        )


class ResponseHeadersPolicy(_Versioned):
    token = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
    create_op, update_op = "CreateResponseHeadersPolicy", "UpdateResponseHeadersPolicy"
    delete_op, read_op = "DeleteResponseHeadersPolicy", "GetResponseHeadersPolicy"
    inside = "ResponseHeadersPolicyConfig"
    ref = "{ResponseHeadersPolicy[Id]}"
    defaults = {"comment": ""}
    outputs = {"arn": "arn:aws:cloudfront::{account}:response-headers-policy/{id}", "etag": "{ETag}"}
    identity = ("name",)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        return (
            super().find(aws, ref, values, taken)
            if ref
            else _policy(aws, "ResponseHeadersPolicy", values, taken)
        )


class CachePolicy(_Versioned):
    token = "aws:cloudfront/cachePolicy:CachePolicy"
    create_op, update_op = "CreateCachePolicy", "UpdateCachePolicy"
    delete_op, read_op = "DeleteCachePolicy", "GetCachePolicy"
    inside = "CachePolicyConfig"
    ref = "{CachePolicy[Id]}"
    defaults = {"comment": "", "minTtl": 0}
    outputs = {"arn": "arn:aws:cloudfront::{account}:cache-policy/{id}", "etag": "{ETag}"}
    identity = ("name",)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        return super().find(aws, ref, values, taken) if ref else _policy(aws, "CachePolicy", values, taken)


def _behavior(behavior: Values) -> Values:
    """CloudFront keeps the cached methods inside the allowed ones."""
    result = dict(behavior)
    methods = {"items": result.pop("allowedMethods"), "cachedMethods": result.pop("cachedMethods")}
    return result | {"allowedMethods": methods}


def _origin(origin: Values) -> Values:
    """An origin that isn't a server is a bucket."""
    is_server = "customOriginConfig" in origin or "vpcOriginConfig" in origin
    bucket = (
        {} if is_server or "s3OriginConfig" in origin else {"s3OriginConfig": {"originAccessIdentity": ""}}
    )
    return origin | bucket


def _policy(aws: Aws, kind: str, values: Values, taken: Set[str]) -> str | None:
    """A half-made policy, by its name."""
    operation = f"List{kind.removesuffix('y')}ies"
    page = aws.call("cloudfront", operation, Type="custom")[f"{kind}List"]
    for item in page.get("Items", []):
        policy = item[kind]
        if policy[f"{kind}Config"]["Name"] == values["name"] and policy["Id"] not in taken:
            return str(policy["Id"])
    return None


KINDS = (Distribution(), OriginAccessControl(), ResponseHeadersPolicy(), CachePolicy())
