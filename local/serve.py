"""One run of the platform: start it, deploy, tell what to try, then bring each changed source live.

In: where state goes and which ports. Out: lines for a person; a changed source is live within three seconds,
a broken one gets one line and the version before goes on. Always: what was started is stopped again,
whichever way this ends; all that isn't an interrupt ends as a `Refusal` of one sentence.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from local import delivery
from local.cloud import Cloud, CloudError
from local.delivery import Unplayable
from local.edge import Edge
from local.engine import DeployError, Deployment
from local.interrupt import Interrupts
from local.platform import ROOT, Platform
from local.preflight import Refusal
from local.sources import LOOK_S, Sources

STAGE = "local"
FAULTS = (BotoCoreError, ClientError, DeployError, Unplayable)


def platform(interrupts: Interrupts, *, state: Path, port: int, aws_port: int) -> NoReturn:
    """The whole platform, from this checkout."""
    began = time.monotonic()
    running = Platform(state=state, stage=STAGE, port=port, aws_port=aws_port, say=_detail)
    sources = Sources(ROOT, STAGE)
    with _refusing(), contextlib.ExitStack() as undo:
        undo.callback(running.stop)
        with interrupts.held():
            running.start()
        if fault := sources.fault():  # looked for while the deploying process gets ready
            raise Refusal(fault)
        say(f"deployed: {_told(running.deploy())} ({time.monotonic() - began:.1f} s)")
        print(_welcome(running), flush=True)
        while True:
            _look_after(running.cloud)
            _follow(running, sources)


def cloud(interrupts: Interrupts, *, state: Path, port: int, aws_port: int) -> NoReturn:
    """The local AWS with a memory of its own, and the site's address for whatever the CLI deploys on it."""
    running = Cloud(port=aws_port, state=state / "cloud-only")
    with _refusing(), contextlib.ExitStack() as undo:
        undo.callback(running.stop)
        with interrupts.held():
            running.start()
        edge = undo.enter_context(Edge(cloud_url=running.url, port=port))
        say(f"local AWS at {running.url}, log in {running.log}; pulumi up -s local puts a site at {edge.url}")
        while True:
            _look_after(running, pause_s=1.0)
            with contextlib.suppress(*FAULTS):  # nothing is deployed yet
                edge.show(delivery.read(running.client("cloudfront"), f"tickwire-{STAGE}-site"))


def say(line: str) -> None:
    print(f"tickwire: {line}", flush=True)


def _follow(running: Platform, sources: Sources) -> None:
    """Deploy what changed, if anything did and it can run."""
    changed = sources.changes()
    if not changed:
        return
    began = time.monotonic()
    fault = sources.fault()
    try:
        told = "" if fault else _told(running.deploy())
    except FAULTS as error:
        fault = str(error)
    if fault:
        say(f"{fault}; the version before goes on")
    else:
        say(f"{_listed(changed)} changed: {told} ({time.monotonic() - began:.1f} s)")


def _look_after(running: Cloud, *, pause_s: float = LOOK_S) -> None:
    """Wait for a moment; a local AWS that has ended ends everything."""
    time.sleep(pause_s)
    if not running.alive():
        raise Refusal(
            f"the local AWS has ended; {running.log} may say why, and starting again goes on from there"
        )


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (*FAULTS, CloudError, OSError) as error:
        raise Refusal(str(error)) from None


def _told(deployment: Deployment) -> str:
    kinds = ("created", "updated", "replaced", "deleted")
    counts = [f"{len(names)} {kind}" for kind in kinds if (names := getattr(deployment, kind))]
    return ", ".join([*counts, f"{deployment.same} as before"])


def _listed(paths: tuple[str, ...]) -> str:
    return ", ".join(paths) if len(paths) <= 3 else f"{', '.join(paths[:2])} and {len(paths) - 2} more"


def _detail(line: str) -> None:
    """Progress of a deploy, resource by resource: only where somebody asked for it. Warnings always."""
    if line.startswith("warning: ") or os.environ.get("TICKWIRE_VERBOSE"):
        say(line)


def _welcome(running: Platform) -> str:
    url, key = running.url, running.key
    return f"""
  page       {url}
  API        {url}/api/prices
  local AWS  {running.aws_url}   (log: {running.cloud.log})
  write key  {key}

Three things to try:
  1. Open {url} and watch prices move.
  2. Subscribe: .venv/bin/tickwire watch AAPL --url {url}
     or in Python (.venv/bin/python -m asyncio):
       from tickwire_client import Client
       async with Client("{url}") as prices:
           async for tick in prices.ticks("AAPL"):
               print(tick.symbol, tick.price)
     or with any MQTT client, at the address that this prints: .venv/bin/tickwire url --url {url}
  3. Send a price of your own:
       .venv/bin/tickwire publish AAPL 189.45 --url {url} --key {key}

Ctrl-C stops it all; history stays.
"""
