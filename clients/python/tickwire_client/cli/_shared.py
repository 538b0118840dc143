"""Options that every command has, before or after its name, and running a coroutine for one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from tickwire_client import Dropped, Event, Gap, Status
from tickwire_client._api import checked_key

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Which platform, and in which form to print."""

    url: str | None
    as_json: bool


def platform_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --url and --json; the command gets both as `setting`. What stands after its name wins."""

    @click.option("--url", metavar="URL", help="The platform's address.  [default: $TICKWIRE_URL]")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
    @functools.wraps(command)
    def wrapper(*args: Any, url: str | None, as_json: bool, **rest: Any) -> Any:
        outer = click.get_current_context().find_object(Setting)
        setting = Setting(
            url=url if url is not None else outer.url if outer else None,
            as_json=as_json or (outer is not None and outer.as_json),
        )
        return command(*args, setting=setting, **rest)

    return wrapper


class Number(click.FloatRange):
    """A number in a range; unlike click's own, not one that is no number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return found


key_option = click.option(
    "--key", envvar="TICKWIRE_KEY", help="The platform's key for writing.  [default: $TICKWIRE_KEY]"
)


def needed(key: str | None) -> str:
    """The key, or wrong usage."""
    if not key:
        raise click.UsageError("no key; expected --key or TICKWIRE_KEY: `make run` prints the local stage's")
    try:
        return checked_key(key)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """The command's own event loop; the library under it never starts one."""
    with asyncio.Runner() as runner:
        return runner.run(work)


def is_screen() -> bool:
    """Whether standard output is a terminal that can be drawn on, with blocks and arrows."""
    drawn = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    return sys.stdout.isatty() and drawn and os.environ.get("TERM") not in (None, "", "dumb")


@contextlib.contextmanager
def progress(*, beside_output: bool = True) -> Iterator[Callable[[str], None]]:
    """A line on a terminal's standard error that says how far long work is; elsewhere nothing.

    Unless `beside_output`, nothing either where the output itself is on a terminal and shows it.
    """
    if not sys.stderr.isatty() or (sys.stdout.isatty() and not beside_output):
        yield lambda text: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(Text(text))


def tell(event: Event) -> None:
    """Say on standard error what happened besides ticks; that all is well goes without saying."""
    match event:
        case Gap(symbol, first, last, filled=False):
            said = f"{symbol} {first} to {last} didn't come, and can't be had"
        case Dropped(n):
            said = f"left out {n} ticks, as they came faster than they were read"
        case Status(state, why) if state not in ("connected", "closed"):
            said = f"{state}: {why}"
        case _:
            return
    click.echo(f"tickwire: {said}", err=True)


def painted(text: str, colour: str) -> str:
    """Coloured on a terminal that wants it: https://no-color.org."""
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return click.style(text, fg=colour) if wanted else text


@contextlib.asynccontextmanager
async def while_read() -> AsyncIterator[None]:
    """Ends its body with BrokenPipeError once nobody reads standard output, though nothing is being written.

    Without it, a watcher of a quiet market would outlive `| head -1` until the next price.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    watched = sys.stdout.fileno() if _is_pipe() else None
    gone = False

    def leave() -> None:
        nonlocal gone
        gone = True
        loop.remove_reader(watched or 0)
        if task is not None:
            task.cancel()

    if watched is not None:
        loop.add_reader(watched, leave)
    try:
        yield
    except asyncio.CancelledError:
        if gone and task is not None:
            task.uncancel()
            raise BrokenPipeError from None
        raise
    finally:
        if watched is not None:
            loop.remove_reader(watched)


def _is_pipe() -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):
        return False
