"""A small Pulumi program in a folder of its own, and short ways to deploy it and to look at what that did."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from local.cloud import Cloud
from local.engine import Deployment, Warm

# Put before each program: it runs in the deploying process, so it can watch the engine's own calls to AWS.
_WATCH = """
import os, signal
import botocore.client
from pathlib import Path
_here = Path(__file__).parent
_call = botocore.client.BaseClient._make_api_call
def _watched(client, operation, arguments):
    answer = _call(client, operation, arguments)
    if not arguments.get("Name", "").startswith("/local-engine/"):
        with (_here / "calls").open("a") as calls:
            calls.write(operation + "\\n")
    fatal = _here / "fatal"
    if fatal.exists() and fatal.read_text() == operation:
        fatal.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
botocore.client.BaseClient._make_api_call = _watched
"""
_READS = ("Get", "List", "Describe", "Head")


class Lab:
    """One program, one stage that no other test has."""

    def __init__(self, *, cloud: Cloud, warm: Warm, folder: Path, stage: str) -> None:
        self.cloud, self.warm, self.stage = cloud, warm, stage
        self.program, self.state = folder / "program", folder / "state"
        self.program.mkdir()
        (self.program / "Pulumi.yaml").write_text("name: lab\nruntime: python\n")
        self.lines: list[str] = []

    def write(self, source: str) -> None:
        """The program's `__main__.py`; `name` in it gives names of this stage's own."""
        head = "import json\nimport pulumi\nimport pulumi_aws as aws\n"
        head += "from pulumi import ResourceOptions as Options\n"
        name = f"def name(noun): return '{self.stage}-' + noun\n"
        (self.program / "__main__.py").write_text(_WATCH + head + name + textwrap.dedent(source))

    def deploy(self, source: str | None = None, **more: Any) -> Deployment:
        if source is not None:
            self.write(source)
        (self.program / "calls").unlink(missing_ok=True)
        self.lines.clear()
        given = {"config": {}, "endpoint": self.cloud.url, **more}
        return self.warm.deploy(
            self.program, stage=self.stage, state=self.state, say=self.lines.append, **given
        )

    def preview(self, source: str | None = None, **more: Any) -> Deployment:
        return self.deploy(source, preview=True, **more)

    def destroy(self) -> Deployment:
        self.lines.clear()
        return self.warm.destroy(
            stage=self.stage, state=self.state, endpoint=self.cloud.url, say=self.lines.append
        )

    def name(self, noun: str) -> str:
        return f"{self.stage}-{noun}"

    def die_after(self, operation: str) -> None:
        """The next deploy is killed the moment AWS has answered this call, before the engine hears of it."""
        (self.program / "fatal").write_text(operation)

    @property
    def calls(self) -> list[str]:
        """The AWS operations of the last deploy from the program's first line on, the engine's mark apart."""
        file = self.program / "calls"
        return file.read_text().split() if file.exists() else []

    @property
    def changing_calls(self) -> list[str]:
        return [one for one in self.calls if not one.startswith(_READS)]

    @property
    def file(self) -> Path:
        return self.state / f"{self.stage}.json"

    @property
    def remembered(self) -> dict[str, Any]:
        """The state's resources by name."""
        kept = json.loads(self.file.read_text())
        return {one["urn"].rpartition("::")[2]: one for one in kept["resources"]}

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def distrust(self) -> None:
        """As if the last run had not ended well: the next looks for each resource."""
        kept = json.loads(self.file.read_text())
        self.file.write_text(json.dumps({**kept, "marker": None}))
