"""The stage's settings, read from Pulumi's configuration before any resource exists.

In: the `tickwire:` keys of Pulumi.yaml and Pulumi.<stage>.yaml, which reach the program as text. Out: a
frozen `Stage` with the brakes that are in force, or one sentence that ends the program. The key for writes is
a secret: it never enters the `Stage`, and only its digest leaves this file.
"""

from __future__ import annotations

import hashlib

import pulumi
from pulumi.runtime import config as bag

from components import budget
from components.brakes import braked
from tickwire import headroom
from tickwire.errors import ConfigError
from tickwire.stage import Stage, typed

_NAMESPACE = "tickwire:"
_KEY = "apiKey"
KEY_LENGTH_MIN = 24


def read_stage() -> Stage:
    """The stage that `pulumi up` is for, with the brakes in force.

    Raises RunError, which Pulumi prints without a traceback.
    """
    ours = {key: value for key, value in _bag().items() if key.startswith(_NAMESPACE)}
    settings = {key.removeprefix(_NAMESPACE): value for key, value in ours.items()}
    key = settings.pop(_KEY, "")
    try:
        _check_key(key)
        stage = Stage.parse(
            {name: typed(name, value) for name, value in settings.items()}, name=pulumi.get_stack()
        )
        stage = budget.checked(stage)  # with its calendar's sessions; here, nothing exists yet
        _check_limits(stage)
        return braked(stage)
    except ConfigError as error:
        raise pulumi.RunError(f"Pulumi.{pulumi.get_stack()}.yaml: {error}") from None


def read_key_digest() -> pulumi.Output[str]:
    """SHA-256 of the key for writes, in hex and secret; empty when no key is set, which means no writes."""
    key = _bag().get(_NAMESPACE + _KEY, "")
    return pulumi.Output.secret(hashlib.sha256(key.encode()).hexdigest() if key else "")


def _bag() -> dict[str, str]:
    """Every configured key, known to us or not; `pulumi.Config` only answers for keys one asks for."""
    return {**bag.get_config_env(), **bag.CONFIG.get()}


def _check_limits(stage: Stage) -> None:
    """Refuse what no viewer could follow; warn of what needs a quota raised."""
    region = _bag().get("aws:region", "us-east-1")
    headroom.refuse(stage, region=region)
    for warning in headroom.warnings(stage, region=region):
        pulumi.log.warn(f"limits: {warning}")


def _check_key(key: str) -> None:
    # Pulumi.yaml can't say `secret: true`: that would make the key a must for every stage.
    if key and not bag.is_config_secret(_NAMESPACE + _KEY):
        raise ConfigError(
            f"{_KEY} stands in plain text; expected a secret: pulumi config set --secret {_KEY}"
        )
    if key and len(key) < KEY_LENGTH_MIN:
        raise ConfigError(
            f"{_KEY} has {len(key)} characters; expected at least {KEY_LENGTH_MIN} (openssl rand -hex 24)"
        )
