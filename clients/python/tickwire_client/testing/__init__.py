"""For the tests of programs that use this package: a platform in this process, and ticks from a file.

    with MemoryPlatform("AAPL", "MSFT") as platform:
        # anything that takes an address: Client(platform.url), or a command with TICKWIRE_URL
        platform.say("AAPL", "189.45")
        platform.cut()

The client under test is the real one, its connection and signatures too: what is made up stands behind the
address. For pytest there is a fixture: `pytest_plugins = ["tickwire_client.testing.fixture"]`.
"""

from __future__ import annotations

from tickwire_client.recording import read, record, replay
from tickwire_client.testing._answers import KEY
from tickwire_client.testing._platform import MemoryPlatform

__all__ = ["KEY", "MemoryPlatform", "read", "record", "replay"]
