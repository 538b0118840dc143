"""How CloudFront serves the site: origins, caching, and the headers that every answer carries.

The API's answers are cached only as long as they say themselves, by path and whole query string; so a closed
block of ticks may be kept for a year, and everything else is asked for anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.query import HEADERS, METHODS
from tickwire.stage import Stage

YEAR_S = 31_536_000
# AWS's own policies, whose ids are the same in every account.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
PAGES, API = "pages", "api"

_READS = ["GET", "HEAD"]
_ALL = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def access(stage: Stage) -> aws.cloudfront.OriginAccessControlArgs:
    """CloudFront signs what it asks of the bucket."""
    return aws.cloudfront.OriginAccessControlArgs(
        name=stage.named("site"),
        description="Signs requests to the bucket of the site",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
    )


def security_policy(connects_to: Sequence[str]) -> str:
    """The Content-Security-Policy: nothing inline, and connections to the site and the named origins only."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "manifest-src 'self'",
            " ".join(("connect-src 'self'", *dict.fromkeys(connects_to))),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def headers(stage: Stage, *, connects_to: Sequence[str]) -> aws.cloudfront.ResponseHeadersPolicyArgs:
    """Security headers, and CORS for all: what is served is public, and only API writes look at an origin."""
    cf = aws.cloudfront
    return cf.ResponseHeadersPolicyArgs(
        name=stage.named("site"),
        comment="Security headers, and reads from any origin",
        cors_config=cf.ResponseHeadersPolicyCorsConfigArgs(
            access_control_allow_credentials=False,
            access_control_allow_headers=cf.ResponseHeadersPolicyCorsConfigAccessControlAllowHeadersArgs(
                items=list(HEADERS)
            ),
            access_control_allow_methods=cf.ResponseHeadersPolicyCorsConfigAccessControlAllowMethodsArgs(
                items=[*METHODS, "HEAD", "OPTIONS"]
            ),
            access_control_allow_origins=cf.ResponseHeadersPolicyCorsConfigAccessControlAllowOriginsArgs(
                items=["*"]
            ),
            access_control_max_age_sec=86_400,
            # A cached answer may have been made for a request without an origin.
            origin_override=True,
        ),
        security_headers_config=cf.ResponseHeadersPolicySecurityHeadersConfigArgs(
            content_security_policy=cf.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                content_security_policy=security_policy(connects_to), override=True
            ),
            content_type_options=cf.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                override=True
            ),
            frame_options=cf.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                frame_option="DENY", override=True
            ),
            referrer_policy=cf.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                referrer_policy="no-referrer", override=True
            ),
            strict_transport_security=cf.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                access_control_max_age_sec=YEAR_S, include_subdomains=False, preload=False, override=True
            ),
        ),
    )


def api_caching(stage: Stage) -> aws.cloudfront.CachePolicyArgs:
    """Keyed by path and every query string, and by nothing that differs between users."""
    cf = aws.cloudfront
    return cf.CachePolicyArgs(
        name=stage.named("api"),
        comment="As long as the answer says itself",
        min_ttl=0,
        default_ttl=0,
        max_ttl=YEAR_S,
        parameters_in_cache_key_and_forwarded_to_origin=cf.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
            cookies_config=cf.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(
                cookie_behavior="none"
            ),
            headers_config=cf.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
                header_behavior="none"
            ),
            query_strings_config=cf.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                query_string_behavior="all"
            ),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        ),
    )


def pages_origin(
    host: pulumi.Input[str], access_id: pulumi.Input[str]
) -> aws.cloudfront.DistributionOriginArgs:
    return aws.cloudfront.DistributionOriginArgs(
        origin_id=PAGES, domain_name=host, origin_access_control_id=access_id
    )


def api_origin(host: pulumi.Input[str]) -> aws.cloudfront.DistributionOriginArgs:
    return aws.cloudfront.DistributionOriginArgs(
        origin_id=API,
        domain_name=host,
        custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
            http_port=80,
            https_port=443,
            origin_protocol_policy="https-only",
            origin_ssl_protocols=["TLSv1.2"],
        ),
    )


def distribution(
    stage: Stage,
    *,
    pages: aws.cloudfront.DistributionOriginArgs,
    api: aws.cloudfront.DistributionOriginArgs,
    headers_id: pulumi.Input[str],
    api_caching_id: pulumi.Input[str],
) -> aws.cloudfront.DistributionArgs:
    cf = aws.cloudfront
    return cf.DistributionArgs(
        comment=stage.named("site"),
        enabled=True,
        is_ipv6_enabled=True,
        http_version="http2and3",
        price_class="PriceClass_100",
        default_root_object="index.html",
        origins=[pages, api],
        default_cache_behavior=cf.DistributionDefaultCacheBehaviorArgs(
            target_origin_id=PAGES,
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=_READS,
            cached_methods=_READS,
            compress=True,
            cache_policy_id=CACHING_OPTIMIZED,
            response_headers_policy_id=headers_id,
        ),
        ordered_cache_behaviors=[
            cf.DistributionOrderedCacheBehaviorArgs(
                path_pattern="/api/*",
                target_origin_id=API,
                viewer_protocol_policy="redirect-to-https",
                allowed_methods=_ALL,
                cached_methods=_READS,
                compress=True,
                cache_policy_id=api_caching_id,
                origin_request_policy_id=ALL_VIEWER_EXCEPT_HOST,
                response_headers_policy_id=headers_id,
            )
        ],
        restrictions=cf.DistributionRestrictionsArgs(
            geo_restriction=cf.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
        ),
        viewer_certificate=cf.DistributionViewerCertificateArgs(cloudfront_default_certificate=True),
        tags=stage.tags,
    )
