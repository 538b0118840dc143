"""A stage as a checkout's files describe it and as options change it, for commands that ask no platform.

In: Pulumi.yaml and Pulumi.STAGE.yaml of a folder; options that say otherwise for once. Out: a `Stage` with
its workload, and its region. Always: what can't be is one sentence with exit status 2; the key for writes, a
secret, isn't read; nothing is written, and no command is run.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from tickwire.errors import ConfigError
from tickwire.stage import SYMBOLS_MAX, Stage, typed
from tickwire.workload import Workload

REGION = "us-east-1"
_OURS = "tickwire:"
_SECRET = "apiKey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say; None where one wasn't given."""

    stage: str
    folder: Path
    profile: str | None = None
    symbols: str | None = None
    trades: float | None = None
    messages: float | None = None
    hours: str | None = None
    viewers: float | None = None
    lane: str | None = None
    watched: float | None = None
    viewer_hours: str | None = None
    requests: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A stage, and where it is or would be."""

    stage: Stage
    region: str


def _number(text: str) -> float | int:
    """Whatever kind of number it is; what it may be, the workload knows."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a number") from None


_OPTIONS = (
    click.option("--stage", default="dev", show_default=True, help="Whose Pulumi.STAGE.yaml is read."),
    click.option(
        "--folder", type=click.Path(path_type=Path), default=".", help="Where that is.  [default: here]"
    ),
    click.option("--profile", help="realtime or economy, for whatever the stage's file doesn't say."),
    click.option("--symbols", metavar="N|LIST", help="How many, or which: 20, or AAPL,MSFT."),
    click.option("--trades", type=_number, help="Of each symbol, a second."),
    click.option("--messages", type=_number, help="That they come in, of each symbol, a second."),
    click.option("--hours", help="In which trades come, a month: always, market, office or a number."),
    click.option("--viewers", type=_number, help="Who watch at the same time."),
    click.option("--lane", help="What they watch: board, price or bar."),
    click.option("--watched", type=_number, help="Symbols that each watches on a price or bar lane; 0: all."),
    click.option("--viewer-hours", help="How long each watches, a month, like --hours."),
    click.option("--requests", type=_number, help="REST requests a month."),
)


def stage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which stage, and what it is used for; the command gets them as `asked`."""

    @functools.wraps(command)
    def wrapper(*args: Any, **options: Any) -> Any:
        asked = Asked(**{one.name: options.pop(one.name) for one in fields(Asked)})
        return command(*args, asked=asked, **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def configured(asked: Asked) -> Configured:
    """The stage as its files have it, and as the options change it."""
    file = f"Pulumi.{asked.stage}.yaml"
    values = _read(asked.folder, file)
    settings = {key.removeprefix(_OURS): value for key, value in values.items() if key.startswith(_OURS)}
    settings.pop(_SECRET, None)
    # `pulumi config set feedRate 10` writes a text.
    settings = {key: typed(key, one) if isinstance(one, str) else one for key, one in settings.items()}
    stage = _stage(settings, asked.stage, f"{file}: ")
    changed = _changed(settings, stage, asked)
    return Configured(
        stage=stage if changed == settings else _stage(changed, asked.stage, ""),
        region=str(values.get("aws:region") or REGION),
    )


def _stage(settings: Mapping[str, Any], name: str, where: str) -> Stage:
    try:
        return Stage.parse(settings, name=name)
    except ConfigError as error:
        raise click.UsageError(f"{where}{error}") from None


def _changed(settings: Mapping[str, Any], stage: Stage, asked: Asked) -> dict[str, Any]:
    """What was asked for in its setting's place; one audience, as soon as an option speaks of it."""
    changed = dict(settings)
    if asked.profile is not None:
        changed["profile"] = asked.profile
    if asked.symbols is not None:
        changed["symbols"] = _symbols(stage.symbols, asked.symbols)
        lanes = settings.get("priceLanes") or {}
        changed["priceLanes"] = {key: lane for key, lane in lanes.items() if key in changed["symbols"]}
    said = dict(settings.get("workload") or {})
    work = {
        "trades": asked.trades,
        "messages": asked.messages,
        "hours": _hours(asked.hours),
        "requests": asked.requests,
    }
    audience = {
        "count": asked.viewers,
        "lane": asked.lane,
        "symbols": asked.watched,
        "hours": _hours(asked.viewer_hours),
    }
    given = {key: value for key, value in audience.items() if value is not None}
    if given:
        first = (said.get("viewers") or [{"count": Workload().viewers[0].count}])[0]
        said["viewers"] = [{**first, **given}]
    changed["workload"] = {**said, **{key: value for key, value in work.items() if value is not None}}
    return changed


def _symbols(known: tuple[str, ...], text: str) -> list[str]:
    """Those named; or so many, the stage's first and as many made-up ones as are missing."""
    if not re.fullmatch(r"-?[0-9]+", text):
        return [part.strip() for part in text.split(",")]
    count = int(text)
    if not 1 <= count <= SYMBOLS_MAX:
        raise click.UsageError(f"symbols is {text}; expected 1 to {SYMBOLS_MAX}, or their names")
    made_up = (name for name in (f"S{place:02}" for place in range(2 * SYMBOLS_MAX)) if name not in known)
    return [*known[:count], *(next(made_up) for _ in range(count - len(known)))]


def _hours(text: str | None) -> float | int | str | None:
    try:
        return None if text is None else _number(text)
    except click.BadParameter:
        return text  # a word, such as market


def _read(folder: Path, file: str) -> dict[str, Any]:
    """The defaults of Pulumi.yaml with the stage's values over them, by key."""
    project = _load(folder / "Pulumi.yaml")
    if f"{project.get('name')}:" != _OURS:
        raise click.UsageError(f"{folder / 'Pulumi.yaml'} is another program's; expected a Tickwire checkout")
    declared = project.get("config") or {}
    defaults = {key: spec.get("default") for key, spec in declared.items() if isinstance(spec, dict)}
    if not (folder / file).is_file():
        known = sorted(path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml"))
        expected = f"one of {', '.join(known)}" if known else "a stage's file, such as Pulumi.dev.yaml"
        raise click.UsageError(f"stage is {file.split('.')[1]!r}, which has no {file}; expected {expected}")
    values = {**defaults, **(_load(folder / file).get("config") or {})}
    return {key if ":" in key else _OURS + key: value for key, value in values.items()}


def _load(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise click.UsageError(
            f"reading {file.name} needs PyYAML; expected it from: pip install pyyaml"
        ) from None

    class Loader(yaml.SafeLoader):
        """YAML as Pulumi reads it, by version 1.2: `off` is a word there, and a date a text."""

    dropped = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in dropped]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(dropped[0], re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader)
    except FileNotFoundError:
        raise click.UsageError(
            f"{file} is missing; expected a checkout of Tickwire, here or by --folder"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.UsageError(f"{file} isn't YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not isinstance(content.get("config") or {}, dict):
        raise click.UsageError(f"{file} is empty or not a mapping; expected a Pulumi configuration")
    return content
