"""What a deploy hands back, and the one error that it raises.

Nothing here imports the Pulumi SDK, so a caller that only asks for a deploy stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]
"""Takes one finished line of progress for a person to read. It never holds a secret."""


class DeployError(Exception):
    """A deploy that didn't end well. The text is a sentence for each resource that failed, no traceback.

    What was made before is kept in the state; the next deploy goes on from there.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What one deploy did (or, as a preview, would do). Resources are named "type name"."""

    outputs: dict[str, object]
    """The stack's exports, secrets unwrapped. A preview leaves out what it can't know yet."""
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    same: int = 0
    duration_s: float = 0.0
    secret_outputs: frozenset[str] = frozenset()
    """Names of the exports that must not be printed."""

    @property
    def changed(self) -> bool:
        return bool(self.created or self.updated or self.replaced or self.deleted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that one deploy needs to know; it crosses to the deploying process as JSON."""

    program: Path
    stage: str
    state: Path
    """The directory that holds the state, one file a stage."""
    endpoint: str
    config: Mapping[str, object]
    secrets: frozenset[str] = frozenset()
    preview: bool = False
