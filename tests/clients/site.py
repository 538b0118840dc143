"""A site for tests: serves a discovery document, a snapshot and a door that wants a key."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

KEY = "let-me-in"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is none."""


class Site:
    """What it serves can be changed while it runs; `posted` is what came through the door."""

    def __init__(self) -> None:
        self.document: object = None
        self.raw: tuple[int, str, bytes] | None = None  # answers everything with this, when set
        self.prices: list[dict[str, Any]] = []
        self.api: Callable[[str, dict[str, str]], tuple[int, object]] | None = None
        """Answers what is asked of the API instead, when set; `got` is what that was."""
        self.got: list[tuple[str, dict[str, str]]] = []
        self.posted: list[Any] = []
        self.doors: list[tuple[int, object]] = []
        """What the door answers next; then it takes what comes."""
        self.knocked, self.open = threading.Event(), threading.Event()
        """Something has been posted; it is answered while `open` is set."""
        self.open.set()
        self.health: Callable[[], object] | None = None
        self.answers: dict[str, list[tuple[int, object]]] = {}  # of an identity service, by operation
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if site.raw is not None:
                    self._send(*site.raw)
                elif parts.path == "/tickwire.json":
                    self._json(200, site.document)
                elif site.api is not None and parts.path.startswith("/api/"):
                    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    site.got.append((parts.path, query))
                    self._json(*site.api(parts.path, query))
                elif parts.path == "/api/prices":
                    wanted = parse_qs(parts.query)["symbols"][0].split(",")
                    self._json(200, {"prices": [row for row in site.prices if row["symbol"] in wanted]})
                elif parts.path == "/api/health" and site.health is not None:
                    self._json(200, site.health())
                else:
                    self._send(404, "text/html", b"<h1>nothing here</h1>")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                site.knocked.set()
                site.open.wait()
                if operation := self.headers.get("x-amz-target", "").rpartition(".")[2]:
                    site.asked.append(operation)
                    site.posted.append(body)
                    answers = site.answers[operation]
                    self._json(*(answers.pop(0) if len(answers) > 1 else answers[0]))
                elif site.doors:
                    self._json(*site.doors.pop(0))
                elif self.headers.get("x-api-key") != KEY:
                    self._problem(401, "Unauthorized", "x-api-key", None, "the stage's key")
                elif b"1000000000" in body:
                    self._problem(422, "Unprocessable", "price", 1000000000, "at most 100000000")
                else:
                    site.posted.append(body)
                    self._json(202, {"accepted": len(json.loads(body))})

            def _problem(self, status: int, title: str, field: str, value: object, expected: str) -> None:
                detail = f"{field} is {value!r}; expected {expected}"
                problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
                self._json(status, problem | {"field": field, "value": value, "expected": expected})

            def _json(self, status: int, found: object) -> None:
                self._send(status, "application/json", json.dumps(found).encode())

            def _send(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
