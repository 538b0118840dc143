"""WebSockets as AWS treats them: no pings, no waiting for a subscriber who doesn't read.

In: uvicorn's WebSocket protocol. Out: the same, but a connection for which more than `WAITING_BYTES_MAX`
waits is cut. Always: writing to one subscriber never holds up another (the broker serves them one after
another, and uvicorn's own way is to wait). Pings are off because AWS sends none and paho closes on one.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

WAITING_BYTES_MAX = 1024 * 1024  # besides what the operating system holds


class Unwaiting(WebSocketsSansIOProtocol):
    """A connection that is cut rather than waited for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=WAITING_BYTES_MAX)

    def pause_writing(self) -> None:
        self.transport.abort()
