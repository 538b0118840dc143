"""Deploying the program on one machine: from nothing, with nothing changed, with one handler changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.report import Row, Section, load
from local.cloud import Cloud
from local.engine import Deployment, Warm, deploy, read_config

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = shutil.ignore_patterns(".git", ".local", ".venv", "node_modules", "__pycache__")


def run() -> list[Section]:
    with tempfile.TemporaryDirectory() as folder, Cloud() as cloud:
        program, state = Path(folder) / "program", Path(folder) / "state"
        shutil.copytree(ROOT, program, ignore=SKIPPED)
        config, secrets = read_config(program, "local")
        config = {**config, "tickwire:awsUrl": cloud.url}

        def once() -> tuple[float, Deployment]:
            began = time.monotonic()
            done = deploy(
                program,
                stage="local",
                state=state,
                endpoint=cloud.url,
                config=config,
                secrets=secrets,
                say=_quiet,
            )
            return time.monotonic() - began, done

        fresh_s, fresh = once()
        again_s, again = once()
        edit_s = _edited(program, state, cloud.url, config, secrets)
    import_s = _import_s()
    return [
        Section(
            title="Deploying on one machine",
            rows=[
                Row(
                    what=f"from nothing, {len(fresh.created)} resources", value=fresh_s, unit="s", at_most=10
                ),
                Row(what="nothing changed", value=again_s, unit="s", at_most=5),
                Row(what="of it, resources changed", value=float(again.changed), unit="", at_most=0),
                Row(what="of it, importing the provider's SDK", value=import_s, unit="s"),
                Row(what="a changed handler, by the watch's warm process", value=edit_s, unit="s", at_most=3),
            ],
            notes=[f"Each as a new process but the last; {load()}."],
        )
    ]


def _edited(
    program: Path, state: Path, endpoint: str, config: Mapping[str, object], secrets: frozenset[str]
) -> float:
    with Warm(endpoint) as warm:

        def once() -> Deployment:
            return warm.deploy(
                program,
                stage="local",
                state=state,
                endpoint=endpoint,
                config=config,
                secrets=secrets,
                say=_quiet,
            )

        once()
        with (program / "handlers" / "query.py").open("a") as source:
            source.write("\n# changed\n")
        began = time.monotonic()
        assert once().updated, "the change was not seen"
        return time.monotonic() - began


def _quiet(line: str) -> None:
    """A deploy's progress is not what is measured here."""


def _import_s() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import components.site, components.ingest"], cwd=ROOT, check=True)
    return time.monotonic() - began
