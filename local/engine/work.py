"""Bring resources to what the program wants, one call at a time, and remember each step.

In: a `Wanted` for each resource that the program registers, from several threads at once, each after all that
it needs. Out: its id and outputs; what was done is in `done`, what failed in `errors`. `sweep` then deletes
what no longer has a place. A preview takes the same decisions and makes no call that changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.engine import aws as aws_
from local.engine.aws import Aws
from local.engine.deployment import DeployError, Say
from local.engine.difference import changed_names, touched, with_ignored
from local.engine.kind import Kind, Values
from local.engine.services import KINDS
from local.engine.shape import UnknownPropertyError
from local.engine.state import Resource, State, last_first
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


class Work:
    """The steps of one run."""

    def __init__(self, *, state: State, aws: Aws, say: Say, preview: bool) -> None:
        self.state, self.aws, self.say, self.preview = state, aws, say, preview
        self.done = Done()
        self._cleared: set[str] = set()
        """Resources that had to go so that one they need could be replaced."""

    def bring(self, wanted: Wanted) -> tuple[str, Values]:
        """Make, change or leave one resource; return its id ("" if not yet known) and properties."""
        kind = KINDS.get(wanted.type)
        if kind is None:
            raise DeployError(
                "the local engine doesn't know this resource type; add it to local/engine/services"
            )
        aws = self.aws.at(wanted.region)
        with self.state.lock:
            old = self.state.resources.get(wanted.urn)
        if old is not None and old.status == "making":
            self._clear_half_made(kind, old)
            old = None
        values, is_named = self._values(kind, wanted, old)
        try:
            kind.check(aws, values)
        except UnknownPropertyError as error:
            raise DeployError(f"the local engine doesn't know its property {error}") from None
        except Exception:
            if not has_unknown(values):  # a preview may not know enough to tell
                raise
        if old is None:
            return self._create(kind, aws, wanted, values, None)
        changed = changed_names(old.inputs, stored(values))
        causes = kind.replaces(changed) | touched(changed, wanted.replaced_on)
        if old.region != wanted.region:
            causes |= {"region"}
        if causes:
            if old.protect:
                raise DeployError(
                    f"it is protected, and changing {_list(causes)} would replace it; "
                    "take its protection away in a deploy of its own first"
                )
            if not is_named:
                values[kind.name_key] = self._auto_name(kind, wanted)
            first = wanted.delete_first or kind.collides(old.inputs, stored(values))
            return self._replace(kind, aws, wanted, values, old, first=first, causes=causes)
        if not changed:
            self.done.same += 1
            self._note(wanted, old, values, old.outputs)
            return old.ref, {**values, **old.outputs}
        return self._update(kind, aws, wanted, values, old, changed)

    def sweep(self, registered: Collection[str]) -> None:
        """Delete what replacements left behind and what the program no longer registers."""
        with self.state.lock:
            leaving = list(self.state.leaving)
            gone = [one for urn, one in self.state.resources.items() if urn not in registered]
        if held := [one.label for one in gone if one.protect]:
            raise DeployError(
                f"{_list(held)}: protected, so not deleted; take the protection away in a deploy first"
            )
        going = {one.urn for one in gone}
        for resource in last_first(gone + leaving):
            self._delete(resource, count=resource in gone, with_owner=resource.deleted_with in going)

    def lost(self, resource: Resource) -> bool:
        """Whether the cloud no longer has a resource that the state has."""
        kind = KINDS.get(resource.type)
        if kind is None or resource.status == "making":
            return False
        return self._find(kind, resource, frozenset()) is None

    # ---- the steps -----------------------------------------------------------------------------------------

    def _create(
        self, kind: Kind, aws: Aws, wanted: Wanted, values: Values, before: Resource | None
    ) -> tuple[str, Values]:
        again = before is not None or wanted.urn in self._cleared
        counted = self.done.replaced if again else self.done.created
        if self.preview:
            counted.append(wanted.label)
            return "", values
        with self._timed("replaced" if again else "created", wanted.label, kind.note):
            making = Resource(urn=wanted.urn, type=wanted.type, status="making")
            self._note(wanted, making, values, {})
            with self.state.lock:
                if before is not None and before is self.state.resources.get(wanted.urn):
                    self.state.leaving.append(before)
                self.state.resources[wanted.urn] = making
                self.state.marker = None
            self.state.save()
            try:
                made = kind.create(aws, values)
            except Exception as error:
                if aws_.is_taken(
                    error
                ):  # somebody else's: the next run must not take it for a half-made one of ours
                    self._forget_making(making, before)
                raise
            with self.state.lock:
                making.ref, making.outputs, making.status = made.ref, made.outputs, "made"
            self.state.save()
        counted.append(wanted.label)
        return made.ref, {**values, **made.outputs}

    def _update(
        self, kind: Kind, aws: Aws, wanted: Wanted, values: Values, old: Resource, changed: frozenset[str]
    ) -> tuple[str, Values]:
        shown = changed - {"tagsAll"} if "tags" in changed else changed
        if not self.preview:
            with self._timed("updated", wanted.label, _list(shown)):
                self._unmark()
                try:
                    told = kind.update(aws, old.ref, old.inputs, values, changed)
                except UnknownPropertyError as error:
                    raise DeployError(f"the local engine doesn't know its property {error}") from None
                self._note(wanted, old, values, {**old.outputs, **told})
                self.state.save()
        self.done.updated.append(wanted.label)
        return old.ref, {**values, **old.outputs}

    def _replace(
        self,
        kind: Kind,
        aws: Aws,
        wanted: Wanted,
        values: Values,
        old: Resource,
        *,
        first: bool,
        causes: frozenset[str],
    ) -> tuple[str, Values]:
        if not self.preview:
            self.say(f"replacing {wanted.label}: {_list(causes)} changed")
            if first:
                for one in last_first([*self._rooted_in(wanted.urn), old]):
                    if one.protect:
                        raise DeployError(
                            f"it would be replaced, and {one.label}, which is protected, with it"
                        )
                    self._cleared.add(one.urn)
                    self._delete(one, count=False)
        return self._create(kind, aws, wanted, values, old)

    def _delete(self, resource: Resource, *, count: bool, with_owner: bool = False) -> None:
        if count:
            self.done.deleted.append(resource.label)
        if self.preview:
            return
        kind = KINDS.get(resource.type)
        if kind is None:
            raise DeployError(
                f"{resource.label} is in the state, but the local engine doesn't know its type any more"
            )
        verb = "kept" if resource.retain else "deleted"
        with self._timed(verb, resource.label, "no longer managed" if resource.retain else ""):
            self._unmark()
            if not resource.retain and not with_owner:
                self._gone(kind, resource)
            with self.state.lock:
                if self.state.resources.get(resource.urn) is resource:
                    del self.state.resources[resource.urn]
                self.state.leaving = [one for one in self.state.leaving if one is not resource]
            self.state.save()

    def _gone(self, kind: Kind, resource: Resource) -> None:
        aws = self.aws.at(resource.region)
        try:
            ref: str | None = resource.ref
            if resource.status == "making":
                ref = self._find(kind, resource, self.state.refs(resource.type))
            if ref is not None:
                kind.delete(aws, ref, resource.inputs)
        except Exception as error:
            if not aws_.is_missing(error):
                raise DeployError(f"{resource.label}: {aws_.sentence(error)}") from error

    # ---- helpers -------------------------------------------------------------------------------------------

    def _find(self, kind: Kind, resource: Resource, taken: frozenset[str]) -> str | None:
        try:
            return kind.find(self.aws.at(resource.region), resource.ref, resource.inputs, taken)
        except Exception as error:
            if aws_.is_missing(error):  # itself, or what it is part of
                return None
            raise

    def _values(self, kind: Kind, wanted: Wanted, old: Resource | None) -> tuple[Values, bool]:
        """The whole properties, and whether the program gave the name itself."""
        values = wanted.values
        if old is not None and wanted.ignored:
            values = with_ignored(old.inputs, values, wanted.ignored)
        values = kind.prepared(values, wanted.default_tags)
        name = kind.name_key
        is_named = not name or name in wanted.values
        if not is_named:
            values[name] = old.inputs.get(name) if old is not None else self._auto_name(kind, wanted)
        return values, is_named

    def _auto_name(self, kind: Kind, wanted: Wanted) -> Any:
        return UNKNOWN if self.preview else kind.auto_name(wanted.values, wanted.name)

    def _clear_half_made(self, kind: Kind, old: Resource) -> None:
        """A killed run may have made it without noting it. Nothing can need it yet: it is made anew."""
        if not self.preview:
            self._gone(kind, old)

    def _rooted_in(self, urn: str) -> list[Resource]:
        """Resources that can't outlive this one, since what they say of it can't change."""
        with self.state.lock:
            everything = list(self.state.resources.values())
        found: dict[str, Resource] = {}
        roots = [urn]
        while roots:
            root = roots.pop()
            for one in everything:
                names = [name for name, needs in one.needs_by_property.items() if root in needs]
                kind = KINDS.get(one.type)
                if one.urn not in found and kind is not None and kind.replaces(frozenset(names)):
                    found[one.urn] = one
                    roots.append(one.urn)
        return list(found.values())

    def _note(self, wanted: Wanted, resource: Resource, values: Values, outputs: Values) -> None:
        with self.state.lock:
            if not has_unknown(values):
                resource.inputs = stored(values)
            resource.outputs = outputs
            resource.region = wanted.region
            resource.needs = sorted(wanted.needs)
            resource.needs_by_property = {
                name: sorted(urns) for name, urns in wanted.needs_by_property.items() if urns
            }
            resource.deleted_with, resource.protect, resource.retain = (
                wanted.deleted_with,
                wanted.protect,
                wanted.retain,
            )

    def _forget_making(self, making: Resource, before: Resource | None) -> None:
        with self.state.lock:
            del self.state.resources[making.urn]
            if before is not None and before in self.state.leaving:
                self.state.leaving.remove(before)
                self.state.resources[before.urn] = before
        self.state.save()

    def _unmark(self) -> None:
        with self.state.lock:
            self.state.marker = None
        self.state.save()

    @contextmanager
    def _timed(self, verb: str, label: str, detail: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        seconds = f"({time.monotonic() - began:.2f} s)"
        self.say(f"{verb:<9} {label}{': ' if detail else ''}{detail} {seconds}")


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
