"""One deploy, in this process: evaluate the program, bring its resources about, sweep, and remember.

In: a `Request`. Out: a `Deployment`, or a `DeployError`. The process must be a fresh one (`local.engine.warm`
forks it): the program's modules are imported, the working directory becomes the program's, and Pulumi's
runtime is set up once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import runpy
import sys
import time
import traceback
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import RunError
from pulumi.runtime import config as runtime_config
from pulumi.runtime import settings, stack

from local.engine.aws import DEFAULT_REGION, Aws, Clients, is_missing, is_unreachable, sentence, tolerating
from local.engine.deployment import DeployError, Deployment, Request, Say
from local.engine.monitor import Log, Monitor, Provider
from local.engine.project import as_runtime_text, project_name
from local.engine.state import State
from local.engine.values import provider_settings
from local.engine.work import Work

THREADS = 8
"""Resources that are brought about at once; the local cloud is one process and gains nothing from more."""


def deploy(request: Request, say: Say, clients: Clients) -> Deployment:
    """Bring the cloud to what the program says; as a preview, only tell what that would take."""
    project = project_name(request.program)
    aws_settings = {
        key.removeprefix("aws:"): one for key, one in request.config.items() if key.startswith("aws:")
    }
    provider = Provider.of(provider_settings(aws_settings))
    with _opened(request, provider.region, say, clients) as run:
        texts = as_runtime_text(request.config)
        monitor = Monitor(
            project=project,
            stage=request.stage,
            provider=provider,
            secret_texts=[texts[key] for key in request.secrets & texts.keys()],
            work=run.work,
        )
        run.work.say = lambda line: say(monitor.without_secrets(line))
        try:
            _evaluate(request, project, monitor, run.work.say)
        except (Exception, SystemExit) as error:
            if not monitor.errors:
                raise DeployError(monitor.without_secrets(_of_program(error, request.program))) from None
        finally:
            run.keep()
        if monitor.errors:
            raise DeployError("\n".join(monitor.errors))
        try:
            run.finish(monitor.registered)
        except DeployError as error:
            raise DeployError(monitor.without_secrets(str(error))) from None
        return run.told(monitor.outputs, monitor.secret_outputs)


def destroy(request: Request, say: Say, clients: Clients) -> Deployment:
    """Delete all that the stage has, dependants first. A protected resource refuses before anything goes."""
    with _opened(request, DEFAULT_REGION, say, clients) as run:
        run.finish(frozenset())
        return run.told({}, frozenset())


@dataclass(slots=True, kw_only=True)
class _Run:
    state: State
    work: Work
    preview: bool
    began: float

    def keep(self) -> None:
        if not self.preview:
            self.state.save()

    def finish(self, registered: Collection[str]) -> None:
        """Delete what has no place any more; then leave the mark by which the next run knows this cloud."""
        self.work.sweep(set(registered))
        if self.preview:
            return
        aws, state = self.work.aws, self.state
        if not state.resources and not state.leaving:
            with tolerating(is_missing):
                aws.call("ssm", "DeleteParameter", Name=state.marker_name)
            state.remove()
        elif state.marker is None:
            mark = uuid.uuid4().hex
            aws.call("ssm", "PutParameter", Name=state.marker_name, Value=mark, Type="String", Overwrite=True)
            state.marker = mark
            state.save()

    def told(self, outputs: dict[str, Any], secret: frozenset[str]) -> Deployment:
        done = self.work.done
        return Deployment(
            outputs=outputs,
            created=tuple(sorted(done.created)),
            updated=tuple(sorted(done.updated)),
            replaced=tuple(sorted(done.replaced)),
            deleted=tuple(sorted(done.deleted)),
            same=done.same,
            duration_s=round(time.monotonic() - self.began, 3),
            secret_outputs=secret,
        )


@contextlib.contextmanager
def _opened(request: Request, region: str, say: Say, clients: Clients) -> Iterator[_Run]:
    """The stage's state, checked against the cloud. A preview takes no lock and writes nothing."""
    began = time.monotonic()
    try:
        aws = Aws(clients, region)
    except Exception as error:
        if is_unreachable(error):
            raise DeployError(
                f"the local cloud at {request.endpoint} doesn't answer; start it first"
            ) from None
        raise DeployError(sentence(error)) from None
    with contextlib.ExitStack() as held:
        if not request.preview:
            held.enter_context(State.held(request.state, request.stage))
        state = State.load(request.state, request.stage, request.endpoint)
        run = _Run(
            state=state,
            work=Work(state=state, aws=aws, say=say, preview=request.preview),
            preview=request.preview,
            began=began,
        )
        _forget_lost(run)
        yield run


def _forget_lost(run: _Run) -> None:
    """Unless the cloud has the last complete run's mark, look for each resource; forget the lost."""
    state, aws = run.state, run.work.aws
    if not state.resources or (state.marker is not None and state.marker == _mark(aws, state)):
        return
    known = [*state.resources.values(), *state.leaving]
    with ThreadPoolExecutor(THREADS) as executor:
        try:
            lost = [
                one
                for one, is_lost in zip(known, executor.map(run.work.removal.lost, known), strict=True)
                if is_lost
            ]
        except Exception as error:
            raise DeployError(sentence(error)) from None
    if lost:
        run.work.say(
            f"the local cloud has {len(known) - len(lost)} of {len(known)} resources; making the others again"
        )
    state.marker = None
    state.resources = {urn: one for urn, one in state.resources.items() if one not in lost}
    state.leaving = [one for one in state.leaving if one not in lost]
    for one in state.resources.values():
        one.take_back()


def _mark(aws: Aws, state: State) -> str | None:
    with tolerating(is_missing):
        return str(aws.call("ssm", "GetParameter", Name=state.marker_name)["Parameter"]["Value"])
    return None


def _evaluate(request: Request, project: str, monitor: Monitor, say: Say) -> None:
    settings.ROOT.set(None)
    settings.configure(
        settings.Settings(
            project=project,
            stack=request.stage,
            monitor=monitor,
            engine=Log(say),
            dry_run=request.preview,
            organization="organization",
            root_directory=str(request.program),
        )
    )
    runtime_config.set_all_config(as_runtime_text(request.config), sorted(request.secrets))
    os.chdir(request.program)
    sys.path.insert(0, str(request.program))
    # Not uvloop: the SDK pumps asyncio's own internals.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda *_: None)  # an error's echoes in tasks that waited for it
    executor = ThreadPoolExecutor(THREADS)
    loop.set_default_executor(executor)
    main = str(request.program / "__main__.py")
    try:
        loop.run_until_complete(stack.run_in_stack(lambda: _run_main(main)))
    finally:
        # What is under way ends and is remembered; what hasn't begun doesn't begin.
        executor.shutdown(wait=True, cancel_futures=True)


def _run_main(main: str) -> None:
    runpy.run_path(main, run_name="__main__")


def _of_program(error: BaseException, program: Path) -> str:
    """A sentence: the program's own errors are some already, any other gets the line it came from."""
    if isinstance(error, RunError | DeployError | SystemExit):
        return str(error)
    defined_in = getattr(sys.modules.get(type(error).__module__), "__file__", None)
    if (defined_in and Path(defined_in).is_relative_to(program)) or type(error).__module__ == "__main__":
        return str(error)
    frames = [
        one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(program)
    ]
    where = f"{Path(frames[-1].filename).relative_to(program)}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(error).__name__}: {' '.join(str(error).split())}"
