"""The guests' promises on a stage on AWS, by hand: `TICKWIRE_URL=https://… pytest tests/live/stage.py`.

The stage's feed has to run. The file's name keeps it out of every other run: nothing is skipped there.
"""

from __future__ import annotations

import os

import pytest

from tests.guests.promises import GuestPromises


class TestStage(GuestPromises):
    @pytest.fixture
    def stage_url(self) -> str:
        url = os.environ.get("TICKWIRE_URL", "")
        assert url.startswith("https://"), f"TICKWIRE_URL is {url!r}; expected the stage's address on AWS"
        return url.rstrip("/")
