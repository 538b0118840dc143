"""Options that every command has, before or after its name, and running a coroutine for one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import click


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


def run(work: Coroutine[Any, Any, None]) -> None:
    """The command's own event loop; the library under it never starts one."""
    with asyncio.Runner() as runner:
        runner.run(work)


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
