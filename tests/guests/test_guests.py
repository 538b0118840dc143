"""Guests of the local platform, by two stock MQTT clients."""

from __future__ import annotations

import pytest

from local.platform import Platform
from tests.guests.promises import GuestPromises


class TestGuests(GuestPromises):
    @pytest.fixture
    def stage_url(self, platform: Platform) -> str:
        return platform.url
