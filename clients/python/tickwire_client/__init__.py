"""Live prices from a Tickwire platform.

    async with Client("http://127.0.0.1:8080") as prices:
        async for tick in prices.ticks("AAPL", "MSFT"):
            print(tick.symbol, tick.price, tick.timestamp)

In: a platform's address. Out: ticks in order, or a typed error; see `Client`, `Stream` and `errors`.
"""

from __future__ import annotations

from tickwire.tick import Tick
from tickwire_client._api import Quote
from tickwire_client._client import Client, SignedAddress, Stats
from tickwire_client._platform import Platform
from tickwire_client._stream import Stream
from tickwire_client.errors import (
    AddressError,
    AnswerError,
    ClosedError,
    LaneOffError,
    NotTickwireError,
    RejectedError,
    TakenOverError,
    TickError,
    TickwireError,
    TooManyTopicsError,
    TopicRefusedError,
    UnauthorizedError,
    UnknownSymbolError,
    UnreachableError,
)
from tickwire_client.identity import Credentials, Identity

__version__ = "0.1.0"

__all__ = [
    "AddressError",
    "AnswerError",
    "Client",
    "ClosedError",
    "Credentials",
    "Identity",
    "LaneOffError",
    "NotTickwireError",
    "Platform",
    "Quote",
    "RejectedError",
    "SignedAddress",
    "Stats",
    "Stream",
    "TakenOverError",
    "Tick",
    "TickError",
    "TickwireError",
    "TooManyTopicsError",
    "TopicRefusedError",
    "UnauthorizedError",
    "UnknownSymbolError",
    "UnreachableError",
    "__version__",
]
