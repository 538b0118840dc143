"""The site: private pages, public discovery, an API cached as it says, headers that hold a page in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from components import pages
from tests.components.world import World, evaluate

LOCAL = {"awsUrl": "http://127.0.0.1:4566", "siteUrl": "http://127.0.0.1:8080"}


@cache
def world() -> World:
    return evaluate({"symbols": ["AAPL", "TSLA"], "topicPrefix": "dev"})


def discovery(found: World) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_object("tickwire.json", found)["content"])
    return content


def _object(key: str, found: World) -> dict[str, Any]:
    return found.one("aws:s3/bucketObjectv2:BucketObjectv2", key).inputs


def distribution() -> dict[str, Any]:
    return world().one("aws:cloudfront/distribution:Distribution", "site").inputs


def policy_of(found: World) -> dict[str, set[str]]:
    """The Content-Security-Policy by directive."""
    headers = found.one("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "site").inputs
    text = headers["securityHeadersConfig"]["contentSecurityPolicy"]["contentSecurityPolicy"]
    return {name: set(values) for name, *values in (part.split() for part in text.split("; "))}


def test_discovery_tells_a_client_where_everything_is() -> None:
    """Addresses of AWS, topics with the stage's prefix, the site's own address for the API."""
    assert discovery(world()) == {
        "stage": "dev",
        "region": "us-east-1",
        "iot": {
            "url": "wss://a1b2c3-ats.iot.us-east-1.amazonaws.com/mqtt",
            "signingHost": "a1b2c3-ats.iot.us-east-1.amazonaws.com",
            "signingService": "iotdevicegateway",
        },
        "identity": {"poolId": "us-east-1:pool", "url": "https://cognito-identity.us-east-1.amazonaws.com"},
        "clientId": "{identityId}-{random}",
        "api": "https://d123.cloudfront.net/api",
        "topics": {
            "price": "dev/prices/{symbol}",
            "board": "dev/board",
            "status": "dev/status",
            "bar": "dev/bars/{interval}/{symbol}",
            "alert": "dev/alerts/{symbol}",
        },
        "symbols": ["AAPL", "TSLA"],
        "lanes": {"AAPL": "live", "TSLA": "live"},
        "prices": {
            "delivery": 1e-6,
            "deliveryBytes": 5_000,
            "connectionMinute": 8e-8,
            "currency": "USD",
            "region": "us-east-1",
            "dated": "2026-09-21",
        },
    }


def test_discovery_of_a_local_stage_names_the_local_addresses() -> None:
    """The signature covers the host with its port there, as a browser sends it."""
    found = discovery(evaluate(LOCAL, stack="local"))
    assert found["iot"]["url"] == "ws://127.0.0.1:4566/mqtt"
    assert found["iot"]["signingHost"] == "127.0.0.1:4566"
    assert found["identity"]["url"] == "http://127.0.0.1:4566"
    assert found["api"] == "http://127.0.0.1:8080/api"


def test_a_local_stage_publishes_to_the_local_cloud() -> None:
    """The function's address of the broker is the same one."""
    ingest = evaluate(LOCAL, stack="local").one("aws:lambda/function:Function", "ingest").inputs
    assert ingest["environment"]["variables"]["IOT_ENDPOINT"] == "http://127.0.0.1:4566"


def test_discovery_is_never_kept_by_a_cache() -> None:
    """A new symbol must show at the next load."""
    found = _object("tickwire.json", world())
    assert found["cacheControl"] == "no-cache"
    assert found["contentType"] == "application/json"


def test_pages_are_always_fresh_and_what_they_load_is_kept_for_ever() -> None:
    """Files under assets/ have their content's hash in their name; the others keep theirs."""
    caching = {page.key: page.cache for page in pages.read_pages()}
    assert caching == {
        "assets/app-3f9c.js": "public, max-age=31536000, immutable",
        "index.html": "no-cache",
        "tickwire.js": "no-cache",
    }
    types = {key: _object(key, world())["contentType"] for key in caching}
    assert types["index.html"] == "text/html; charset=utf-8"
    assert types["tickwire.js"] == "text/javascript; charset=utf-8"


def test_a_page_is_uploaded_after_what_it_loads() -> None:
    """Who loads the page in the middle of a deployment finds its parts."""
    found = {one.name: one for one in world().of("aws:s3/bucketObjectv2:BucketObjectv2")}
    assert found["assets/app-3f9c.js"].urn in found["index.html"].dependencies


