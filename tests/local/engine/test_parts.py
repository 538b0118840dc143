"""The engine's pure parts: files and their hash, properties as parameters, what changed, what goes first."""

from __future__ import annotations

import io
import os
import time
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from botocore.model import StructureShape
from botocore.session import get_session

from local.engine import DeployError
from local.engine.difference import changed_names, touched, with_ignored
from local.engine.files import Files
from local.engine.shape import UnknownPropertyError, parameters
from local.engine.state import Resource, State, last_first


def test_the_same_content_has_the_same_hash_and_zip_whatever_its_times(tmp_path: Path) -> None:
    """Names and bytes decide; times, modes, order of writing and __pycache__ don't."""
    archives = []
    for order, name in (("ab", "one"), ("ba", "two")):
        folder = tmp_path / name
        for letter in order:
            (folder / letter).mkdir(parents=True)
            (folder / letter / "x.py").write_text(letter)
        archives.append(_archive(path=str(folder)))
    os.utime(tmp_path / "two" / "a" / "x.py", (time.time() + 60, time.time() + 60))
    (tmp_path / "two" / "a" / "__pycache__").mkdir()
    (tmp_path / "two" / "a" / "__pycache__" / "x.pyc").write_bytes(b"\0")
    archives.append(_archive(path=str(tmp_path / "two")))
    assert len({one.sha256 for one in archives}) == 1
    assert len({one.zip for one in archives}) == 1


def test_a_renamed_or_changed_file_changes_the_hash() -> None:
    """One byte, or one name."""
    texts = [
        {"a": {"text": "1"}},
        {"a": {"text": "2"}},
        {"b": {"text": "1"}},
        {"a": {"text": "1"}, "b": {"text": ""}},
    ]
    assert len({_archive(assets=one).sha256 for one in texts}) == len(texts)


def test_archives_nest_under_their_names(tmp_path: Path) -> None:
    """A folder and an archive inside an archive keep their place."""
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "deep" / "x.py").write_text("x")
    nested = {
        "lib": {"path": str(tmp_path / "src")},
        "more": {"assets": {"y.py": {"text": "y"}}},
        "z.py": {"text": "z"},
    }
    with zipfile.ZipFile(io.BytesIO(_archive(assets=nested).zip)) as packed:
        assert packed.namelist() == ["lib/deep/x.py", "more/y.py", "z.py"]


@pytest.mark.parametrize(
    ("described", "is_archive", "sentence"),
    [
        ({"uri": "https://example.com/a.zip"}, True, "https://example.com/a.zip is a remote asset"),
        ({"path": "not/there"}, False, "asset not/there can't be read"),
        ({"path": "not/there"}, True, "archive not/there can't be read"),
    ],
)
def test_files_that_are_not_there_are_one_sentence(
    described: dict[str, Any], is_archive: bool, sentence: str
) -> None:
    """With the path, and what was expected."""
    with pytest.raises(DeployError, match=sentence):
        Files.of(described, is_archive=is_archive)


def test_names_differ_from_members_in_case_only_or_by_a_given_name() -> None:
    """A name may be given for one place only."""
    form = _form("dynamodb", "CreateTable")
    names = {"name": "TableName", "attributes": "AttributeDefinitions", "attributes.name": "AttributeName"}
    given = {"name": "t", "sseSpecification": {"enabled": True}, "attributes": [{"name": "k"}]}
    assert parameters(form, given, names) == {
        "TableName": "t",
        "SSESpecification": {"Enabled": True},
        "AttributeDefinitions": [{"AttributeName": "k"}],
    }


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"colour": 1}, "colour"),
        ({"environment": {"colour": 1}}, "environment.colour"),
        ({"fileSystemConfigs": [{"arn": "a"}, {"colour": 1}]}, "fileSystemConfigs[1].colour"),
        ({"environment": "text"}, "environment"),
        ({"layers": "text"}, "layers"),
    ],
)
def test_a_property_without_a_member_is_named_by_its_path(given: dict[str, Any], path: str) -> None:
    """At any depth, and also when it is of another kind than its member."""
    with pytest.raises(UnknownPropertyError) as failure:
        parameters(_form("lambda", "CreateFunction"), given, {})
    assert str(failure.value) == path


def test_the_forms_of_aws_are_bridged() -> None:
    """Lists with a count, maps as pairs, numbers and booleans as text and back, documents as JSON."""
    alarm = parameters(_form("cloudwatch", "PutMetricAlarm"), {"dimensions": {"a": "b"}, "period": "60"}, {})
    assert alarm == {"Dimensions": [{"Name": "a", "Value": "b"}], "Period": 60}
    keys = {"trustedKeyGroups": ["k"], "allowedMethods": {"items": ["GET"]}, "compress": "true", "minTtl": 1}
    config: Any = _form("cloudfront", "CreateDistribution").members["DistributionConfig"]
    behavior = config.members["DefaultCacheBehavior"]
    assert parameters(behavior, keys, {}) == {
        "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": ["k"]},
        "AllowedMethods": {"Quantity": 1, "Items": ["GET"]},
        "Compress": True,
        "MinTTL": 1,
    }
    role = parameters(_form("iam", "CreateRole"), {"assumeRolePolicyDocument": {"a": 1}, "path": 5}, {})
    assert role == {"AssumeRolePolicyDocument": '{"a": 1}', "Path": "5"}


