"""Each thing that a machine can lack gets one sentence that names it, what was expected, and the remedy."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import preflight

ROOT = Path(__file__).resolve().parents[2]


def test_a_python_that_is_too_old_is_named() -> None:
    """The sentence has the version found, the one expected, and how to name another."""
    preflight.python((3, 11, 0))
    with pytest.raises(
        preflight.Refusal, match=r"^Python is 3\.10 \(/opt/py\); expected 3\.11 .*PYTHON=python3\.12$"
    ):
        preflight.python((3, 10, 13), "/opt/py")


def test_a_python_from_long_ago_can_read_it() -> None:
    """It says its sentence instead of a syntax error: nothing in it is newer than Python 3.6."""
    source = (ROOT / "local" / "preflight.py").read_text()
    compile(source, "preflight.py", "exec", dont_inherit=True)
    assert "from __future__ import annotations" not in source
    import ast

    ast.parse(source, feature_version=(3, 6))


def test_ports_come_from_the_environment() -> None:
    first, second = _free(), _free()
    assert preflight.ports({"TICKWIRE_PORT": str(first), "TICKWIRE_AWS_PORT": str(second)}) == (first, second)


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1", "8080.0", "99999999999"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(preflight.Refusal, match=f"^TICKWIRE_PORT is '{text}'; expected a port, 1 to 65535$"):
        preflight.ports({"TICKWIRE_PORT": text})


def test_one_port_for_both_is_refused() -> None:
    port = str(_free())
    with pytest.raises(preflight.Refusal, match="which TICKWIRE_PORT has already"):
        preflight.ports({"TICKWIRE_PORT": port, "TICKWIRE_AWS_PORT": port})


def test_a_port_that_is_taken_is_named_with_its_purpose() -> None:
    """The sentence says which port, what it is for, and which variable moves it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            preflight.Refusal, match=f"port {port} .* the local AWS, .*in use.*TICKWIRE_AWS_PORT=PORT"
        ):
            preflight.ports({"TICKWIRE_PORT": str(_free()), "TICKWIRE_AWS_PORT": str(port)})


def test_a_local_aws_whose_parent_was_killed_is_waited_for() -> None:
    """It leaves its port within moments; one whose parent lives doesn't."""
    with _health(parent=_dead()) as port:
        preflight.ports({"TICKWIRE_PORT": str(_free()), "TICKWIRE_AWS_PORT": str(port)})
    with _health(parent=os.getpid()) as port, pytest.raises(preflight.Refusal, match="in use"):
        preflight.ports({"TICKWIRE_PORT": str(_free()), "TICKWIRE_AWS_PORT": str(port)})


def test_a_killed_parent_that_nobody_has_asked_about_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as parent:
        os.waitid(os.P_PID, parent.pid, os.WEXITED | os.WNOWAIT)
        with _health(parent=parent.pid) as port:
            preflight.ports({"TICKWIRE_PORT": str(_free()), "TICKWIRE_AWS_PORT": str(port)})


def test_one_that_has_stopped_answering_is_asked_for_again() -> None:
    """As while it saves: its port is free a moment later."""
    with socket.create_server(("127.0.0.1", 0)) as leaving:
        port = leaving.getsockname()[1]

        def leave() -> None:
            leaving.accept()[0].close()
            leaving.close()

        threading.Thread(target=leave, daemon=True).start()
        preflight.ports({"TICKWIRE_PORT": str(_free()), "TICKWIRE_AWS_PORT": str(port)})


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    """A file where a directory is needed stands for every reason, as root may write anywhere."""
    (tmp_path / "file").write_text("")
    preflight.writable(str(tmp_path / "new" / "deep"))
    assert not (tmp_path / "new").exists(), "nothing is left behind"
    with pytest.raises(preflight.Refusal, match=r"file is not a directory, .*TICKWIRE_STATE=DIRECTORY"):
        preflight.state(str(tmp_path), {"TICKWIRE_STATE": "file/state"})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_stage_without_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages that there are get named; the local one is for `make run`."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.local.yaml"):
        (tmp_path / name).write_text("")
    for name in ("", "prod", "local", "../dev"):
        with pytest.raises(preflight.Refusal, match=r"expected one that has a Pulumi.STAGE.yaml: dev$"):
            preflight.stage(str(tmp_path), name)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preflight.Refusal, match="the Pulumi CLI isn't installed"):
        preflight.stage(str(tmp_path), "dev")


def test_refusals_are_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = subprocess.run(
            [sys.executable, "-I", ROOT / "local" / "preflight.py", "--ports"],
            env={**os.environ, "TICKWIRE_PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith("tickwire: port ")
    assert found.stderr.count("\n") == 1


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _dead() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


@contextmanager
def _health(*, parent: int) -> Iterator[int]:
    """A local AWS as far as its health page goes."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"instance": "1", "parent": parent}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
