"""Who may do what: nobody unsigned, nobody with a wrong secret, every guest only as itself.

In: WebSocket upgrades and HTTP calls as ministack sees them. Out: the same, or ministack's own refusal
(403). Always: a session's rights are those of its role *now*, remembered for a second at most; credentials
that expire end no open connection, as on AWS.
"""

from __future__ import annotations

import dataclasses
import re
import time
from typing import Any

from local.ministack.patch import around, module, present, put

RECEIVE_REMEMBERED_S = 1.0
REMEMBERED_MAX = 20_000

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def apply() -> None:
    app, evaluator = module("app"), module("core.iam_evaluator")
    iot, sts, cognito = module("services.iot"), module("services.sts"), module("services.cognito")
    _verify_root(evaluator)
    _demand_signature(app, iot, evaluator)
    _resolve_variables(evaluator, sts)
    _judge_sessions(iot, sts, evaluator)
    _refuse_unknown_identities(cognito)
    _remember_parsing(evaluator)
    _name_batches(evaluator)
    _tell_policies(module("core.iam_actions"))


def _verify_root(evaluator: Any) -> None:
    """Check the signature of the root's keys (`test`, an account number) like any other's."""
    present(evaluator, "is_root_access_key")
    responses = module("core.responses")

    # Asked only by the code that exempts a key from the signature check. A request without any key is another
    # matter: what may be called unsigned is decided later, by action.
    put(evaluator, "_is_root_key", lambda key: not key)

    @around(evaluator, "resolve_caller_identity")
    def display(original: Any, key: str) -> Any:
        if not key or not evaluator.is_root_access_key(key):
            return original(key)
        account = responses.get_account_id()
        return {
            "accessKey": key,
            "accountId": account,
            "userArn": f"arn:aws:iam::{account}:root",
            "userId": account,
            "principalOrgId": None,
            "session": None,
        }


def _demand_signature(app: Any, iot: Any, evaluator: Any) -> None:
    """An MQTT upgrade is taken at this machine's own names too, at /mqtt only, and only when signed."""
    host = app._IOT_DATA_WS_RE.pattern + r"|^(127\.0\.0\.1|localhost)(:\d+)?$"
    put(app, "_IOT_DATA_WS_RE", re.compile(host))

    @around(iot, "_ws_handshake_check")
    def check(original: Any, scope: dict[str, Any]) -> Any:
        if scope.get("path") != "/mqtt":
            return evaluator.AuthError("InvalidPath", "MQTT is at /mqtt")
        return original(scope) or evaluator.AuthError(
            "MissingAuthenticationToken", "the upgrade is not signed"
        )


def _resolve_variables(evaluator: Any, sts: Any) -> None:
    """Policy variables in a role's policies: `${cognito-identity.amazonaws.com:sub}` and what else is
    known.
    """

    @around(evaluator, "resolve_principal")
    def resolve(original: Any, key: str, *args: Any, **named: Any) -> Any:
        principal = original(key, *args, **named)
        if isinstance(principal, evaluator.AuthError) or principal.policies is None:
            return principal
        session = sts._sessions.get(key) or {}
        if session.get("_identity_id"):
            principal.keys["cognito-identity.amazonaws.com:sub"] = session["_identity_id"]
            principal.keys["cognito-identity.amazonaws.com:aud"] = session.get("_identity_pool_id", "")
        principal.policies = [[_stated(s, principal.keys) for s in policy] for policy in principal.policies]
        return principal


def _stated(statement: Any, keys: dict[str, Any]) -> Any:
    """A statement with its variables filled in; a resource with one that nobody knows matches nothing."""
    if not any("${" in resource for resource in (*statement.resources, *statement.not_resources)):
        return statement
    return dataclasses.replace(
        statement,
        resources=_filled(statement.resources, keys) or (["(nothing)"] if statement.resources else []),
        not_resources=_filled(statement.not_resources, keys),
    )


def _filled(resources: list[str], keys: dict[str, Any]) -> list[str]:
    filled = []
    for resource in resources:
        names = _VARIABLE.findall(resource)
        if all(isinstance(keys.get(name.lower()), str) for name in names):
            filled.append(_VARIABLE.sub(lambda found: str(keys[found[1].lower()]), resource))
    return filled


