"""What must hold before anything is installed or started; the first file that `make` runs.

In: this machine's python, the checkout, the environment. Out: silence, or one sentence on standard error and
exit status 1. It runs under the system's python, however old: standard library only, and nothing that
Python 3.6 can't parse (`python3 -I local/preflight.py [--ports | --stage NAME]`).
"""

import http.client
import json
import os
import shutil
import socket
import sys
import time

PYTHON_MIN = (3, 11)
HOST = "127.0.0.1"
PORTS = (("TICKWIRE_PORT", 8080, "the site and its API"), ("TICKWIRE_AWS_PORT", 4566, "the local AWS"))
STATE = "TICKWIRE_STATE"
STAYS, SILENT, LEAVES = "stays", "silent", "leaves"
SILENT_S = 3.0  # how long a port whose holder doesn't answer is asked for again


class Refusal(Exception):
    """Why this machine can't run it. The text is one sentence for the person at the terminal."""


def python(version: "tuple[int, ...]", executable: str = sys.executable) -> None:
    """Refuse a Python that is too old."""
    if tuple(version[:2]) < PYTHON_MIN:
        raise Refusal(
            "Python is {}.{} ({}); expected 3.11 or newer: install one and name it, such as "
            "make run PYTHON=python3.12".format(version[0], version[1], executable)
        )


def venv() -> None:
    """Refuse a Python that can't make virtual environments (Debian packs that part separately)."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Refusal(
            "this Python ({}) can't make virtual environments; install its venv module, "
            "on Debian and Ubuntu: apt-get install python3-venv".format(sys.executable)
        ) from None


def writable(directory: str, instead: str = "") -> None:
    """Refuse a directory that can't be written to, or can't be made. `instead` is the remedy."""
    place = os.path.abspath(directory)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise Refusal("{} is not a directory, so {} can't be written to{}".format(place, directory, instead))
    probe = os.path.join(place, ".tickwire-probe-{}".format(os.getpid()))
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(probe)
    except OSError as error:
        raise Refusal("{} can't be written to ({}){}".format(place, error.strerror, instead)) from None


def ports(environment: "dict[str, str]") -> "tuple[int, int]":
    """The two ports to listen on, free at this moment: the site's and the local AWS's."""
    chosen = []
    for name, default, what in PORTS:
        text = environment.get(name) or str(default)
        if not (text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
            raise Refusal("{} is {!r}; expected a port, 1 to 65535".format(name, text))
        if int(text) in chosen:
            raise Refusal(
                "{} is {}, which {} has already; expected another port".format(name, text, PORTS[0][0])
            )
        chosen.append(int(text))
        reason = _taken(int(text))
        if reason:
            raise Refusal(
                "port {} on {}, meant for {}, can't be had ({}): stop what uses it, or choose another "
                "with {}=PORT".format(text, HOST, what, reason, name)
            )
    return chosen[0], chosen[1]


def _taken(port: int) -> str:
    """Why nobody can listen there; nothing where a local AWS leaves. One that leaves may be silent, too."""
    deadline = time.monotonic() + SILENT_S
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return ""
            except OSError as error:
                reason = str(error.strerror)
        holder = occupant(port)
        if holder == LEAVES:
            return ""
        if holder == STAYS or time.monotonic() > deadline:
            return reason
        time.sleep(0.1)


def occupant(port: int) -> str:
    """What has that port: a local AWS whose parent was killed LEAVES once it has saved."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/_tickwire/health")
        parent = json.loads(connection.getresponse().read().decode())["parent"]
        return STAYS if lives(str(parent)) else LEAVES
    except OSError:
        return SILENT
    except (ValueError, KeyError, TypeError, http.client.HTTPException):
        return STAYS
    finally:
        connection.close()


def lives(process: str) -> bool:
    """Whether a process of that number runs; one that ended and that nobody has asked about doesn't."""
    try:
        os.kill(int(process), 0)
        with open("/proc/{}/stat".format(process)) as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:  # somebody else's, or a system without /proc
        return True


def stage(root: str, name: str) -> None:
    """Refuse to deploy a stage without a file of its settings, or without the CLI."""
    known = sorted(found.split(".")[1] for found in os.listdir(root) if found.startswith("Pulumi."))
    known = [found for found in known if found not in ("yaml", "local")]
    if name not in known:
        raise Refusal(
            "STAGE is {!r}; expected one that has a Pulumi.STAGE.yaml: {}".format(
                name, ", ".join(known) or "none yet"
            )
        )
    if not shutil.which("pulumi"):
        raise Refusal("the Pulumi CLI isn't installed; see https://www.pulumi.com/docs/install/")


def state(root: str, environment: "dict[str, str]") -> str:
    """The directory that keeps what a run leaves behind, once it is known to be writable."""
    directory = os.path.join(root, environment.get(STATE) or ".local")
    writable(directory, "; choose another place with {}=DIRECTORY".format(STATE))
    return directory


def main(arguments: "list[str]") -> int:
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        python(sys.version_info[:3])
        venv()
        writable(root, "; expected a checkout of your own")
        if "--ports" in arguments:
            ports(dict(os.environ))
            state(root, dict(os.environ))
        if "--stage" in arguments:
            stage(root, arguments[arguments.index("--stage") + 1])
    except Refusal as refusal:
        sys.stderr.write("tickwire: {}.\n".format(refusal))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
