"""A pytest fixture: `pytest_plugins = ["tickwire_client.testing.fixture"]` in your conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tickwire_client.testing._answers import KEY
from tickwire_client.testing._platform import MemoryPlatform


@pytest.fixture
def tickwire_platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryPlatform]:
    """A platform of its own for each test, with AAPL, MSFT and BTC-USD; `Client()` finds it by itself."""
    with MemoryPlatform() as platform:
        monkeypatch.setenv("TICKWIRE_URL", platform.url)
        monkeypatch.setenv("TICKWIRE_KEY", KEY)
        yield platform
