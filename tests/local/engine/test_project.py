"""A stage's configuration as the CLI would read it, and one sentence for what it would refuse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.engine import DeployError, read_config
from local.engine.project import as_runtime_text

PROJECT = """
name: lab
runtime: python
config:
  symbols: {type: array, items: {type: string}, default: [A, B], description: d}
  rate: {type: integer, default: 5}
  on: {type: boolean, default: false}
  note: {type: string, default: ""}
  key: {type: string, default: "", secret: true}
  limits: {type: object, default: {low: 1}}
  short: plain
  "aws:region": us-east-1
  "aws:profile": {value: me}
"""


def test_defaults_lie_under_the_stages_values(tmp_path: Path) -> None:
    """Bare keys belong to the project's namespace; both forms of a declaration are understood."""
    values, secrets = read_config(
        _program(tmp_path, "config: {'lab:rate': 7, 'aws:region': eu-west-1}"), "dev"
    )
    assert values == {
        "lab:symbols": ["A", "B"],
        "lab:rate": 7,
        "lab:on": False,
        "lab:note": "",
        "lab:key": "",
        "lab:limits": {"low": 1},
        "lab:short": "plain",
        "aws:region": "eu-west-1",
        "aws:profile": "me",
    }
    assert secrets == {"lab:key"}


@pytest.mark.parametrize("word", ["off", "no", "yes", "on", "2026-11-21"])
def test_words_that_other_readers_of_yaml_take_for_something_else_are_words(
    tmp_path: Path, word: str
) -> None:
    """The CLI's YAML is version 1.2, so `retention: off` needs no quotes."""
    assert read_config(_program(tmp_path, f"config: {{'lab:note': {word}}}"), "dev")[0]["lab:note"] == word


def test_an_undeclared_key_is_left_for_the_program_to_refuse(tmp_path: Path) -> None:
    """Only the program knows what it means."""
    assert read_config(_program(tmp_path, "config: {'lab:colour': red}"), "dev")[0]["lab:colour"] == "red"


def test_a_stage_without_settings_has_the_defaults(tmp_path: Path) -> None:
    """A file that only holds the CLI's own keys is a stage."""
    assert read_config(_program(tmp_path, "encryptionsalt: v1:abc"), "dev")[0]["lab:rate"] == 5


@pytest.mark.parametrize(("text", "value"), [("'8'", 8), ("-1", -1), ("8", 8)])
def test_a_number_may_be_quoted_in_a_stages_file(tmp_path: Path, text: str, value: int) -> None:
    """`pulumi config set` writes text."""
    assert read_config(_program(tmp_path, f"config: {{'lab:rate': {text}}}"), "dev")[0]["lab:rate"] == value


@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        ("config: {'lab:rate': fast}", "Pulumi.dev.yaml: lab:rate is 'fast'; expected an integer"),
        ("config: {'lab:rate': true}", "lab:rate is True; expected an integer"),
        ("config: {'lab:on': 'yes'}", "lab:on is 'yes'; expected a boolean"),
        ("config: {'lab:symbols': A}", "lab:symbols is 'A'; expected an array"),
        ("config: {'lab:symbols': [A, {b: c}]}", "lab:symbols[1] is {'b': 'c'}; expected a string"),
        ("config: {'lab:limits': 3}", "lab:limits is 3; expected an object"),
        ("config: {'lab:key': {secure: AAAB}}", "Pulumi.dev.yaml: lab:key is encrypted"),
        ("config: {'lab:limits': {a: [{secure: AAAB}]}}", "lab:limits is encrypted"),
        ("config: [", "Pulumi.dev.yaml isn't YAML"),
        ("", "Pulumi.dev.yaml is empty"),
    ],
)
def test_a_bad_stage_file_is_one_sentence(tmp_path: Path, stage: str, sentence: str) -> None:
    """It names the file, the key, the value and what was expected."""
    with pytest.raises(DeployError, match=re.escape(sentence)):
        read_config(_program(tmp_path, stage), "dev")


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    """The sentence is for a screen."""
    with pytest.raises(DeployError) as failure:
        read_config(_program(tmp_path, "config: {'lab:key': [hunter2]}"), "dev")
    assert "hunter2" not in str(failure.value)


def test_a_stage_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """With those that are."""
    with pytest.raises(DeployError, match=r"stage 'prod' has no Pulumi.prod.yaml; expected one of dev"):
        read_config(_program(tmp_path, "config: {}"), "prod")


def test_a_key_without_default_must_be_given(tmp_path: Path) -> None:
    """As the CLI demands."""
    program = _program(tmp_path, "config: {}")
    (program / "Pulumi.yaml").write_text("name: lab\nconfig: {must: {type: string}}\n")
    with pytest.raises(DeployError, match="lab:must is missing"):
        read_config(program, "dev")


def test_a_default_of_another_type_is_the_projects_fault(tmp_path: Path) -> None:
    """In Pulumi.yaml a quoted number is text."""
    program = _program(tmp_path, "config: {}")
    (program / "Pulumi.yaml").write_text("name: lab\nconfig: {rate: {type: integer, default: '5'}}\n")
    with pytest.raises(DeployError, match=r"Pulumi.yaml: lab:rate is '5'; expected an integer"):
        read_config(program, "dev")


def test_a_folder_without_a_program_is_one_sentence(tmp_path: Path) -> None:
    """It names the file that is missing."""
    with pytest.raises(DeployError, match=r"Pulumi.yaml is missing"):
        read_config(tmp_path, "dev")


def test_the_runtime_gets_text() -> None:
    """Text as it is, everything else as JSON."""
    given = {"a": "x", "b": True, "c": 5, "d": ["x", 1], "e": {"f": False}}
    assert as_runtime_text(given) == {"a": "x", "b": "true", "c": "5", "d": '["x", 1]', "e": '{"f": false}'}


def _program(folder: Path, stage: str) -> Path:
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text(stage)
    return folder
