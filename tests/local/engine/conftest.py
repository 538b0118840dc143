"""One local cloud and one warm process for all tests of the engine; a stage and a program for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.engine import Warm
from tests.local.engine.lab import Lab

_number = itertools.count(1)


@pytest.fixture(scope="session")
def engine_cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    with Warm() as warm:
        yield warm


@pytest.fixture
def lab(engine_cloud: Cloud, warm: Warm, tmp_path: Path) -> Lab:
    return Lab(cloud=engine_cloud, warm=warm, folder=tmp_path, stage=f"lab{next(_number)}")
