"""The local AWS, started and stopped: a server process on 127.0.0.1 and the functions' workers under it.

In: a port (or any), a folder for its state (or none). Out: `url`, clients signed as root, and `instance`,
an id that lives as long as the state. Always: it listens on one port of 127.0.0.1 and nowhere else; it
checks signatures and rights; whatever it started ends with it, and with this process however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from local.preflight import HOST, STAYS, lives, occupant
from tickwire.limits import LIFETIME

REGION = "us-east-1"
KEY = SECRET = "test"
ROOT = Path(__file__).resolve().parent.parent

START_S = 30.0
STOP_S = 15.0
LEAVE_S = 10.0  # how long a server whose parent died gets to leave the port and the state

_START = "import sys; sys.path.append(sys.argv.pop(1)); from local.ministack.server import main; main()"


class CloudError(Exception):
    """It can't start. The text is one sentence: what is wrong and what helps."""


class Cloud:
    """A local AWS; a context manager. `port` 0 is any free one; without `state` it forgets everything at
    the end. Without `limits` its broker takes what AWS's would refuse; `lifetime_s` is a WebSocket's.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        state: Path | None = None,
        limits: bool = True,
        lifetime_s: float = LIFETIME.value,
    ) -> None:
        self.port, self.state = port, state
        self._limits = ["--lifetime-s", str(lifetime_s)] if limits else ["--unlimited"]
        self.instance = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: Path | None = None
        self._session: Any = None
        self._making = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What the server had to say: warnings, and what failing functions printed."""
        return self._folder / "server.log"

    @property
    def _folder(self) -> Path:
        folder = self.state or self._scratch
        assert folder is not None, "not started"
        return folder

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client of this cloud, as root unless `settings` say otherwise.

        The developer's own profile, files and proxy have no say in it.
        """
        from botocore.config import Config

        config = Config(proxies={}).merge(settings.pop("config", None) or Config())
        with self._making:  # boto3's sessions are not for several threads
            self._session = self._session or _session()
            return self._session.client(service, **{"endpoint_url": self.url, "config": config, **settings})

    def start(self) -> Cloud:
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            folder = self._prepare()
            with (
                contextlib.closing(_lock(folder)) as lock,
                contextlib.closing(_listen(self.port)) as listening,
            ):
                self.port = listening.getsockname()[1]
                with open(self.log, "ab") as log:
                    self._process = subprocess.Popen(
                        [
                            sys.executable,
                            "-I",
                            "-c",
                            _START,
                            str(ROOT),
                            "--socket",
                            str(listening.fileno()),
                            "--parent",
                            str(os.getpid()),
                            "--state",
                            str(folder),
                            *(["--keep"] if self.state else []),
                            *self._limits,
                        ],
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        cwd=folder,
                        env=_environment(folder, self.port, keep=self.state is not None),
                        pass_fds=(listening.fileno(), lock.fileno()),
                        start_new_session=True,
                    )
            self.instance = self._wait()  # the socket and the lock are the server's alone by now
            undo.pop_all()
        return self

    def stop(self) -> None:
        """Let it save and end; then make sure that nothing of it is left."""
        process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)  # workers are of its group
                process.wait()
                if process.stdin:
                    process.stdin.close()
                self._process = None
        self._clean()

    def __enter__(self) -> Cloud:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> Path:
        if self.state is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="tickwire-cloud-"))
        else:
            self.state = self.state.absolute()
            try:
                self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.state.chmod(0o700)
                with tempfile.TemporaryFile(dir=self.state):
                    pass
            except OSError as error:
                raise CloudError(
                    f"{self.state} can't be written to ({error.strerror}); "
                    "make it writable or name another folder with TICKWIRE_STATE"
                ) from None
        return self._folder

    def _wait(self) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.alive():
            health = _health(self.port)
            if health is not None:
                return str(health["instance"])
            time.sleep(0.01)
        said = self.log.read_text(errors="replace").strip().splitlines()
        more = f" ({self.log} has more)" if self.state else ""
        raise CloudError(f"the local AWS did not start: {said[-1] if said else 'it said nothing'}{more}")

    def _clean(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None


def _session() -> Any:
    import boto3
    from botocore.session import Session

    nothing = (None, None, os.devnull, None)
    core = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": nothing,
            "credentials_file": nothing,
        }
    )
    return boto3.Session(KEY, SECRET, region_name=REGION, botocore_session=core)


def _environment(folder: Path, port: int, *, keep: bool) -> dict[str, str]:
    """All that the server knows: nothing of the developer's but where programs are and how to write text."""
    scratch = folder / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)  # code of functions that a killed server left
    scratch.mkdir(mode=0o700)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {
        **kept,
        "TMPDIR": str(scratch),
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{scratch}/none",
        "LOG_LEVEL": "WARNING",
        "LAMBDA_ACCOUNT_CONCURRENCY": "64",
        "LAMBDA_WARM_TTL_SECONDS": "30",
        "PERSIST_STATE": str(int(keep)),
        "STATE_DIR": str(folder / "services"),
        "S3_PERSIST": str(int(keep)),
        "S3_DATA_DIR": str(folder / "s3"),
    }


def _listen(port: int) -> socket.socket:
    """The one socket; a server that is on its way out, because its parent was killed, is waited for."""
    deadline = time.monotonic() + LEAVE_S
    while True:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen(2048)
            return listening
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise CloudError(
                    f"port {port} can't be had ({error.strerror}); set TICKWIRE_AWS_PORT to another"
                ) from None
            if time.monotonic() > deadline or occupant(port) == STAYS:
                raise CloudError(
                    f"port {port} is in use; stop what listens there or set TICKWIRE_AWS_PORT"
                ) from None
            time.sleep(0.1)


def _lock(folder: Path) -> Any:
    """One server a folder; the lock goes with the process that holds it."""
    lock = open(folder / "lock", "a+")  # noqa: SIM115  (handed to the server)
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            # A server that was just killed takes a moment to be gone, one whose parent was killed half a
            # second.
            if time.monotonic() - began > (1.0 if lives(holder) else LEAVE_S):
                lock.close()
                raise CloudError(
                    f"{folder} is in use by another local AWS (of process {holder}); "
                    "stop that one or name another folder with TICKWIRE_STATE"
                ) from None
            time.sleep(0.1)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _health(port: int) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/_tickwire/health")
        answer = json.loads(connection.getresponse().read())
        return answer if isinstance(answer, dict) and "instance" in answer else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
