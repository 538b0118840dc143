"""What all tests share: a local cloud, and a whole stage on it with its edge.

`cloud` is empty and for anyone who uses names of their own. `platform` is what `make run` gives, feed and
all; `quiet` is the same without a feed, for tests that count. All are made when a test first asks, and tests
that ask run after the others, so that a running feed slows none of those down; what they need is marked slow.

Hypothesis tries the same examples each time, and no clock judges them. To hunt for new ones:
`python -m pytest --hypothesis-profile=default tests/faults/test_promises.py`, as often as you like.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from local.cloud import Cloud
from local.platform import Platform

hypothesis.settings.load_profile("ci")

# Started in the background or by nohup we ignore these, and so would whatever the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

_LATE = ("cloud", "quiet", "platform")


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(state=tmp_path_factory.mktemp("platform"), keep=False, say=_silent) as running:
        yield running


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    state = tmp_path_factory.mktemp("quiet")
    with Platform(state=state, keep=False, settings={"feedPaused": True}, say=_silent) as running:
        yield running


def pytest_collection_finish() -> None:
    """What is imported by now stays; to look through it at each full collection would stop all threads."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _rank(item):
            item.add_marker(pytest.mark.slow)
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    """0 for a test that needs none of it; else by what it needs most."""
    names = getattr(item, "fixturenames", ())
    return max((place + 1 for place, name in enumerate(_LATE) if name in names), default=0)


def _silent(line: str) -> None:
    pass
