"""What the engine must know of a resource type, and how a regular one is created, found, updated and deleted.

A type is a subclass of `Kind` that mostly states facts: the calls, the properties that mean a new resource,
where outputs come from. Properties become parameters by botocore's model (`local.engine.shape`); a type
overrides a method only where AWS is irregular. A `Kind` has no state; the same arguments always lead to the
same calls.

Templates such as "arn:aws:apigateway:{region}::/apis/{id}" are filled from the properties, the call's answer
("{Role[Arn]}"), `id` (the ref), `region` and `account`; one that is a single field keeps that field's type.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from local.engine import shape
from local.engine.aws import Aws
from local.engine.deployment import DeployError

Values = dict[str, Any]
EVERYWHERE = frozenset({"region", "tags", "tagsAll"})
"""Properties of nearly all types: where it is, and tags, which have calls of their own."""
_DOCUMENTS = frozenset(
    {
        "assumeRolePolicy",
        "dashboardBody",
        "deliveryPolicy",
        "filterPolicy",
        "policy",
        "redriveAllowPolicy",
        "redrivePolicy",
    }
)
"""JSON documents, which a program may give as text or as what they say; from then on they are text."""


@dataclass(frozen=True, kw_only=True)
class Made:
    ref: str
    """Its id: by which AWS, and the program, know it."""
    outputs: Values


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to find a resource whose id AWS chose: list them and compare members with properties."""

    list_op: str
    path: str
    match: Mapping[str, str]
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Kind:
    """One resource type."""

    token: ClassVar[str]
    service: ClassVar[str]
    create_op: ClassVar[str] = ""
    update_op: ClassVar[str] = ""
    delete_op: ClassVar[str] = ""
    read_op: ClassVar[str] = ""
    inside: ClassVar[str] = ""
    """The parameter of create and update that holds the properties; empty when they are the parameters."""
    key: ClassVar[Mapping[str, str]] = shape.NOTHING
    """Parameters by which update, delete and read name the resource."""
    ref: ClassVar[str] = "{name}"
    search: ClassVar[Search | None] = None
    """Needed where `ref` can't be told from the properties."""
    outputs: ClassVar[Mapping[str, str]] = shape.NOTHING
    names: ClassVar[Mapping[str, str]] = shape.NOTHING
    own: ClassVar[Set[str]] = frozenset()
    """Properties that `settle`, or the type's own code, sees to."""
    defaults: ClassVar[Mapping[str, Any]] = shape.NOTHING
    replace: ClassVar[Set[str]] = frozenset()
    """Properties that can't change: a new resource takes its place."""
    fixed: ClassVar[bool] = False
    """No property can change, tags apart."""
    identity: ClassVar[tuple[str, ...]] = ()
    """Properties that two can't share: with these unchanged, the old one must go before the new one comes."""
    whole: ClassVar[bool] = False
    """An update carries the whole configuration, so that a property left out goes back to its default."""
    name_key: ClassVar[str] = "name"
    """The property that gets a made-up value when the program gives none."""
    note: ClassVar[str] = ""
    """What a person should know when one is made."""
    tag_ops: ClassVar[tuple[str, str]] = ("TagResource", "UntagResource")
    tag_key: ClassVar[Mapping[str, str]] = shape.NOTHING
    """Parameters by which the tag calls name the resource; empty for a type without tags."""
    tags_member: ClassVar[str] = "Tags"
    """The parameter of create that takes tags; empty when they are set afterwards."""

    # ---- what the engine asks ------------------------------------------------------------------------------

    def check(self, aws: Aws, new: Values) -> None:
        """Raise UnknownPropertyError for a property that this type has no place for. Calls nothing."""
        self.arguments(aws, self.create_op, new)

    def prepared(self, values: Values, default_tags: Mapping[str, str]) -> Values:
        """The properties with this type's defaults below them and all tags in one place."""
        result = {**self.defaults, **values}
        for name in _DOCUMENTS & result.keys():
            if not isinstance(result[name], str):
                result[name] = json.dumps(result[name])
        if self.tag_key:
            result["tagsAll"] = {**default_tags, **(values.get("tags") or {})}
        return result

    def auto_name(self, values: Values, logical: str) -> str:
        prefix = values.get(f"{self.name_key}Prefix") or f"{logical}-"
        return f"{prefix}{secrets.token_hex(4)[:7]}"

    def replaces(self, changed: Set[str]) -> frozenset[str]:
        """Which of the changed properties call for a new resource."""
        return frozenset(
            changed - {"tags", "tagsAll"} if self.fixed else changed & (self.replace | {"region"})
        )

    def collides(self, old: Values, new: Values) -> bool:
        return bool(self.identity) and all(old.get(one) == new.get(one) for one in self.identity)

    def find(self, aws: Aws, ref: str, values: Values, taken: Set[str]) -> str | None:
        """The ref under which AWS has the resource; None, or the error of something missing, when it hasn't.

        `taken` are the refs of others of this type.
        """
        if not ref and self.search is not None:
            return self._searched(aws, self.search, values, taken)
        ref = ref or fill(self.ref, self.facts(aws, "", values))
        aws.call(self.service, self.read_op, **self.keys(aws, ref, values))
        return ref

    def create(self, aws: Aws, new: Values) -> Made:
        arguments = self.arguments(aws, self.create_op, new)
        if self.tag_key and self.tags_member and new.get("tagsAll"):
            arguments |= self.with_tags(aws, new["tagsAll"])
        answer = aws.call(self.service, self.create_op, **arguments)
        ref = fill(self.ref, self.facts(aws, "", new, answer))
        self.settle(aws, ref, {}, new)
        if self.tag_key and not self.tags_member:
            self.retag(aws, ref, {}, new)
        return Made(ref=ref, outputs=self.told(aws, ref, new, answer))

    def update(self, aws: Aws, ref: str, old: Values, new: Values, changed: Set[str]) -> Values:
        """Make the resource what `new` says; return the outputs that the calls told."""
        answer: Values = {}
        main = changed - self.own - EVERYWHERE - {f"{self.name_key}Prefix"}
        if main:
            answer = aws.call(self.service, self.update_op, **self.changes(aws, ref, new, main))
        self.settle(aws, ref, old, new)
        if "tagsAll" in changed:
            self.retag(aws, ref, old, new)
        return self.told(aws, ref, new, answer)

    def delete(self, aws: Aws, ref: str, old: Values) -> None:
        aws.call(self.service, self.delete_op, **self.keys(aws, ref, old))

    # ---- what a type may override --------------------------------------------------------------------------

    def settle(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        """Settings with calls of their own, after a create (`old` is empty) and in an update."""

    def reshaped(self, values: Values) -> Values:
        """The properties in the form that the calls know, where it isn't a matter of names."""
        return values

    def arguments(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        """Parameters of the create call."""
        return self._mapped(aws, operation, self.reshaped(self._mine(values)))

    def changes(self, aws: Aws, ref: str, new: Values, changed: Set[str]) -> dict[str, Any]:
        """Parameters of the update call. A property that it can't carry, or can't take away, is an error."""
        carried = self._mine(new)
        if self.update_op:
            form = self._form(aws, self.update_op)
            carried = {name: one for name, one in carried.items() if self.carries(form, name)}
        for name in sorted(changed):
            if not self.update_op or (name not in carried and not (self.whole and name not in new)):
                verb = "be changed" if name in new else "be taken away; give its default value instead"
                raise DeployError(f"property {name} can't {verb}")
        return self._mapped(aws, self.update_op, self.reshaped(carried)) | self.keys(aws, ref, new)

    def carries(self, form: Any, name: str) -> bool:
        """Whether the update call has a place for the property."""
        return shape.member_of(form, name, self.names) is not None

    def told(self, aws: Aws, ref: str, values: Values, answer: Values) -> Values:
        facts = self.facts(aws, ref, values, answer)
        told = {}
        for name, template in self.outputs.items():
            try:
                value = fill(template, facts)
                told[name] = value.isoformat() if isinstance(value, datetime) else value
            except KeyError:
                continue  # an answer says only what applies: a table without a stream has no stream's ARN
        return told

    def with_tags(self, aws: Aws, tags: Mapping[str, str]) -> dict[str, Any]:
        form = aws.form(self.service, self.create_op)
        return shape.parameters(form, {self.tags_member: tags}, shape.NOTHING)

    # ---- helpers -------------------------------------------------------------------------------------------

    def put(self, aws: Aws, operation: str, values: Values, **key: Any) -> dict[str, Any]:
        """Call with properties mapped by the model of that operation."""
        form = aws.form(self.service, operation)
        return aws.call(self.service, operation, **key, **self.shaped(form, values))

    def shaped(self, form: Any, values: Values) -> dict[str, Any]:
        return shape.parameters(form, values, self.names)

    def keys(self, aws: Aws, ref: str, values: Values) -> dict[str, Any]:
        facts = self.facts(aws, ref, values)
        return {name: fill(template, facts) for name, template in self.key.items()}

    def facts(
        self, aws: Aws, ref: str, values: Values, answer: Mapping[str, Any] = shape.NOTHING
    ) -> dict[str, Any]:
        return {**values, **answer, "id": ref, "region": aws.region, "account": aws.account}

    def retag(self, aws: Aws, ref: str, old: Values, new: Values) -> None:
        before, after = old.get("tagsAll") or {}, new.get("tagsAll") or {}
        facts = self.facts(aws, ref, new)
        key = {name: fill(template, facts) for name, template in self.tag_key.items()}
        tag_op, untag_op = self.tag_ops
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        gone = sorted(before.keys() - after.keys())
        for operation, value, ending in ((untag_op, gone, "tagkeys"), (tag_op, changed, "tags")):
            if value:
                form = aws.form(self.service, operation)
                member = next(one for one in form.members if one.lower().endswith(ending))
                tags = shape.parameters(form, {member: value}, shape.NOTHING)
                aws.call(self.service, operation, **key, **tags)

    def _mine(self, values: Values) -> Values:
        elsewhere = self.own | EVERYWHERE | {f"{self.name_key}Prefix"}
        return {name: one for name, one in values.items() if name not in elsewhere}

    def _form(self, aws: Aws, operation: str) -> Any:
        form = aws.form(self.service, operation)
        return form.members[self.inside] if self.inside else form

    def _mapped(self, aws: Aws, operation: str, values: Values) -> dict[str, Any]:
        mapped = shape.parameters(self._form(aws, operation), values, self.names)
        return {self.inside: mapped} if self.inside else mapped

    def _searched(self, aws: Aws, search: Search, values: Values, taken: Set[str]) -> str | None:
        facts = self.facts(aws, "", values)
        wanted = {member: fill(template, facts) for member, template in search.match.items()}
        arguments = {
            name: fill(one, facts) if isinstance(one, str) else one for name, one in search.arguments.items()
        }
        for item in aws.items(self.service, search.list_op, search.path, arguments):
            ref = str(fill(self.ref, {**facts, **item}))
            if ref not in taken and all(item.get(member) == value for member, value in wanted.items()):
                return ref
        return None


def fill(template: str, facts: Mapping[str, Any]) -> Any:
    """The template with its fields filled in; KeyError for a field that isn't known."""
    parsed = list(string.Formatter().parse(template))
    if len(parsed) == 1 and not parsed[0][0] and parsed[0][1]:
        return string.Formatter().get_field(parsed[0][1], (), facts)[0]
    return template.format_map(facts)


def registry(kinds: Iterable[Kind]) -> dict[str, Kind]:
    return {kind.token: kind for kind in kinds}
