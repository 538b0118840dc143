"""What can go wrong, as types a caller can act on.

Each carries its facts as attributes; its text gives the value, what was expected and the remedy. All are
`TickwireError`. A fault of the network after the first connection isn't among them: the client reconnects.
"""

from __future__ import annotations

from collections.abc import Sequence


class TickwireError(Exception):
    """Anything this package raises on purpose."""


class AddressError(TickwireError, ValueError):
    """No address was given, or not one of a web server."""

    def __init__(self, url: str | None) -> None:
        self.url = url
        super().__init__(
            f"the platform's address is {url!r}; expected http://… or https://… with a host, and a port that"
            " can be, as url or in TICKWIRE_URL"
        )


class NotTickwireError(TickwireError):
    """Something answered at the address, and it isn't a Tickwire."""

    def __init__(self, url: str, found: str) -> None:
        self.url, self.found = url, found
        super().__init__(
            f"{url} is not a Tickwire: /tickwire.json there is {found};"
            " expected the address that `make run` or `pulumi up` printed"
        )


class UnreachableError(TickwireError):
    """No answer in time from the platform's site, API, identity service or broker. Trying again may help."""

    def __init__(self, url: str, why: str) -> None:
        self.url, self.why = url, why
        super().__init__(f"no answer from {url}: {why}; is the platform running, and the address right?")


class AnswerError(TickwireError):
    """The platform answered with something that this version doesn't understand."""

    def __init__(self, url: str, found: str) -> None:
        self.url, self.found = url, found
        super().__init__(
            f"{url} answered with {found}; expected what this version of tickwire-client understands"
        )


class UnknownSymbolError(TickwireError, ValueError):
    """A symbol that the stage doesn't carry. Nothing was sent."""

    def __init__(self, symbol: str, *, near: Sequence[str], known: Sequence[str]) -> None:
        self.symbol, self.near, self.known = symbol, tuple(near), tuple(known)
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = f"expected one of {', '.join(self.known[:8])}" + (" …" if len(self.known) > 8 else "")
        super().__init__(f"symbol is {symbol!r}, which this stage doesn't carry; {hint}")


class LaneOffError(TickwireError, ValueError):
    """A symbol whose price lane the stage has turned off: waiting for it would be in vain."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        super().__init__(
            f"the price lane of {symbol} is off on this stage; the board and latest() have its newest price"
        )


class LaneError(TickwireError, ValueError):
    """Every tick is wanted of a symbol whose price lane only carries the newest."""

    def __init__(self, symbol: str, lane: str) -> None:
        self.symbol, self.lane = symbol, lane
        super().__init__(
            f"the price lane of {symbol} is {lane!r}, which carries the newest only; expected a live one for"
            " lossless=True or lane='live': leave them out, or read history()"
        )


class SlowReaderError(TickwireError):
    """The reader fell behind by more than the stream keeps, and had asked for an error then.

    `kept` ticks were yielded before this; `missed` came after them and weren't.
    """

    def __init__(self, *, kept: int, missed: int) -> None:
        self.kept, self.missed = kept, missed
        super().__init__(
            f"the reader was more than {kept} items behind, and {missed} were left out; expected it to keep"
            " up: do less for each, or choose overflow='conflate', 'drop_oldest' or 'block'"
        )


class TickError(TickwireError, ValueError):
    """A tick that can't be published. Nothing was sent."""


class TooManyTopicsError(TickwireError):
    """More topics than one client's connections may have. Nothing was sent."""

    def __init__(self, count: int, *, most: int) -> None:
        self.count, self.most = count, most
        super().__init__(
            f"{count} topics for one client; its connections carry {most}: ask for fewer symbols,"
            " or for lane='board', which has them all on one topic"
        )


class TopicRefusedError(TickwireError):
    """The broker refused a subscription. The stream that asked for it has ended; other streams go on."""

    def __init__(self, topics: Sequence[str], why: str) -> None:
        self.topics, self.why = tuple(topics), why
        super().__init__(
            f"the broker refused the subscription to {', '.join(topics)}: {why};"
            " expected a topic that the role of this identity allows"
        )


class UnauthorizedError(TickwireError):
    """Identity, credentials, signature or client id were refused, also after fetching new ones. Terminal.

    `clock_offset_s` is how far this machine's clock is ahead of the server's, where the answer told.
    """

    def __init__(self, url: str, why: str, *, clock_offset_s: float | None = None) -> None:
        self.url, self.why, self.clock_offset_s = url, why, clock_offset_s
        remedy = (
            "check the identity pool and its role, that the stage is still deployed,"
            " and that whoever runs it hasn't closed guest access"
        )
        if clock_offset_s is not None and abs(clock_offset_s) > 240:
            side = "ahead of" if clock_offset_s > 0 else "behind"
            remedy = (
                f"this machine's clock is {abs(clock_offset_s) / 60:.0f} minutes {side} the server's,"
                " and signatures bear 5: set the clock"
            )
        super().__init__(f"{url} refused this client: {why}; {remedy}")


class TakenOverError(TickwireError):
    """Another connection came with the same client id, and the broker closed this one. Terminal."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        super().__init__(
            f"another connection took over the client id {client_id}; expected one of its own for each client"
        )


class RejectedError(TickwireError):
    """The API refused a request and said why, in a problem document (RFC 9457)."""

    def __init__(
        self,
        url: str,
        status: int,
        title: str,
        *,
        detail: str | None = None,
        field: str | None = None,
        value: object = None,
        expected: str | None = None,
        symbols: Sequence[str] | None = None,
    ) -> None:
        self.url, self.status, self.title, self.detail = url, status, title, detail
        self.field, self.value, self.expected = field, value, expected
        self.symbols = tuple(symbols or ())  # those that a queue didn't take, when it took others
        super().__init__(f"{url} answered {status}: {detail or title}")


class ClosedError(TickwireError):
    """The client isn't open: used before `async with`, or after it."""

    def __init__(self) -> None:
        super().__init__("the client is closed; expected use inside `async with Client(url) as client`")


class RecordingError(TickwireError, ValueError):
    """A file that isn't a recording. What stood before that line was given out."""

    def __init__(self, path: str, line: int, why: str) -> None:
        self.path, self.line, self.why = path, line, why
        super().__init__(
            f"{path}, line {line}: {why}; expected a price message on each line, as `tickwire record` writes"
        )
