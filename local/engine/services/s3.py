"""S3 buckets, what guards them, and the objects that a deploy puts there."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Set
from typing import Any

from local.engine.aws import DEFAULT_REGION, Aws
from local.engine.kind import Kind, Values

_DELETE_MAX = 1000
"""Objects that one DeleteObjects call takes."""


class Bucket(Kind):
    token, service, name_key = "aws:s3/bucket:Bucket", "s3", "bucket"
    create_op, delete_op, read_op = "CreateBucket", "DeleteBucket", "HeadBucket"
    key = {"Bucket": "{bucket}"}
    ref = "{bucket}"
    names = {"objectLockEnabled": "ObjectLockEnabledForBucket"}
    own = frozenset({"forceDestroy"})
    replace = frozenset({"bucket", "bucketPrefix", "objectLockEnabled"})
    identity = ("bucket",)
    tag_key = {"Bucket": "{bucket}"}
    tags_member = ""
    outputs = {
        "arn": "arn:aws:s3:::{bucket}",
        "bucketDomainName": "{bucket}.s3.amazonaws.com",
        "bucketRegion": "{region}",
        "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
    }

    def auto_name(self, values: Values, logical: str) -> str:
        return super().auto_name(values, logical.lower())

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
        return super().arguments(aws, operation, values) | (elsewhere if aws.region != DEFAULT_REGION else {})

    def retag(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        if pairs := _pairs(new):
            aws.call("s3", "PutBucketTagging", Bucket=ref, Tagging={"TagSet": pairs})
        elif old.get("tagsAll"):
            aws.call("s3", "DeleteBucketTagging", Bucket=ref)

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        if old.get("forceDestroy"):
            keys = [
                {"Key": one["Key"]} for one in aws.items("s3", "ListObjectsV2", "Contents", {"Bucket": ref})
            ]
            for at in range(0, len(keys), _DELETE_MAX):
                aws.call("s3", "DeleteObjects", Bucket=ref, Delete={"Objects": keys[at : at + _DELETE_MAX]})
        super().delete(aws, ref, old)


class BucketPolicy(Kind):
    token, service, name_key = "aws:s3/bucketPolicy:BucketPolicy", "s3", ""
    create_op = update_op = "PutBucketPolicy"
    delete_op, read_op = "DeleteBucketPolicy", "GetBucketPolicy"
    key, ref = {"Bucket": "{bucket}"}, "{bucket}"
    replace = frozenset({"bucket"})
    identity = ("bucket",)


class BucketPublicAccessBlock(Kind):
    token, service, name_key = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "s3", ""
    create_op = update_op = "PutPublicAccessBlock"
    delete_op, read_op = "DeletePublicAccessBlock", "GetPublicAccessBlock"
    inside = "PublicAccessBlockConfiguration"
    key, ref = {"Bucket": "{bucket}"}, "{bucket}"
    defaults = dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False
    )
    own = frozenset({"bucket", "skipDestroy"})
    replace = frozenset({"bucket"})
    identity = ("bucket",)

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        return super().arguments(aws, operation, values) | {"Bucket": values["bucket"]}


class BucketOwnershipControls(Kind):
    token, service, name_key = "aws:s3/bucketOwnershipControls:BucketOwnershipControls", "s3", ""
    create_op = update_op = "PutBucketOwnershipControls"
    delete_op, read_op = "DeleteBucketOwnershipControls", "GetBucketOwnershipControls"
    inside = "OwnershipControls"
    key, ref = {"Bucket": "{bucket}"}, "{bucket}"
    names = {"rule": "Rules"}
    own = frozenset({"bucket"})
    replace = frozenset({"bucket"})
    identity = ("bucket",)

    def reshaped(self, values: Values) -> Values:
        return {"rule": [values["rule"]]}

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        return super().arguments(aws, operation, values) | {"Bucket": values["bucket"]}


class BucketObjectv2(Kind):
    token, service, name_key = "aws:s3/bucketObjectv2:BucketObjectv2", "s3", ""
    create_op = update_op = "PutObject"
    delete_op, read_op = "DeleteObject", "HeadObject"
    key, ref = {"Bucket": "{bucket}", "Key": "{key}"}, "{bucket}/{key}"
    names = {"content": "Body", "source": "Body", "contentBase64": "Body"}
    # etag and sourceHash only tell Pulumi's provider to look again; here the content's own hash does.
    own = frozenset({"etag", "sourceHash", "forceDestroy"})
    replace = frozenset({"bucket", "key"})
    identity = ("bucket", "key")
    whole = True
    tag_key, tags_member = {"Bucket": "{bucket}", "Key": "{key}"}, ""
    outputs = {"arn": "arn:aws:s3:::{bucket}/{key}", "etag": "{etag}", "versionId": "{VersionId}"}

    def reshaped(self, values: Values) -> Values:
        if "contentBase64" in values:
            values = values | {"contentBase64": base64.b64decode(values["contentBase64"])}
        return values

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        return super().arguments(aws, operation, values) | _tagging(values)

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        return super().changes(aws, ref, new, changed) | _tagging(new)  # a put without tags takes them away

    def told(self, aws: Aws, ref: str, values: Values, answer: Values) -> Values:
        etag = {"etag": answer["ETag"].strip('"')} if "ETag" in answer else {}
        return super().told(aws, ref, values, answer | etag)

    def retag(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        if old:
            tags = {"TagSet": _pairs(new)}
            aws.call("s3", "PutObjectTagging", Bucket=new["bucket"], Key=new["key"], Tagging=tags)


def _pairs(values: Values) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted((values.get("tagsAll") or {}).items())]


def _tagging(values: Values) -> dict[str, str]:
    return {"Tagging": urllib.parse.urlencode(values["tagsAll"])} if values.get("tagsAll") else {}


KINDS = (Bucket(), BucketPolicy(), BucketPublicAccessBlock(), BucketOwnershipControls(), BucketObjectv2())
