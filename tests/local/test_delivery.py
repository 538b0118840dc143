"""A distribution is read as CloudFront means it; what only CloudFront can do is refused by name."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from local import delivery
from local.platform import Platform

PAGES: dict[str, Any] = {"Id": "pages", "DomainName": "b.s3.us-east-1.amazonaws.com", "S3OriginConfig": {}}
API: dict[str, Any] = {"Id": "api", "DomainName": "a1b2.execute-api.localhost:4566", "CustomOriginConfig": {}}
CONFIG: dict[str, Any] = {
    "Comment": "tickwire-x-site",
    "Origins": {"Items": [PAGES, API]},
    "CacheBehaviors": {
        "Items": [
            {"PathPattern": "/api/*", "TargetOriginId": "api", "AllowedMethods": {"Items": ["GET", "POST"]}},
            {"PathPattern": "v?/x.json", "TargetOriginId": "api", "AllowedMethods": {"Items": ["GET"]}},
        ]
    },
    "DefaultCacheBehavior": {"TargetOriginId": "pages", "AllowedMethods": {"Items": ["GET", "HEAD"]}},
}


class Cloudfront:
    """As much of a client as is asked."""

    def __init__(self, config: dict[str, Any], policy: dict[str, Any] | None = None) -> None:
        self.config, self.policy = config, policy

    def get_paginator(self, name: str) -> Cloudfront:
        assert name == "list_distributions"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        other = {"Id": "D0", "Comment": "tickwire-y-site"}
        mine = {"Id": "D1", "Comment": self.config["Comment"]}
        return [{"DistributionList": {}}, {"DistributionList": {"Items": [other, mine]}}]

    def get_distribution(self, **asked: str) -> dict[str, Any]:
        assert asked == {"Id": "D1"}
        return {"Distribution": {"DomainName": "d1.cloudfront.net", "DistributionConfig": self.config}}

    def get_response_headers_policy(self, **asked: str) -> dict[str, Any]:
        return {"ResponseHeadersPolicy": {"ResponseHeadersPolicyConfig": self.policy}}


def with_api_policy(cors: dict[str, Any]) -> Cloudfront:
    config = deepcopy(CONFIG)
    config["CacheBehaviors"]["Items"][0]["ResponseHeadersPolicyId"] = "P1"
    security = {"FrameOptions": {"FrameOption": "DENY", "Override": True}}
    return Cloudfront(config, {"SecurityHeadersConfig": security, "CorsConfig": cors})


def test_the_first_pattern_that_fits_decides() -> None:
    """`*` and `?` are the wildcards, every other sign is itself, and the slash in front may be left out."""
    found = delivery.read(Cloudfront(CONFIG), "tickwire-x-site")
    assert found.host == "d1.cloudfront.net"
    hosts = {
        path: found.route(path).api_host
        for path in ("/", "/api", "/api/", "/api/a/b", "/v1/x.json", "/v1/xyjson")
    }
    api = "a1b2.execute-api.localhost:4566"
    assert hosts == {
        "/": None,
        "/api": None,
        "/api/": api,
        "/api/a/b": api,
        "/v1/x.json": api,
        "/v1/xyjson": None,
    }
    assert found.route("/api/x").methods == {"GET", "POST"}


def test_a_policy_becomes_headers() -> None:
    cors = {
        "AccessControlAllowOrigins": {"Items": ["*"]},
        "AccessControlAllowMethods": {"Items": ["GET", "POST"]},
        "AccessControlExposeHeaders": {"Items": ["etag"]},
        "AccessControlMaxAgeSec": 60,
        "OriginOverride": True,
    }
    policy = delivery.read(with_api_policy(cors), "tickwire-x-site").route("/api/x").policy
    assert [header.name for header in policy.headers("GET", None)] == ["x-frame-options"]
    named = {header.name: header.value for header in policy.headers("OPTIONS", "http://x.org")}
    assert named == {
        "x-frame-options": "DENY",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "etag",
        "access-control-allow-methods": "GET, POST",
        "access-control-max-age": "60",
    }


def test_what_only_cloudfront_can_do_is_named() -> None:
    """Never skipped in silence: what isn't played here would behave otherwise on AWS."""
    config = deepcopy(CONFIG)
    config["Origins"]["Items"][1]["DomainName"] = "example.org"
    with pytest.raises(
        delivery.Unplayable, match=r"sends /api/\* to example.org; expected a bucket or an API"
    ):
        delivery.read(Cloudfront(config), "tickwire-x-site")
    config = deepcopy(CONFIG)
    config["CacheBehaviors"]["Items"][0]["FunctionAssociations"] = {"Quantity": 1}
    with pytest.raises(delivery.Unplayable, match=r"FunctionAssociations on /api/\*"):
        delivery.read(Cloudfront(config), "tickwire-x-site")
    cors = {"AccessControlAllowOrigins": {"Items": ["https://x.org"]}, "OriginOverride": True}
    with pytest.raises(delivery.Unplayable, match=r"allows the origins https://x.org; expected \*"):
        delivery.read(with_api_policy(cors), "tickwire-x-site")
    with pytest.raises(delivery.Unplayable, match="no distribution with the comment 'tickwire-z-site'"):
        delivery.read(Cloudfront(CONFIG), "tickwire-z-site")


def test_the_programs_own_distribution_can_be_played(quiet: Platform) -> None:
    """Its API is reached straight, its pages through the local cloud's CloudFront."""
    found = delivery.read(quiet.client("cloudfront"), "tickwire-local-site")
    assert found.host.endswith(".cloudfront.net")
    assert found.route("/api/prices").api_host is not None
    assert found.route("/index.html").api_host is None
