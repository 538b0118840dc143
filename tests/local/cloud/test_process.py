"""The local cloud as a process: one port, clear refusals, and nothing left behind however it ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.cloud import ROOT, Cloud, CloudError
from tests.local.cloud.conftest import Kit, eventually

pytestmark = pytest.mark.slow

IDLE = "def handler(event, context):\n    return 'done'\n"
BUSY = "import time\ndef handler(event, context):\n    open(event, 'w').close()\n    time.sleep(60)\n"


def group(process: int) -> list[int]:
    """The live members of a process group (zombies, which only await being counted, are not alive)."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(pid) for pid, of, state in rows if int(of) == process and not state.startswith("Z")]


def status(cloud: Cloud, path: str, method: str = "GET") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path)
        return connection.getresponse().status


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[[Path], tuple[subprocess.Popen[str], Cloud]]]:
    """Start a cloud from a process of its own, which a test may then kill."""
    started: list[subprocess.Popen[str]] = []

    def start(state: Path) -> tuple[subprocess.Popen[str], Cloud]:
        script = textwrap.dedent(f"""
            import sys, time
            from pathlib import Path
            sys.path.append({str(ROOT)!r})
            from local.cloud import Cloud
            with Cloud(state=Path({str(state)!r})) as cloud:
                print(cloud.port, cloud.pid, flush=True)
                time.sleep(120)
        """)
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        port, server = map(int, process.stdout.readline().split())
        view = Cloud(port=port, state=state)
        view.server = server  # type: ignore[attr-defined]
        return process, view

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_it_listens_on_one_port_of_this_machine_only(cloud: Cloud, kit: Kit) -> None:
    """No MQTT on 8883, no SFTP, nothing on another interface: one socket, bound to 127.0.0.1."""
    kit.function(IDLE)
    kit.call()
    held = {
        os.readlink(f"/proc/{pid}/fd/{fd}")
        for pid in group(cloud.pid)
        for fd in os.listdir(f"/proc/{pid}/fd")
        if os.path.islink(f"/proc/{pid}/fd/{fd}")
    }
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
                listening.append(fields[1])
    assert listening == [f"0100007F:{cloud.port:04X}"]


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "/_ministack/config", "/_localstack/health", "/_aws/sqs/messages"]
)
def test_ministacks_own_pages_are_not_served(cloud: Cloud, path: str) -> None:
    """They need no credentials, and any page in the developer's browser could post to them."""
    assert status(cloud, path, "POST") == 404


def test_instance_metadata_is_not_served(cloud: Cloud) -> None:
    """It would hand out credentials of a role to whoever asks."""
    assert status(cloud, "/latest/api/token", "PUT") >= 400


def test_a_taken_port_is_named_in_one_sentence() -> None:
    """Who listens there is not our business; how to get round it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CloudError) as refused:
            Cloud(port=port).start()
    assert str(refused.value) == f"port {port} is in use; stop what listens there or set TICKWIRE_AWS_PORT"


def test_a_state_folder_that_cant_be_written_to_is_named(tmp_path: Path) -> None:
    """A file where the folder should be is the simplest of those cases."""
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CloudError, match=r"file/state can't be written to \(Not a directory\); .*TICKWIRE_STATE"
    ):
        Cloud(state=tmp_path / "file" / "state").start()


def test_two_clouds_never_share_a_state(tmp_path: Path) -> None:
    """They would overwrite each other's files; the second is told who has it."""
    with Cloud(state=tmp_path / "state"), pytest.raises(CloudError, match=f"of process {os.getpid()}"):
        Cloud(state=tmp_path / "state").start()


def test_the_state_folder_is_private(tmp_path: Path) -> None:
    """It holds secrets: sessions, parameters, keys."""
    with Cloud(state=tmp_path / "state"):
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_stopping_ends_the_workers_too(kit_of: Callable[[Cloud], Kit]) -> None:
    """An idle worker and one in the middle of a call are gone when `stop` returns."""
    with Cloud() as cloud:
        kit = kit_of(cloud)
        kit.function(IDLE)
        kit.call()
        server = cloud.pid
        assert len(group(server)) == 2
    assert group(server) == []


@pytest.mark.parametrize("killed", ["server", "parent"])
def test_nothing_outlives_a_kill(
    killed: str,
    owner: Callable[[Path], tuple[subprocess.Popen[str], Cloud]],
    kit_of: Callable[[Cloud], Kit],
    tmp_path: Path,
) -> None:
    """`kill -9` of the server or of who started it ends idle and busy workers; the next start finds no
    obstacle.
    """
    process, cloud = owner(tmp_path / "state")
    server: int = cloud.server  # type: ignore[attr-defined]
    idle, busy = kit_of(cloud), kit_of(cloud)
    idle.function(IDLE)
    idle.call()
    busy.function(BUSY, timeout_s=90)
    mark = tmp_path / "mark"
    cloud.client("lambda").invoke(FunctionName=busy.name, InvocationType="Event", Payload=f'"{mark}"')
    eventually(mark.exists)
    assert len(group(server)) == 3

    os.kill(server if killed == "server" else process.pid, signal.SIGKILL)
    if killed == "parent":
        process.wait()
    with Cloud(port=cloud.port, state=tmp_path / "state") as again:
        assert again.port == cloud.port
    eventually(lambda: group(server) == [])
