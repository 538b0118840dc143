"""The edge does what the distribution says; around it, every answer is one that a client can act upon."""

from __future__ import annotations

import http.client
import http.server
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from local.delivery import Delivery, Header, Policy, Route
from local.edge import BODY_BYTES_MAX, Edge
from local.platform import Platform

POLICY = Policy(
    always=(Header("x-own", "edge", False), Header("x-strict", "edge", True)),
    cors=(Header("access-control-allow-origin", "*", True),),
    preflight=(Header("access-control-max-age", "60", True),),
)
READS, ALL = frozenset({"GET", "HEAD"}), frozenset({"GET", "HEAD", "OPTIONS", "POST"})
DELIVERY = Delivery(
    host="d1.cloudfront.net",
    routes=(
        Route(
            pattern=re.compile("/api/.*"), methods=ALL, api_host="a1.execute-api.localhost:1", policy=POLICY
        ),
        Route(pattern=re.compile(".*"), methods=READS),
    ),
)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(url: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    """One request, sent as it is: no redirects followed, no path tidied up."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return Answer(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )
    finally:
        connection.close()


class Origin(http.server.BaseHTTPRequestHandler):
    """A local cloud that answers with what it was asked, and closes its connection where the path says so."""

    protocol_version = "HTTP/1.1"
    hang_ups = 0

    def do_GET(self) -> None:
        if self.path.endswith("/hang-up-once") and type(self).hang_ups == 0:
            type(self).hang_ups += 1
            self.close_connection = True
            return
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode("latin-1")
        told = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers.items()),
            "body": body,
        }
        text = json.dumps(told).encode()
        self.send_response(200)
        for name, value in (("x-own", "origin"), ("x-strict", "origin"), ("content-length", str(len(text)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else text)

    do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def origin() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        server.daemon_threads = True
        Origin.hang_ups = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def edge() -> Iterator[Edge]:
    with origin() as url, Edge(cloud_url=url) as edge:
        edge.show(DELIVERY)
        yield edge


def test_before_anything_is_deployed_it_says_try_again() -> None:
    """It listens at once, so that a client waits instead of failing."""
    with origin() as url, Edge(cloud_url=url) as edge:
        found = ask(edge.url, "/")
    assert found.status == 503
    assert found.headers["retry-after"] == "2"
    assert json.loads(found.body)["detail"] == "the stage is being deployed; try again in a few seconds"


def test_a_cloud_that_is_away_is_a_problem_document() -> None:
    """Readable by a page of any origin, so that its code sees the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with Edge(cloud_url=url) as edge:
        edge.show(DELIVERY)
        found = ask(edge.url, "/api/prices")
    assert found.status == 502
    assert found.headers["content-type"] == "application/problem+json"
    assert found.headers["access-control-allow-origin"] == "*"
    assert json.loads(found.body)["status"] == 502


def test_pages_and_api_go_to_the_host_that_the_distribution_names(edge: Edge) -> None:
    """Path and query arrive byte for byte; hop-by-hop headers stay here; the caller's address is told."""
    told = json.loads(
        ask(edge.url, "/a%2Fb//c?x=%20y&x", X_Mine="1", Connection="keep-alive, x", TE="trailers").body
    )
    assert told["path"] == "/a%2Fb//c?x=%20y&x"
    headers = {name.lower(): value for name, value in told["headers"].items()}
    assert headers["host"] == "d1.cloudfront.net"
    assert headers["x-mine"] == "1"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert "te" not in headers
    told = json.loads(ask(edge.url, "/api/ticks", "POST", b"\x00body").body)
    assert (told["method"], told["headers"]["host"], told["body"]) == (
        "POST",
        "a1.execute-api.localhost:1",
        "\0body",
    )


def test_a_policys_headers_replace_the_origins_only_where_they_override(edge: Edge) -> None:
    found = ask(edge.url, "/api/prices")
    assert (found.headers["x-own"], found.headers["x-strict"]) == ("origin", "edge")
    assert "access-control-allow-origin" not in found.headers, "nobody's page asked"


def test_cors_headers_go_to_requests_that_name_an_origin(edge: Edge) -> None:
    """And those of a preflight to a preflight only."""
    found = ask(edge.url, "/api/prices", Origin="http://x.org")
    assert found.headers["access-control-allow-origin"] == "*"
    assert "access-control-max-age" not in found.headers
    found = ask(edge.url, "/api/prices", "OPTIONS", Origin="http://x.org")
    assert found.headers["access-control-max-age"] == "60"


def test_a_method_that_the_behaviour_does_not_allow_is_refused(edge: Edge) -> None:
    found = ask(edge.url, "/", "POST", b"{}")
    assert found.status == 403
    assert json.loads(found.body)["detail"] == "method is POST on /; expected one of GET, HEAD"


def test_head_is_answered_without_a_body_and_with_its_length(edge: Edge) -> None:
    found = ask(edge.url, "/api/prices", "HEAD")
    assert (found.status, found.body) == (200, b"")
    assert int(found.headers["content-length"]) > 0


def test_a_body_may_have_ten_megabytes_and_not_one_byte_more(edge: Edge) -> None:
    """The bound is API Gateway's own; beyond it the connection is closed instead of read to its end."""
    assert ask(edge.url, "/api/ticks", "POST", b"x" * BODY_BYTES_MAX).status == 200
    with socket.create_connection(("127.0.0.1", int(edge.url.rpartition(":")[2])), timeout=20) as raw:
        raw.sendall(
            b"POST /api/ticks HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1)
        )
        raw.sendall(b"x" * (BODY_BYTES_MAX + 1))
        found = raw.makefile("rb").read()
    assert found.startswith(b"HTTP/1.1 413 ")
    assert b"the body is over 10000000 bytes" in found


def test_a_connection_that_the_cloud_had_just_closed_is_tried_again_for_reads(edge: Edge) -> None:
    """A write might have arrived: it is not repeated."""
    assert ask(edge.url, "/hang-up-once").status == 200
    Origin.hang_ups = 0
    assert ask(edge.url, "/api/hang-up-once", "POST", b"{}").status == 502


def test_it_listens_on_this_machine_only_and_leaves_its_port(edge: Edge) -> None:
    port = int(edge.url.rpartition(":")[2])
    with Edge(cloud_url="http://127.0.0.1:1") as other:
        freed = int(other.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Edge(cloud_url="http://127.0.0.1:1", port=port)
    assert edge.url == f"http://127.0.0.1:{port}"
    socket.create_server(("127.0.0.1", freed)).close()


def test_the_root_is_the_page_with_its_security_policy(quiet: Platform) -> None:
    """HTML, never kept without asking, and a policy that lets it reach its own platform only."""
    found = ask(quiet.url, "/")
    assert found.status == 200
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.headers["cache-control"] == "no-cache"
    assert found.body.lower().startswith(b"<!doctype html>")
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"connect-src 'self' ws{quiet.aws_url.removeprefix('http')} {quiet.aws_url};" in policy
    assert found.headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_has_already_is_not_sent_again(quiet: Platform) -> None:
    etag = ask(quiet.url, "/").headers["etag"]
    found = ask(quiet.url, "/", If_None_Match=etag)
    assert (found.status, found.body, found.headers["etag"]) == (304, b"", etag)
    assert ask(quiet.url, "/", If_None_Match='"another"').status == 200


def test_discovery_is_for_pages_of_any_origin(quiet: Platform) -> None:
    found = ask(quiet.url, "/tickwire.json", Origin="https://elsewhere.example")
    assert found.headers["access-control-allow-origin"] == "*"
    assert found.headers["content-type"] == "application/json"
    document: dict[str, Any] = json.loads(found.body)
    assert document["api"] == f"{quiet.url}/api"
    assert document["identity"]["url"] == quiet.aws_url


def test_a_page_that_is_not_there_is_the_clients_error(quiet: Platform) -> None:
    """Whatever its path tries: nothing outside the site's bucket is in reach."""
    for path in ("/nothing", "/../Makefile", "/%2e%2e/x", "/..%2f..%2fetc/passwd", "//api/prices"):
        found = ask(quiet.url, path)
        assert found.status in (400, 403, 404), path
        assert b"tickwire" not in found.body or b"<Error>" in found.body, path


def test_the_api_answers_below_the_sites_address(quiet: Platform) -> None:
    """Its own errors arrive as they are."""
    found = ask(quiet.url, "/api/health")
    assert found.status == 200
    assert json.loads(found.body)["stage"] == "local"
    found = ask(quiet.url, "/api/prices?symbols=NOPE")
    assert (found.status, found.headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(found.body)["value"] == "NOPE"
    found = ask(quiet.url, "/api/prices", "POST", b"{}")
    assert (found.status, found.headers["content-type"]) == (405, "application/problem+json")


def test_a_page_elsewhere_may_ask_to_write(quiet: Platform) -> None:
    """The preflight allows the key's header; the write itself needs the key."""
    asked = {"Origin": "http://x.org", "Access_Control_Request_Method": "POST"}
    found = ask(quiet.url, "/api/ticks", "OPTIONS", None, **asked, Access_Control_Request_Headers="x-api-key")
    assert found.status in (200, 204)
    assert found.headers["access-control-allow-origin"] == "*"
    assert "x-api-key" in found.headers["access-control-allow-headers"]
    assert "POST" in found.headers["access-control-allow-methods"]
    tick = json.dumps({"symbol": "AAPL", "price": 189.45}).encode()
    assert ask(quiet.url, "/api/ticks", "POST", tick, Content_Type="application/json").status == 401
    found = ask(quiet.url, "/api/ticks", "POST", tick, Content_Type="application/json", x_api_key=quiet.key)
    assert found.status in (200, 202)
