"""The one public address: pages and discovery from a private bucket, the API beside them, by CloudFront."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components import delivery
from components.broker import Broker
from components.identity import Identity
from components.pages import FOR_EVER, FRESH, Page
from components.query import Query
from components.rights import document
from tickwire import discovery
from tickwire.stage import Stage


@dataclass(frozen=True, kw_only=True)
class SiteArgs:
    stage: Stage
    shows: Sequence[Page]
    serves: Query
    points_to: Broker
    admits_by: Identity


class Site(pulumi.ComponentResource):
    """Bucket, distribution, pages, and `tickwire.json`, which tells any client all that it needs."""

    url: pulumi.Output[str]
    api: pulumi.Output[str]
    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: SiteArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tickwire:index:Site", name, None, opts)
        bucket = self._bucket(name, args)
        distribution = self._distribution(name, args, bucket)
        self._open_to(name, bucket, distribution)
        self.url = _url(args.stage, distribution)
        self.api = pulumi.Output.concat(self.url, "/api")
        self._pages(args, bucket)
        self._discovery(args, bucket)
        self.bucket = bucket.bucket
        self.register_outputs({"url": self.url})

    def _bucket(self, name: str, args: SiteArgs) -> aws.s3.Bucket:
        place, child = args.points_to.place, ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            name,
            aws.s3.BucketArgs(
                # Bucket names are shared by all accounts of the world.
                bucket=args.stage.named(f"site-{place.account}-{place.region}"),
                tags=args.stage.tags,
            ),
            child,
        )
        aws.s3.BucketPublicAccessBlock(
            name,
            aws.s3.BucketPublicAccessBlockArgs(
                bucket=bucket.bucket,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
            ),
            child,
        )
        aws.s3.BucketOwnershipControls(
            name,
            aws.s3.BucketOwnershipControlsArgs(
                bucket=bucket.bucket,
                rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            ),
            child,
        )
        return bucket

    def _distribution(self, name: str, args: SiteArgs, bucket: aws.s3.Bucket) -> aws.cloudfront.Distribution:
        stage, child = args.stage, ResourceOptions(parent=self)
        access = aws.cloudfront.OriginAccessControl(name, delivery.access(stage), child)
        headers = aws.cloudfront.ResponseHeadersPolicy(
            name, delivery.headers(stage, connects_to=_reached(args)), child
        )
        caching = aws.cloudfront.CachePolicy(name, delivery.api_caching(stage), child)
        return aws.cloudfront.Distribution(
            name,
            delivery.distribution(
                stage,
                pages=delivery.pages_origin(bucket.bucket_regional_domain_name, access.id),
                api=delivery.api_origin(args.serves.url.apply(lambda url: urlsplit(url).netloc)),
                headers_id=headers.id,
                api_caching_id=caching.id,
            ),
            child,
        )

    def _open_to(self, name: str, bucket: aws.s3.Bucket, distribution: aws.cloudfront.Distribution) -> None:
        """This distribution reads the bucket, and nobody else does."""
        reads = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": pulumi.Output.concat(bucket.arn, "/*"),
            "Condition": {"StringEquals": {"AWS:SourceArn": distribution.arn}},
        }
        aws.s3.BucketPolicy(
            name,
            aws.s3.BucketPolicyArgs(bucket=bucket.bucket, policy=document(reads)),
            ResourceOptions(parent=self),
        )

    def _pages(self, args: SiteArgs, bucket: aws.s3.Bucket) -> None:
        """Those that others name come first, so that no page is there before what it loads."""
        lasting: list[aws.s3.BucketObjectv2] = []
        for page in sorted(args.shows, key=lambda page: page.cache != FOR_EVER):
            uploaded = aws.s3.BucketObjectv2(
                page.key,
                aws.s3.BucketObjectv2Args(
                    bucket=bucket.bucket,
                    key=page.key,
                    source=pulumi.FileAsset(str(page.file)),
                    content_type=page.content_type,
                    cache_control=page.cache,
                    tags=args.stage.tags,
                ),
                ResourceOptions(parent=self, depends_on=None if page.cache == FOR_EVER else lasting),
            )
            if page.cache == FOR_EVER:
                lasting.append(uploaded)

    def _discovery(self, args: SiteArgs, bucket: aws.s3.Bucket) -> None:
        stage, broker, identity = args.stage, args.points_to, args.admits_by

        def text(known: Sequence[str]) -> str:
            api, pool_id = known
            found = discovery.document(
                stage=stage.name,
                region=broker.place.region,
                iot_url=broker.socket_url,
                signing_host=broker.signing_host,
                pool_id=pool_id,
                identity_url=identity.url,
                api=api,
                topics=broker.topics,
                symbols=stage.symbols,
                lanes={symbol: stage.lane(symbol) for symbol in stage.symbols},
            )
            return json.dumps(found, indent=1) + "\n"

        aws.s3.BucketObjectv2(
            "tickwire.json",
            aws.s3.BucketObjectv2Args(
                bucket=bucket.bucket,
                key="tickwire.json",
                content=pulumi.Output.all(self.api, identity.pool_id).apply(text),
                content_type="application/json",
                cache_control=FRESH,
                tags=stage.tags,
            ),
            ResourceOptions(parent=self),
        )


def _reached(args: SiteArgs) -> list[str]:
    """Origins other than the site's own that a page connects to."""
    urls = (args.points_to.socket_url, args.admits_by.url)
    return [f"{part.scheme}://{part.netloc}" for part in map(urlsplit, urls)]


def _url(stage: Stage, distribution: aws.cloudfront.Distribution) -> pulumi.Output[str]:
    return pulumi.Output.from_input(
        stage.site_url or pulumi.Output.concat("https://", distribution.domain_name)
    )
