"""HTTP answers for API Gateway, and RFC 9457 problem documents that name field, value and expectation."""

from __future__ import annotations

import json
from typing import Any

Answer = dict[str, Any]


class Problem(Exception):
    """An answer that isn't what was asked for. The facts are for the caller to act on."""

    def __init__(self, status: int, title: str, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.status, self.body = (
            status,
            {"type": "about:blank", "title": title, "status": status, "detail": detail, **facts},
        )

    def answer(self) -> Answer:
        return _answer(self.status, json.dumps(self.body), "application/problem+json", "no-store")


def wrong(field: str, value: object, expected: str) -> Problem:
    """A parameter or field that can't be."""
    return Problem(
        400,
        f"{field} can't be used",
        f"{field} is {value!r}; expected {expected}",
        field=field,
        value=value,
        expected=expected,
    )


def json_answer(text: str, *, status: int = 200, cache: str = "no-cache") -> Answer:
    """`text` is JSON already: decimals keep every digit that way."""
    return _answer(status, text, "application/json", cache)


def _answer(status: int, text: str, kind: str, cache: str) -> Answer:
    return {
        "statusCode": status,
        "headers": {"content-type": kind, "cache-control": cache},
        "body": text,
        "isBase64Encoded": False,
    }
