"""Bring resources to what the program wants, one call at a time, and remember each step.

In: a `Wanted` for each resource that the program registers, from several threads at once, each after all that
it needs. Out: its id and properties; what was done is in `done`. A preview takes the same decisions and makes
no call that changes anything.

A resource is noted as `making` before the call that makes it. A run that is killed leaves that note, and the
next one looks for what was made, deletes it and makes it anew: nothing can need it yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.engine.aws import Aws, is_unreachable
from local.engine.deployment import DeployError, Say
from local.engine.difference import changed_names, touched, with_ignored
from local.engine.kind import Kind, Values
from local.engine.removal import Removal, named, timed
from local.engine.services import KINDS
from local.engine.shape import UnknownPropertyError
from local.engine.state import Resource, State
from local.engine.values import UNKNOWN, has_unknown, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One resource as the program wants it."""

    urn: str
    type: str
    values: Values
    region: str
    default_tags: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    needs_by_property: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protect: bool = False
    retain: bool = False
    deleted_with: str = ""
    delete_first: bool = False
    ignored: Sequence[str] = ()
    replaced_on: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def label(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(slots=True)
class Done:
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    same: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """What all that is done for one resource needs to know."""

    kind: Kind
    aws: Aws
    wanted: Wanted
    values: Values
    """All its properties, defaults and made-up name included."""


class Work:
    """The steps of one run."""

    def __init__(self, *, state: State, aws: Aws, say: Say, preview: bool) -> None:
        self.state, self.aws, self.say, self.preview = state, aws, say, preview
        self.removal = Removal(state=state, aws=aws, say=lambda line: self.say(line), preview=preview)
        self.done = Done()
        self._cleared: set[str] = set()
        """Resources that had to go so that one they need could be replaced."""

    def bring(self, wanted: Wanted) -> tuple[str, Values]:
        """Make, change or leave one resource; return its id ("" if not yet known) and properties."""
        kind = KINDS.get(wanted.type)
        if kind is None:
            raise DeployError("the local engine doesn't know this type; add it to local/engine/services")
        with self.state.lock:
            old = self.state.resources.get(wanted.urn)
        if old is not None and old.status == "making":
            if not self.preview:
                self.removal.undo(old)
            old = None
        step = _Step(kind, self.aws.at(wanted.region), wanted, self._values(kind, wanted, old))
        self._check(step)
        if old is None:
            return self._create(step, None)
        changed = changed_names(old.inputs, stored(step.values))
        causes = kind.replaces(changed) | touched(changed, wanted.replaced_on)
        if old.region != wanted.region:
            causes |= {"region"}
        if causes:
            return self._replace(step, old, causes)
        if changed:
            return self._update(step, old, changed)
        self._note(step, old, old.outputs)
        with self.state.lock:
            self.done.same += 1
        return old.ref, {**step.values, **old.outputs}

    def sweep(self, registered: set[str]) -> None:
        """Delete what replacements left behind and what the program no longer registers."""
        self.done.deleted.extend(self.removal.sweep(registered))

    # ---- the steps -----------------------------------------------------------------------------------------

    def _check(self, step: _Step) -> None:
        try:
            step.kind.check(step.aws, step.values)
        except UnknownPropertyError as error:
            raise DeployError(f"the local engine doesn't know its property {error}") from None
        except Exception:
            if not has_unknown(step.values):  # a preview may not know enough to tell
                raise

    def _create(self, step: _Step, before: Resource | None) -> tuple[str, Values]:
        wanted, state = step.wanted, self.state
        again = before is not None or wanted.urn in self._cleared
        (self.done.replaced if again else self.done.created).append(wanted.label)
        if self.preview:
            return "", step.values
        with timed(self.say, "replaced" if again else "created", wanted.label, step.kind.note):
            making = Resource(urn=wanted.urn, type=wanted.type, status="making")
            self._note(step, making, {})
            with state.lock:
                if before is not None and state.resources.get(wanted.urn) is before:
                    state.leaving.append(before)
                state.resources[wanted.urn] = making
            state.unmark()
            answers = step.aws.answers
            try:
                made = step.kind.create(step.aws, step.values)
            except Exception as error:
                # Refused at the first call, nothing was made. What has that name is somebody else's then, and
                # the next run must not take it for ours.
                if step.aws.answers == answers and not is_unreachable(error):
                    self._forget(making, before)
                raise
            with state.lock:
                making.ref, making.outputs, making.status = made.ref, made.outputs, "made"
            state.save()
        return made.ref, {**step.values, **made.outputs}

    def _update(self, step: _Step, old: Resource, changed: frozenset[str]) -> tuple[str, Values]:
        shown = changed - {"tagsAll"} if "tags" in changed else changed
        if not self.preview:
            with timed(self.say, "updated", step.wanted.label, named(shown)):
                self.state.unmark()
                try:
                    told = step.kind.update(step.aws, old.ref, old.inputs, step.values, changed)
                except UnknownPropertyError as error:
                    raise DeployError(f"the local engine doesn't know its property {error}") from None
                before = {name: old.inputs.get(name) for name in changed}
                self._note(step, old, {**old.outputs, **told})
                old.before = before
                self.state.save()
        self.done.updated.append(step.wanted.label)
        return old.ref, {**step.values, **old.outputs}

    def _replace(self, step: _Step, old: Resource, causes: frozenset[str]) -> tuple[str, Values]:
        kind, wanted = step.kind, step.wanted
        if old.protect:
            raise DeployError(
                f"it is protected, and changing {named(causes)} would replace it; "
                "take its protection away in a deploy of its own first"
            )
        if not self._is_named(kind, wanted):
            step.values[kind.name_key] = self._made_up_name(kind, wanted)
        if not self.preview:
            self.say(f"replacing {wanted.label}: {named(causes)} changed")
            if wanted.delete_first or kind.collides(old.inputs, stored(step.values)):
                self._cleared |= self.removal.clear(old)
        return self._create(step, old)

    # ---- helpers -------------------------------------------------------------------------------------------

    def _values(self, kind: Kind, wanted: Wanted, old: Resource | None) -> Values:
        values = wanted.values
        if old is not None and wanted.ignored:
            values = with_ignored(old.inputs, values, wanted.ignored)
        values = kind.prepared(values, wanted.default_tags)
        if not self._is_named(kind, wanted):
            name = old.inputs.get(kind.name_key) if old is not None else None
            values[kind.name_key] = name or self._made_up_name(kind, wanted)
        return values

    def _is_named(self, kind: Kind, wanted: Wanted) -> bool:
        return not kind.name_key or kind.name_key in wanted.values

    def _made_up_name(self, kind: Kind, wanted: Wanted) -> str:
        return UNKNOWN if self.preview else kind.auto_name(wanted.values, wanted.name)

    def _note(self, step: _Step, resource: Resource, outputs: Values) -> None:
        """Remember what the resource is now, and how it is bound to others."""
        wanted = step.wanted
        bound = {name: sorted(urns) for name, urns in wanted.needs_by_property.items() if urns}
        with self.state.lock:
            if not has_unknown(step.values):
                resource.inputs = stored(step.values)
            resource.outputs, resource.region = outputs, wanted.region
            resource.needs, resource.needs_by_property = sorted(wanted.needs), bound
            resource.deleted_with = wanted.deleted_with
            resource.protect, resource.retain = wanted.protect, wanted.retain

    def _forget(self, making: Resource, before: Resource | None) -> None:
        with self.state.lock:
            del self.state.resources[making.urn]
            if before is not None and before in self.state.leaving:
                self.state.leaving.remove(before)
                self.state.resources[before.urn] = before
        self.state.save()
