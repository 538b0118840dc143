"""Chromium as the system has it: where it is, and how it's started with nothing of its own going on."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium here: install Debian's package chromium, or name one in TICKWIRE_CHROMIUM"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def found() -> str | None:
    return os.environ.get("TICKWIRE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
