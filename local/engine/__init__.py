"""The Pulumi program evaluated in-process and brought about with boto3 on the local cloud, without the Pulumi
CLI.

    from local.engine import Warm, read_config

    config, secrets = read_config(program, "local")
    with Warm() as warm:
        warm.deploy(program, stage="local", state=directory, endpoint=url, config=config, secrets=secrets)

From the outside in: `warm` asks, `worker` forks, `run` evaluates, `monitor` answers Pulumi's runtime, `work`
decides and remembers (`state`), `kind` and `services/` know AWS's resource types.
"""

from __future__ import annotations

from local.engine.deployment import DeployError, Deployment, Say
from local.engine.project import read_config
from local.engine.warm import Warm, deploy, destroy

__all__ = ["DeployError", "Deployment", "Say", "Warm", "deploy", "destroy", "read_config"]
