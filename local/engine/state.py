"""What one stage has in the cloud, kept in one JSON file.

In: resources as they are made, changed and gone. Out: the file, readable by its owner only (it holds
secrets), replaced in one step, and written only when something changed. A resource is noted as `making`
before the call that makes it, so a run that was killed leaves nothing that the next one doesn't know of. One
run at a time holds the file.

`marker` is what the last complete run left in the cloud. While it can be read back there, the state is
believed unseen; when it can't (another server, one restarted from an older memory, a killed run), each
resource is looked for and its last update made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from local.engine.deployment import DeployError

VERSION = 1
LOCK_S = 15.0
"""How long a run waits for another of the same stage to end."""


@dataclass(slots=True, kw_only=True, eq=False)
class Resource:
    """One resource as the last run that touched it left it."""

    urn: str
    type: str
    ref: str = ""
    """Its id; empty while it's being made."""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    region: str = ""
    needs: list[str] = field(default_factory=list)
    """URNs that must outlive it: its dependencies and its parent."""
    needs_by_property: dict[str, list[str]] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    """What its last update changed, as it was (None: absent), for a cloud that lost that update."""
    deleted_with: str = ""
    protect: bool = False
    retain: bool = False
    status: Literal["making", "made"] = "made"

    def take_back(self) -> None:
        """Believe that the last update didn't happen; it is harmless to make it again."""
        inputs = {**self.inputs, **self.before}
        self.inputs = {name: value for name, value in inputs.items() if value is not None}

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def label(self) -> str:
        return f"{self.type} {self.name}"


class State:
    """The resources of one stage by URN, and those that a replacement left behind to be deleted."""

    def __init__(self, file: Path, endpoint: str) -> None:
        self.file = file
        self.endpoint = endpoint
        self.id = uuid.uuid4().hex
        self.marker: str | None = None
        self.resources: dict[str, Resource] = {}
        self.leaving: list[Resource] = []
        self.lock = threading.RLock()
        """Held for every look at or change of the fields above, never during a call to AWS."""
        self._saving = threading.Lock()
        self._saved = ""

    @classmethod
    def load(cls, directory: Path, stage: str, endpoint: str) -> State:
        state = cls(directory / f"{stage}.json", endpoint)
        try:
            text = state.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return state  # a stage's first deploy
        except OSError as error:
            raise DeployError(f"{state.file} can't be read: {error.strerror}") from None
        try:
            content = json.loads(text)
            if content["version"] != VERSION:
                raise ValueError(f"version {content['version']}")
            state.id, state.marker = content["id"], content["marker"]
            moved = _mover(content["endpoint"], endpoint)
            for one in content["resources"]:
                resource = Resource(**{**one, "ref": moved(one["ref"]), "outputs": moved(one["outputs"])})
                state.resources[resource.urn] = resource
            state.leaving = [Resource(**one) for one in content["leaving"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DeployError(
                f"{state.file} isn't a state of this version ({error}); "
                "delete it together with the local cloud's own state to start afresh"
            ) from None
        state._saved = state._text()
        return state

    def save(self) -> None:
        """Write the file if it would differ. Threads that ask meanwhile are served by one write."""
        with self._saving:
            text = self._text()
            if text == self._saved:
                return
            draft = self.file.with_suffix(".tmp")
            try:
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                    out.write(text)
                draft.replace(self.file)
            except OSError as error:
                raise DeployError(f"{self.file} can't be written: {error.strerror}") from None
            self._saved = text

    def remove(self) -> None:
        """Nothing is left to remember."""
        with self._saving:
            self.file.unlink(missing_ok=True)
            self._saved = ""

    @property
    def marker_name(self) -> str:
        """The SSM parameter that holds the marker."""
        return f"/local-engine/{self.file.stem}/{self.id}"

    def unmark(self) -> None:
        """Something is about to change: until this run is complete, the state isn't believed unseen."""
        with self.lock:
            self.marker = None
        self.save()

    @staticmethod
    @contextlib.contextmanager
    def held(directory: Path, stage: str) -> Iterator[None]:
        """Keep other runs of this stage out; a sentence when one doesn't end in time."""
        path = directory / f"{stage}.lock"
        deadline = time.monotonic() + LOCK_S
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = path.open("a")
        except OSError as error:
            raise DeployError(f"{path} can't be written: {error.strerror}") from None
        with handle:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise DeployError(
                            f"{path} is held by another deploy of this stage; let it end first"
                        ) from None
                    time.sleep(0.05)
            yield

    def refs(self, kind: str) -> frozenset[str]:
        with self.lock:
            everything = [*self.resources.values(), *self.leaving]
            return frozenset(one.ref for one in everything if one.type == kind and one.ref)

    def _text(self) -> str:
        """One resource a line, which reads well and writes fast."""
        with self.lock:
            head = json.dumps(
                {"version": VERSION, "id": self.id, "endpoint": self.endpoint, "marker": self.marker}
            )
            resources = ",\n".join(_line(one) for one in self.resources.values())
            leaving = ",\n".join(_line(one) for one in self.leaving)
        return f'{head[:-1]}, "resources": [\n{resources}\n], "leaving": [\n{leaving}\n]}}\n'


_FIELDS = tuple(one.name for one in fields(Resource))


def _line(resource: Resource) -> str:
    return json.dumps({name: getattr(resource, name) for name in _FIELDS})


def last_first(resources: Sequence[Resource]) -> list[Resource]:
    """The resources with each before all that it needs. Two may share a URN: both were replaced."""
    by_urn: dict[str, list[Resource]] = {}
    for one in resources:
        by_urn.setdefault(one.urn, []).append(one)
    ordered: list[Resource] = []
    visited: set[str] = set()

    def visit(urn: str) -> None:
        if urn in visited or urn not in by_urn:
            return
        visited.add(urn)
        for one in by_urn[urn]:
            for need in one.needs:
                visit(need)
        ordered.extend(by_urn[urn])

    for urn in by_urn:
        visit(urn)
    return ordered[::-1]


def _mover(before: str, after: str) -> Any:
    """What turns the addresses of a cloud at one port into those at another."""
    old, new = urlsplit(before).port, urlsplit(after).port
    pattern = re.compile(rf"(?<=:){old}(?=[/?#]|$)")

    def moved(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(str(new), value) if "://" in value else value
        if isinstance(value, dict):
            return {key: moved(one) for key, one in value.items()}
        return [moved(one) for one in value] if isinstance(value, list) else value

    return moved if old != new else lambda value: value