def test_a_file_of_an_unknown_kind_is_served_as_bytes(dist: Path) -> None:
    """Browsers then save it instead of guessing; nosniff forbids the guess."""
    (dist / "data.bin").write_bytes(b"\0")
    assert {page.key: page.content_type for page in pages.read_pages()}[
        "data.bin"
    ] == "application/octet-stream"


def test_the_bucket_is_read_by_the_distribution_alone() -> None:
    """No public access by any way, and the policy names one distribution."""
    block = world().one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "site").inputs
    assert all(value is True for name, value in block.items() if name != "bucket")
    (statement,) = json.loads(world().one("aws:s3/bucketPolicy:BucketPolicy", "site").inputs["policy"])[
        "Statement"
    ]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::tickwire-dev-site-123456789012-us-east-1/*",
        "Condition": {
            "StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E123"}
        },
    }
    access = world().one("aws:cloudfront/originAccessControl:OriginAccessControl", "site").inputs
    assert (access["signingBehavior"], access["signingProtocol"]) == ("always", "sigv4")


def test_the_distribution_has_two_origins_and_speaks_https_only() -> None:
    """Pages by default, the API below /api/."""
    origins = {origin["originId"]: origin for origin in distribution()["origins"]}
    assert origins["pages"]["originAccessControlId"] == "access123"
    assert origins["api"]["domainName"] == "api123.execute-api.us-east-1.amazonaws.com"
    assert origins["api"]["customOriginConfig"]["originProtocolPolicy"] == "https-only"
    behaviours = [distribution()["defaultCacheBehavior"], *distribution()["orderedCacheBehaviors"]]
    assert [one["targetOriginId"] for one in behaviours] == ["pages", "api"]
    assert {one["viewerProtocolPolicy"] for one in behaviours} == {"redirect-to-https"}
    assert {one["responseHeadersPolicyId"] for one in behaviours} == {"headers123"}
    assert all(one["compress"] for one in behaviours)


def test_an_answer_of_the_api_is_cached_only_as_long_as_it_says() -> None:
    """Keyed by path and whole query, not by the user; without Cache-Control, not at all."""
    (api,) = distribution()["orderedCacheBehaviors"]
    assert api["pathPattern"] == "/api/*"
    assert {"GET", "HEAD", "OPTIONS", "POST", "DELETE"} <= set(api["allowedMethods"])
    assert api["cachedMethods"] == ["GET", "HEAD"]
    assert api["cachePolicyId"] == "caching123"
    caching = world().one("aws:cloudfront/cachePolicy:CachePolicy", "site").inputs
    assert (caching["minTtl"], caching["defaultTtl"], caching["maxTtl"]) == (0, 0, 31_536_000)
    key = caching["parametersInCacheKeyAndForwardedToOrigin"]
    assert key["queryStringsConfig"] == {"queryStringBehavior": "all"}
    assert key["headersConfig"] == {"headerBehavior": "none"}
    assert key["cookiesConfig"] == {"cookieBehavior": "none"}


def test_a_page_reaches_the_broker_and_the_pool_and_nothing_else() -> None:
    """Nothing inline, nothing evaluated, no frame, no form; connections to three places."""
    policy = policy_of(world())
    assert policy["connect-src"] == {
        "'self'",
        "wss://a1b2c3-ats.iot.us-east-1.amazonaws.com",
        "https://cognito-identity.us-east-1.amazonaws.com",
    }
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
    assert policy["script-src"] == {"'self'"}
    assert not [name for name, values in policy.items() if any("unsafe" in value for value in values)]


def test_a_local_page_reaches_the_local_cloud() -> None:
    """Both of its schemes: HTTP for identities, a socket for prices."""
    policy = policy_of(evaluate(LOCAL, stack="local"))
    assert policy["connect-src"] == {"'self'", "ws://127.0.0.1:4566", "http://127.0.0.1:4566"}


def test_every_answer_carries_security_headers_and_can_be_read_by_any_origin() -> None:
    """CORS is set anew on each: a cached answer may have been made for a request without an origin."""
    headers = world().one("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "site").inputs
    security, cors = headers["securityHeadersConfig"], headers["corsConfig"]
    assert security["strictTransportSecurity"]["accessControlMaxAgeSec"] >= 31_536_000
    assert security["contentTypeOptions"] == {"override": True}
    assert security["frameOptions"]["frameOption"] == "DENY"
    assert security["referrerPolicy"]["referrerPolicy"] == "no-referrer"
    assert cors["accessControlAllowOrigins"] == {"items": ["*"]}
    assert cors["accessControlAllowCredentials"] is False
    assert cors["originOverride"] is True
