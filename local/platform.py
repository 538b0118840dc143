"""A whole stage on this machine: a local cloud, the program deployed on it, and the edge before it.

In: where its state goes, ports, settings over the stage's own. Out: `url`, `aws_url`, `key`, `outputs`,
clients of its AWS. `with` starts and stops it: whatever goes wrong between, nothing that it started is left
running. `make run` is this with a watch on the sources; the tests use the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import delivery
from local.cloud import Cloud
from local.edge import Edge
from local.engine import Deployment, Say, Warm, read_config
from tickwire.brakes import PAUSE

ROOT = Path(__file__).resolve().parent.parent
KEY_BYTES = 24


class Platform:
    """One stage, from the program in `program`. With `keep` its cloud remembers, else only the key stays."""

    def __init__(
        self,
        *,
        state: Path,
        stage: str = "local",
        program: Path = ROOT,
        keep: bool = True,
        port: int = 0,
        aws_port: int = 0,
        limits: bool = True,
        settings: Mapping[str, object] | None = None,
        say: Say = print,
    ) -> None:
        """Ports that are 0 are any free ones. `settings` are the stage's own keys, such as {"feedPaused":
        True}. Without `limits` the broker takes what AWS's would refuse.
        """
        self.stage, self.program, self.state = stage, program, state
        self.outputs: Mapping[str, Any] = {}
        self.cloud = Cloud(port=aws_port, state=state / "cloud" if keep else None, limits=limits)
        self._port, self._keep = port, keep
        self._settings = dict(settings or {})
        self._say = say
        self._running = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """The site's address; the API is below `/api`."""
        return self._edge.url

    @property
    def aws_url(self) -> str:
        return self.cloud.url

    @property
    def discovery(self) -> dict[str, Any]:
        """What `GET /tickwire.json` says at this moment."""
        with urllib.request.urlopen(f"{self.url}/tickwire.json", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    @property
    def key(self) -> str:
        """The key for writes, made once and kept with the state."""
        file = self.state / "api-key"
        with contextlib.suppress(FileNotFoundError):
            return file.read_text().strip()
        made = secrets.token_urlsafe(KEY_BYTES)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(made + "\n")
        return made

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client of its AWS, as root."""
        return self.cloud.client(service, **settings)

    def start(self) -> None:
        """The cloud, the edge (503 until something is deployed) and a process ready to deploy."""
        with contextlib.ExitStack() as running:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            # First, as it takes the longest to get ready and needs nobody's attention for that.
            self._warm = running.enter_context(Warm(self.cloud.url if self.cloud.port else None))
            running.enter_context(self.cloud)
            self._edge = running.enter_context(Edge(cloud_url=self.cloud.url, port=self._port))
            self._running = running.pop_all()

    def deploy(self, **settings: object) -> Deployment:
        """Bring the stage to what the program says, show it, and wake the feed if it's new or another one.

        `settings` are remembered for later deploys. DeployError says what is wrong; what was shown goes on.
        """
        self._settings |= settings
        config, secret = read_config(self.program, self.stage)
        config |= {"tickwire:awsUrl": self.aws_url, "tickwire:siteUrl": self.url, "tickwire:apiKey": self.key}
        config |= {f"tickwire:{key}": value for key, value in self._settings.items()}
        deployment = self._warm.deploy(
            self.program,
            stage=self.stage,
            state=self.state / "stages",
            endpoint=self.aws_url,
            config=config,
            secrets=secret | {"tickwire:apiKey"},
            say=self._say,
        )
        first, self.outputs = not self.outputs, deployment.outputs
        self._edge.show(delivery.read(self.client("cloudfront"), f"tickwire-{self.stage}-site"))
        brakes: Any = self.outputs.get("brakes", ())
        is_paused = config.get("tickwire:feedPaused") or PAUSE in brakes
        if not is_paused and (first or _touched_feed(deployment)):
            self.wake_feed()
        return deployment

    def wake_feed(self) -> None:
        """Prices at once, not at the next minute. A feed that runs already is no harm: the two agree."""
        if self.outputs.get("feed"):
            self.client("lambda").invoke(FunctionName=self.outputs["feed"], InvocationType="Event")

    def stop(self) -> None:
        self._running.close()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            self.start()
            self.deploy()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _touched_feed(deployment: Deployment) -> bool:
    names = (*deployment.created, *deployment.updated, *deployment.replaced)
    return any(name.endswith("function:Function feed") for name in names)
