"""Live prices from a Tickwire platform.

    async with Client("http://127.0.0.1:8080") as prices:
        async for tick in prices.ticks("AAPL", "MSFT"):
            print(tick.symbol, tick.price, tick.timestamp)

In: a platform's address. Out: ticks in order, or a typed error; see `Client`, `Stream` and `errors`.
"""

from __future__ import annotations

from tickwire.tick import Tick
from tickwire_client._blocking import SyncHistory, SyncPublisher, SyncStream
from tickwire_client._client import Client, SignedAddress, Stats
from tickwire_client._history import History
from tickwire_client._platform import Platform
from tickwire_client._stream import Stream
from tickwire_client._sync import SyncClient
from tickwire_client.errors import (
    AddressError,
    AnswerError,
    ClosedError,
    LaneError,
    LaneOffError,
    NotTickwireError,
    RecordingError,
    RejectedError,
    SlowReaderError,
    TakenOverError,
    TickError,
    TickwireError,
    TooManyTopicsError,
    TopicRefusedError,
    UnauthorizedError,
    UnknownSymbolError,
    UnreachableError,
)
from tickwire_client.events import Dropped, Event, Gap, Status
from tickwire_client.identity import Credentials, Identity, Keys, User
from tickwire_client.publisher import Publisher
from tickwire_client.values import Alert, Bar, BoardUpdate, Quote

__version__ = "0.1.0"

__all__ = [
    "AddressError",
    "Alert",
    "AnswerError",
    "Bar",
    "BoardUpdate",
    "Client",
    "ClosedError",
    "Credentials",
    "Dropped",
    "Event",
    "Gap",
    "History",
    "Identity",
    "Keys",
    "LaneError",
    "LaneOffError",
    "NotTickwireError",
    "Platform",
    "Publisher",
    "Quote",
    "RecordingError",
    "RejectedError",
    "SignedAddress",
    "SlowReaderError",
    "Stats",
    "Status",
    "Stream",
    "SyncClient",
    "SyncHistory",
    "SyncPublisher",
    "SyncStream",
    "TakenOverError",
    "Tick",
    "TickError",
    "TickwireError",
    "TooManyTopicsError",
    "TopicRefusedError",
    "UnauthorizedError",
    "UnknownSymbolError",
    "UnreachableError",
    "User",
    "__version__",
]
