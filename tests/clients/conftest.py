"""A stage for the clients' tests: a real broker and identity pool, and the site that a client finds them by.

`stage` is what a test talks to: its `url` is the platform's address, `say` publishes price messages as the
platform does, `feed` numbers its ticks and serves them over HTTP. `link` puts a wire between client and
broker that a test can cut.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients import cloud as cloud_
from tests.clients.feed import Feed
from tests.clients.site import Site
from tests.clients.stage import ALLOWED, REFUSED, Stage
from tests.clients.wire import Wire
from tickwire_client import _catch_up as catch_up


@pytest.fixture(scope="session")
def broker() -> Iterator[cloud_.Broker]:
    with cloud_.broker(ALLOWED) as broker:
        yield broker


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def stage(broker: cloud_.Broker, site: Site) -> Stage:
    return Stage(site=site, broker=broker, symbols=(*ALLOWED, REFUSED))


@pytest.fixture
def link(stage: Stage) -> Iterator[Wire]:
    with Wire(stage.broker.port) as link:
        stage.link = link
        stage.move(stage.broker)
        yield link


@pytest.fixture
def feed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """The stage's ticks; what clients wait for at random they wait for shortly."""
    monkeypatch.setattr(catch_up, "LOSS_S", 0.2)
    return Feed(stage)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the broker starts a local cloud, and is left out where only quick tests are wanted."""
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
