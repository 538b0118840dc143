"""What a stage's CloudFront distribution says, read back from the local cloud for the edge to act upon.

In: a CloudFront client and the stage's name. Out: a frozen `Delivery`: by which host name the distribution
answers, and which paths go straight to an API of this machine, with the headers their answers must carry.
What the edge can't play is an `Unplayable` that names it, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_API_HOST = re.compile(r"[a-z0-9]+\.execute-api\.localhost(:[0-9]+)?")


class Unplayable(RuntimeError):
    """The distribution asks for something that only CloudFront itself can do."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a policy adds; it replaces the origin's own only when it overrides."""

    name: str
    value: str
    overrides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A response headers policy: what every answer carries, what those to a request that names an origin
    carry besides, and what only those to a preflight do."""

    always: tuple[Header, ...] = ()
    cors: tuple[Header, ...] = ()
    preflight: tuple[Header, ...] = ()

    def headers(self, method: str, origin: str | None) -> tuple[Header, ...]:
        if origin is None:
            return self.always
        return self.always + self.cors + (self.preflight if method == "OPTIONS" else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A behaviour: which paths, which methods, and the API they go to (none: the site's own pages)."""

    pattern: re.Pattern[str]
    methods: frozenset[str]
    api_host: str | None = None
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A distribution."""

    host: str
    """The host name by which the local cloud knows it."""
    routes: tuple[Route, ...]
    """In order; the last one takes every path."""

    def route(self, path: str) -> Route:
        return next(route for route in self.routes if route.pattern.fullmatch(path))


def read(cloudfront: Any, comment: str) -> Delivery:
    """The distribution that carries `comment`."""
    for page in cloudfront.get_paginator("list_distributions").paginate():
        for found in page["DistributionList"].get("Items", []):
            if found["Comment"] == comment:
                return _delivery(cloudfront, found["Id"])
    raise Unplayable(f"the local cloud has no distribution with the comment {comment!r}; expected one")


def _delivery(cloudfront: Any, distribution_id: str) -> Delivery:
    whole = cloudfront.get_distribution(Id=distribution_id)["Distribution"]
    config = whole["DistributionConfig"]
    origins = {origin["Id"]: origin for origin in config["Origins"]["Items"]}
    behaviours = config.get("CacheBehaviors", {}).get("Items", [])
    routes = [
        _route(cloudfront, behaviour, origins) for behaviour in [*behaviours, config["DefaultCacheBehavior"]]
    ]
    return Delivery(host=whole["DomainName"], routes=tuple(routes))


def _route(cloudfront: Any, behaviour: Mapping[str, Any], origins: Mapping[str, Mapping[str, Any]]) -> Route:
    pattern = behaviour.get("PathPattern", "*")
    origin = origins[behaviour["TargetOriginId"]]
    route = Route(pattern=_pattern(pattern), methods=frozenset(behaviour["AllowedMethods"]["Items"]))
    if "CustomOriginConfig" not in origin:
        return route  # the local cloud plays a bucket's behaviour itself, policy and all
    if not _API_HOST.fullmatch(origin["DomainName"]):
        raise Unplayable(
            f"the distribution sends {pattern} to {origin['DomainName']}; "
            "expected a bucket or an API of this machine"
        )
    for name in ("FunctionAssociations", "LambdaFunctionAssociations"):
        if behaviour.get(name, {}).get("Quantity"):
            raise Unplayable(f"the distribution has {name} on {pattern}, which the local edge can't run")
    policy_id = behaviour.get("ResponseHeadersPolicyId")
    return Route(
        pattern=route.pattern,
        methods=route.methods,
        api_host=origin["DomainName"],
        policy=_policy(cloudfront, policy_id) if policy_id else Policy(),
    )


def _pattern(text: str) -> re.Pattern[str]:
    """CloudFront's wildcards, `*` and `?`; a slash at the front is optional there."""
    path = text if text.startswith(("/", "*")) else "/" + text
    return re.compile(re.escape(path).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _policy(cloudfront: Any, policy_id: str) -> Policy:
    found = cloudfront.get_response_headers_policy(Id=policy_id)["ResponseHeadersPolicy"]
    config = found["ResponseHeadersPolicyConfig"]
    always = list(_security(config.get("SecurityHeadersConfig", {})))
    for item in config.get("CustomHeadersConfig", {}).get("Items", []):
        always.append(Header(item["Header"].lower(), item["Value"], item["Override"]))
    cors, preflight = _cors(config["CorsConfig"]) if "CorsConfig" in config else ((), ())
    return Policy(always=tuple(always), cors=cors, preflight=preflight)


def _cors(config: Mapping[str, Any]) -> tuple[tuple[Header, ...], tuple[Header, ...]]:
    """The headers for any request that names an origin, and those for a preflight only."""
    origins, overrides = config["AccessControlAllowOrigins"]["Items"], config["OriginOverride"]
    if origins != ["*"]:
        raise Unplayable(f"the response headers policy allows the origins {', '.join(origins)}; expected *")

    def lists(name: str, key: str) -> tuple[Header, ...]:
        items = config.get(key, {}).get("Items")
        return (Header(name, ", ".join(items), overrides),) if items else ()

    return (
        Header("access-control-allow-origin", "*", overrides),
        *lists("access-control-expose-headers", "AccessControlExposeHeaders"),
    ), (
        *lists("access-control-allow-methods", "AccessControlAllowMethods"),
        *lists("access-control-allow-headers", "AccessControlAllowHeaders"),
        Header("access-control-max-age", str(config.get("AccessControlMaxAgeSec", 0)), overrides),
    )


def _security(config: Mapping[str, Any]) -> Iterator[Header]:
    """All but Strict-Transport-Security and XSS protection: browsers ignore the one over http, the other
    always.
    """
    if found := config.get("ContentSecurityPolicy"):
        yield Header("content-security-policy", found["ContentSecurityPolicy"], found["Override"])
    if found := config.get("ContentTypeOptions"):
        yield Header("x-content-type-options", "nosniff", found["Override"])
    if found := config.get("FrameOptions"):
        yield Header("x-frame-options", found["FrameOption"], found["Override"])
    if found := config.get("ReferrerPolicy"):
        yield Header("referrer-policy", found["ReferrerPolicy"], found["Override"])