def _judge_sessions(iot: Any, sts: Any, evaluator: Any) -> None:
    """A connection keeps the credentials it was opened with, however long; `iot:Receive` is asked once a
    second.

    Asking for each delivery is two thirds of a delivery's cost. Ministack forgets expired sessions when it
    makes a new one, and a connection older than its hour of credentials would then hear nothing any more.
    """
    present(iot, "request_scope", "EvalContext", "evaluate", "_connected_clients")
    remembered: dict[tuple[Any, ...], tuple[float, bool]] = {}
    credentials: dict[tuple[str, str], Any] = {}

    @around(iot, "_ws_handshake_check")
    def keep(original: Any, scope: dict[str, Any]) -> Any:
        checked = original(scope)
        if not isinstance(checked, evaluator.AuthError):
            if len(credentials) > REMEMBERED_MAX:
                _forget_closed(credentials, iot)
            credentials[checked.access_key_id, checked.account_id] = checked
        return checked

    @around(sts, "_evict_expired_sessions")
    def evict(original: Any) -> None:
        connected = {
            session.iam_credential[0]
            for session in list(iot._connected_clients.values())
            if session.iam_credential
        }
        kept = {key: sts._sessions[key] for key in connected if key in sts._sessions}
        original()
        sts._sessions.update(kept)

    @around(iot, "_mqtt_iam_allows")
    def allows(
        _original: Any, account: str, region: str, key: tuple[str, str], action: str, resource: str
    ) -> bool:
        question = (account, region, key, action, resource)
        now = time.monotonic()
        until, verdict = remembered.get(question, (0.0, False))
        if now < until:
            return verdict
        with iot.request_scope(key[1], region):
            principal = evaluator.resolve_principal(*key, credentials.get(key))
        if isinstance(principal, evaluator.AuthError):
            return False
        verdict = (
            principal.policies is None
            or iot.evaluate(
                iot.EvalContext(
                    principal_arn=principal.arn,
                    principal_type=principal.type,
                    principal_account=principal.account,
                    action=action,
                    resource_arn=f"arn:aws:iot:{region}:{account}:{resource}",
                    region=region,
                    principal_keys=principal.keys,
                ),
                principal.policies,
                *principal.limits,
            ).decision
            == "Allow"
        )
        if action == "iot:Receive":
            if len(remembered) > REMEMBERED_MAX:
                remembered.clear()
            remembered[question] = (now + RECEIVE_REMEMBERED_S, verdict)
        return bool(verdict)


def _forget_closed(credentials: dict[tuple[str, str], Any], iot: Any) -> None:
    connected = {session.iam_credential for session in list(iot._connected_clients.values())}
    for key in [key for key in credentials if key not in connected]:
        del credentials[key]


def _refuse_unknown_identities(cognito: Any) -> None:
    """Credentials for an identity that no pool knows are refused, as on AWS, rather than made worthless."""
    present(cognito, "_identity_pools", "error_response_json")

    @around(cognito, "_get_credentials_for_identity")
    def credentials(original: Any, data: dict[str, Any]) -> Any:
        identity = data.get("IdentityId")
        if any(identity in pool.get("_identities", ()) for pool in cognito._identity_pools.values()):
            return original(data)
        return cognito.error_response_json(
            "ResourceNotFoundException", f"Identity '{identity}' not found.", 400
        )


def _remember_parsing(evaluator: Any) -> None:
    """A policy's text is parsed once, not for each request; `_stated` copies what it changes."""
    parsed: dict[str, Any] = {}

    @around(evaluator, "parse_policy_document", module("services.iot"))
    def parse(original: Any, document: Any) -> Any:
        if not isinstance(document, str):
            return original(document)
        statements = parsed.get(document)
        if statements is None:
            if len(parsed) >= 1_000:
                parsed.clear()
            statements = parsed[document] = original(document)
        return statements


def _name_batches(evaluator: Any) -> None:
    """SQS has no rights of its own for batches: `SendMessageBatch` asks for `sqs:SendMessage`, as on AWS."""

    @around(evaluator, "enforce")
    def enforce(original: Any, key: str, action: str, service: str, *args: Any, **named: Any) -> Any:
        return original(
            key, action.removesuffix("Batch") if service == "sqs" else action, service, *args, **named
        )


def _tell_policies(actions: Any) -> None:
    """Who attaches a policy to a role is asked which: `iam:PolicyARN`."""

    @around(actions, "request_tag_context")
    def context(
        original: Any, service: str, action: str, body: bytes, params: dict[str, Any]
    ) -> dict[str, Any]:
        known: dict[str, Any] = original(service, action, body, params)
        arn = params.get("PolicyArn")
        if service == "iam" and arn:
            known["iam:PolicyARN"] = arn[0] if isinstance(arn, list) else arn
        return known