def test_what_changed_is_named_by_its_top_level_property() -> None:
    """Absent and null are the same."""
    assert changed_names({"a": 1, "b": {"c": [1]}, "d": 1}, {"a": 1, "b": {"c": [2]}}) == {"b", "d"}
    assert changed_names({"a": None}, {}) == frozenset()


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a"], {"a": 1, "b": {"x": [{"y": 8}], "z.z": 8}, "new": 8}),
        (["b"], {"a": 8, "b": {"x": [{"y": 1}], "z.z": 1}, "new": 8}),
        (["b.x[0].y"], {"a": 8, "b": {"x": [{"y": 1}], "z.z": 8}, "new": 8}),
        (['b["z.z"]'], {"a": 8, "b": {"x": [{"y": 8}], "z.z": 1}, "new": 8}),
        (["new"], {"a": 8, "b": {"x": [{"y": 8}], "z.z": 8}}),
        (["b.x[5].y", "nowhere.at.all", ""], {"a": 8, "b": {"x": [{"y": 8}], "z.z": 8}, "new": 8}),
        (["*"], {"a": 1, "b": {"x": [{"y": 1}], "z.z": 1}}),
    ],
)
def test_an_ignored_path_goes_back_to_what_it_was(paths: list[str], expected: dict[str, Any]) -> None:
    """Inside maps and lists, and for a key that is new; the given values aren't touched."""
    old = {"a": 1, "b": {"x": [{"y": 1}], "z.z": 1}}
    new = {"a": 8, "b": {"x": [{"y": 8}], "z.z": 8}, "new": 8}
    assert with_ignored(old, new, paths) == expected
    assert new == {"a": 8, "b": {"x": [{"y": 8}], "z.z": 8}, "new": 8}


def test_a_path_touches_a_change_of_its_top_level_property() -> None:
    """Pulumi's paths, of which the first step decides here."""
    assert touched({"a", "b"}, ["b.c[0]", "d"]) == {"b"}
    assert touched({"a", "b"}, ["*"]) == {"a", "b"}


def test_what_needs_goes_before_what_is_needed() -> None:
    """Through any number of steps; a replaced one and its successor share a URN."""
    first = [_resource("a"), _resource("b", "a"), _resource("c", "b"), _resource("d"), _resource("b", "a")]
    order = [one.urn for one in last_first(first)]
    assert order.index("c") < order.index("b")
    assert order.index("a") > max(at for at, urn in enumerate(order) if urn == "b")
    assert sorted(order) == ["a", "b", "b", "c", "d"]


def test_a_circle_in_the_state_does_not_hang() -> None:
    """It can only come from a damaged file, and everything is still deleted once."""
    assert len(last_first([_resource("a", "b"), _resource("b", "a")])) == 2


def test_the_state_is_private_written_once_and_read_back(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask; no second write without a change; no draft left."""
    state = State(tmp_path / "dev.json", "http://127.0.0.1:1")
    state.resources["a"] = Resource(urn="a", type="t", ref="r", inputs={"n": 1.5, "s": "ä"}, needs=["b"])
    state.leaving.append(_resource("b"))
    state.save()
    assert state.file.stat().st_mode & 0o777 == 0o600
    written = state.file.stat().st_mtime_ns
    state.save()
    assert state.file.stat().st_mtime_ns == written
    again = State.load(tmp_path, "dev", "http://127.0.0.1:1")
    assert (again.id, again.endpoint) == (state.id, state.endpoint)
    assert asdict(again.resources["a"]) == asdict(state.resources["a"])
    assert [one.urn for one in again.leaving] == ["b"]
    assert [one.name for one in tmp_path.iterdir()] == ["dev.json"]


def test_a_state_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A file where the directory should be stands for any refusal, root's included."""
    (tmp_path / "state").write_text("")
    with pytest.raises(DeployError, match="can't be written"), State.held(tmp_path / "state", "dev"):
        raise AssertionError


def _archive(**described: Any) -> Files:
    return Files.of(described, is_archive=True)


def _form(service: str, operation: str) -> StructureShape:
    form = get_session().get_service_model(service).operation_model(operation).input_shape
    assert form is not None
    return form


def _resource(urn: str, *needs: str) -> Resource:
    return Resource(urn=urn, type="t", ref=urn, needs=list(needs))
