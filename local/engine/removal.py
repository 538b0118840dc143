"""Take resources away, each before all that it needs, and remember each step.

In: the state, and what the program registered. Out: calls that delete, lines that say so, names. What AWS no
longer has counts as deleted, so a deletion may be repeated. A protected resource refuses before anything
goes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from local.engine.aws import Aws, is_missing, sentence, tolerating
from local.engine.deployment import DeployError, Say
from local.engine.kind import Kind
from local.engine.services import KINDS
from local.engine.state import Resource, State, last_first


class Removal:
    """What one run takes away. A preview only tells."""

    def __init__(self, *, state: State, aws: Aws, say: Say, preview: bool) -> None:
        self._state, self._aws, self._say, self._preview = state, aws, say, preview

    def sweep(self, registered: Collection[str]) -> list[str]:
        """Delete what the program no longer registers and what replacements left; the former's labels."""
        with self._state.lock:
            gone = [one for urn, one in self._state.resources.items() if urn not in registered]
            going = last_first([*gone, *self._state.leaving])
        if held := [one.label for one in gone if one.protect]:
            raise DeployError(f"{named(held)}: protected, so not deleted; take the protection away first")
        urns = {one.urn for one in gone}
        for resource in going if not self._preview else ():
            try:
                self._delete(resource, with_owner=resource.deleted_with in urns)
            except Exception as error:
                raise DeployError(f"{resource.label}: {sentence(error)}") from None
        return [one.label for one in gone]

    def clear(self, old: Resource) -> set[str]:
        """Delete what will be replaced under its own name, after all that is bound to it; their URNs."""
        going = last_first([*self._bound_to(old.urn), old])
        if held := [one.label for one in going if one.protect]:
            raise DeployError(f"it would be replaced, and with it {named(held)}, which is protected")
        for resource in going:
            self._delete(resource)
        return {one.urn for one in going}

    def undo(self, half_made: Resource) -> None:
        """Delete what a killed run may have made and not noted."""
        self._call_delete(self._kind(half_made), half_made)

    def lost(self, resource: Resource) -> bool:
        """Whether the cloud no longer has a resource that the state has."""
        return resource.status == "made" and self._find(self._kind(resource), resource) is None

    def _delete(self, resource: Resource, *, with_owner: bool = False) -> None:
        state, kind = self._state, self._kind(resource)
        detail = "no longer managed" if resource.retain else ""
        with timed(self._say, "kept" if resource.retain else "deleted", resource.label, detail):
            state.unmark()
            if not resource.retain and not with_owner:
                self._call_delete(kind, resource)
            with state.lock:
                if state.resources.get(resource.urn) is resource:
                    del state.resources[resource.urn]
                else:
                    state.leaving.remove(resource)
            state.save()

    def _call_delete(self, kind: Kind, resource: Resource) -> None:
        ref = self._find(kind, resource) if resource.status == "making" else resource.ref
        if ref is None:
            return
        with tolerating(is_missing):
            kind.delete(self._aws.at(resource.region), ref, resource.inputs)

    def _find(self, kind: Kind, resource: Resource) -> str | None:
        taken = frozenset() if resource.ref else self._state.refs(resource.type)
        with tolerating(is_missing):  # itself, or what it is part of
            return kind.find(self._aws.at(resource.region), resource.ref, resource.inputs, taken)
        return None

    def _kind(self, resource: Resource) -> Kind:
        kind = KINDS.get(resource.type)
        if kind is None:
            raise DeployError(f"{resource.label}: in the state, but of a type that the engine doesn't know")
        return kind

    def _bound_to(self, urn: str) -> list[Resource]:
        """Resources that can't outlive this one, since what they say of it can't change."""
        with self._state.lock:
            everything = list(self._state.resources.values())
        found: dict[str, Resource] = {}
        roots = [urn]
        while roots:
            root = roots.pop()
            for one in everything:
                names = frozenset(name for name, needs in one.needs_by_property.items() if root in needs)
                if one.urn not in found and self._kind(one).replaces(names):
                    found[one.urn] = one
                    roots.append(one.urn)
        return list(found.values())


@contextmanager
def timed(say: Say, verb: str, label: str, detail: str) -> Iterator[None]:
    """Say what was done and how long it took, once it's done."""
    began = time.monotonic()
    yield
    seconds = f"({time.monotonic() - began:.2f} s)"
    say(f"{verb:<9} {label}{': ' if detail else ''}{detail} {seconds}")


def named(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
