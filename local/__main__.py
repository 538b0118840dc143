"""`python -m local`: the whole platform on this machine, until Ctrl-C.

In: the checkout; TICKWIRE_PORT, TICKWIRE_AWS_PORT and TICKWIRE_STATE from the environment. Out: addresses and things
to try on standard output; a changed source is live within three seconds; a broken one gets one line and the version
before goes on. Whatever ends it, nothing that it started is left running. Exit status: 0 or 130 for Ctrl-C, 1 with one
sentence for anything that can't be.

With --cloud-only it starts the local cloud alone, for the Pulumi CLI: `pulumi up -s local`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local import preflight
from local.interrupt import Interrupts, Stop

if TYPE_CHECKING:
    from local.engine import Deployment
    from local.platform import Platform
    from local.sources import Sources

ROOT = Path(__file__).resolve().parent.parent
STAGE = "local"


class Ended(Exception):
    """It can't go on. The text is one sentence."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="The whole platform on this machine.")
    parser.add_argument("--cloud-only", action="store_true", help="only the local cloud, for pulumi up -s local")
    given = parser.parse_args(arguments)
    interrupts = Interrupts()
    try:
        return _run(interrupts, cloud_only=given.cloud_only)
    except Stop as stop:
        say("stopped")
        return stop.status
    except preflight.Refusal as refusal:
        return _fail(str(refusal))


def _run(interrupts: Interrupts, *, cloud_only: bool) -> int:
    began = time.monotonic()
    port, aws_port = preflight.ports(os.environ)
    state = Path(preflight.state(str(ROOT), os.environ))
    # Not before the signals are taken care of and the sentences above are said: these take their time.
    from botocore.exceptions import BotoCoreError, ClientError

    from local.cloud import Cloud, CloudError
    from local.delivery import Unplayable
    from local.engine import DeployError
    from local.platform import Platform
    from local.sources import Sources

    try:
        if cloud_only:
            cloud = Cloud(port=aws_port, state=state / "cloud")
            try:
                with interrupts.held():
                    cloud.start()
                say(f"local AWS at {cloud.url}, log in {cloud.log}; Ctrl-C stops it")
                while cloud.alive():
                    time.sleep(0.2)
                raise Ended(f"the local AWS ended; {cloud.log} may say why")
            finally:
                cloud.stop()
        platform = Platform(state=state, stage=STAGE, port=port, aws_port=aws_port, say=detail)
        sources = Sources(ROOT, STAGE)
        try:
            with interrupts.held():
                platform.start()
            # While the deploying process gets ready.
            if fault := sources.fault():
                raise Ended(fault)
            _deploy(platform, began)
            _watch(platform, sources)
        finally:
            platform.stop()
    except (CloudError, DeployError, Ended, Unplayable, BotoCoreError, ClientError, OSError) as error:
        return _fail(str(error))
    return 0


def _deploy(platform: Platform, began: float) -> None:
    deployment = platform.deploy()
    say(f"{_told(deployment)} ({time.monotonic() - began:.1f} s)")
    print(_WELCOME.format(url=platform.url, aws=platform.aws_url, key=platform.key, log=platform.cloud.log), flush=True)


def _watch(platform: Platform, sources: Sources) -> None:
    """Bring changed sources live until something ends."""
    from botocore.exceptions import BotoCoreError, ClientError

    from local.delivery import Unplayable
    from local.engine import DeployError
    from local.sources import LOOK_S

    while True:
        time.sleep(LOOK_S)
        if not platform.cloud.alive():
            raise Ended(f"the local AWS ended; {platform.cloud.log} may say why, and make run starts again")
        changed = sources.changes()
        if not changed:
            continue
        began = time.monotonic()
        fault = sources.fault()
        try:
            told = fault or _told(platform.deploy())
        except (DeployError, Unplayable, BotoCoreError, ClientError) as error:
            fault = str(error)
        if fault:
            say(f"{fault}; the version before goes on")
        else:
            say(f"{_listed(changed)} changed: {told} ({time.monotonic() - began:.1f} s)")


def _told(deployment: Deployment) -> str:
    parts = [
        f"{len(names)} {what}"
        for what in ("created", "updated", "replaced", "deleted")
        if (names := getattr(deployment, what))
    ]
    return "deployed: " + ", ".join([*parts, f"{deployment.same} as before"])


def _listed(paths: tuple[str, ...]) -> str:
    return ", ".join(paths) if len(paths) <= 3 else f"{', '.join(paths[:2])} and {len(paths) - 2} more"


def say(line: str) -> None:
    print(f"tickwire: {line}", flush=True)


def detail(line: str) -> None:
    """Progress of a deploy, resource by resource: only where somebody asked for it."""
    if os.environ.get("TICKWIRE_VERBOSE"):
        say(line)


def _fail(text: str) -> int:
    sys.stderr.write(f"tickwire: {text.rstrip('.')}.\n")
    return 1


_WELCOME = """
  page       {url}
  API        {url}/api/prices
  local AWS  {aws}   (its log, with what functions print: {log})
  write key  {key}

Three things to try:
  1. Open {url} and watch prices move.
  2. Subscribe: .venv/bin/tickwire watch AAPL --url {url}
     or in Python, with .venv/bin/python -m asyncio:
       from tickwire_client import Client
       async with Client("{url}") as prices:
           async for tick in prices.ticks("AAPL"): print(tick.symbol, tick.price)
     or with any MQTT client, at the address that .venv/bin/tickwire url --url {url} prints.
  3. Send a price of your own:
       .venv/bin/tickwire publish AAPL 189.45 --url {url} --key {key}

Ctrl-C stops it all; history stays.
"""

if __name__ == "__main__":
    sys.exit(main())
