"""How the shim takes hold of ministack: by name, and never silently.

In: a module or class of ministack, the name of what is to be mended, the mended version. Out: that name now
leads to the mended version. Always: a name that is not there any more raises `Moved`, so an upgrade of
ministack that rearranges its insides stops at the start with a sentence instead of running half mended.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any

VERSION = "1.5.33"


class Moved(RuntimeError):
    """Ministack is not the version, or not the shape, that the shim was written for."""


def module(name: str) -> Any:
    """One of ministack's modules, such as `services.iot`."""
    try:
        return importlib.import_module(f"ministack.{name}")
    except ModuleNotFoundError as error:
        raise Moved(f"ministack.{name} is gone; the shim in local/ministack needs another look") from error


def check_version() -> None:
    """Refuse any other version than the one whose insides the shim knows."""
    found = importlib.metadata.version("ministack")
    if found != VERSION:
        raise Moved(f"ministack is {found}; the shim in local/ministack expects {VERSION}: install that one")


def present(owner: Any, *names: str) -> None:
    """Check that everything the mended code is going to use is still there."""
    for name in names:
        if not hasattr(owner, name):
            where = getattr(owner, "__name__", repr(owner))
            raise Moved(f"{where}.{name} is gone; the shim in local/ministack needs another look")


def put(owner: Any, name: str, value: Any) -> Any:
    """Replace a value; return what stood there."""
    present(owner, name)
    original = getattr(owner, name)
    setattr(owner, name, value)
    return original


def around(owner: Any, name: str, *importers: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function that stands around `owner.name`: it is called with the original first.

    `importers` are modules that imported the name for themselves and have to be told.
    """
    present(owner, name)
    original = getattr(owner, name)

    def decorate(mended: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def called(*args: Any, **named: Any) -> Any:
            return mended(original, *args, **named)

        setattr(owner, name, called)
        for importer in importers:
            put(importer, name, called)
        return mended

    return decorate
