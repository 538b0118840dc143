"""The functions' code: one zip of `handlers/` and `tickwire/`, for all of them.

The same sources give the same bytes, whatever ran before: files in order, fixed times and modes, nothing that
Python left behind. So only a changed source looks like a change to Pulumi.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path

import pulumi

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("handlers", "tickwire")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say


def archive(root: Path = ROOT) -> pulumi.FileArchive:
    """The zip, written to `.local/build/` only when its bytes changed."""
    path = root / ".local" / "build" / "functions.zip"
    content = zipped(root)
    try:
        if not path.is_file() or path.read_bytes() != content:
            _replace(path, content)
    except OSError as error:
        raise pulumi.RunError(
            f"can't write {path}: {error.strerror}; expected a folder that you may write to"
        ) from None
    return pulumi.FileArchive(str(path))


def zipped(root: Path = ROOT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in _sources(root):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it was built: the mode below only counts there
            entry.external_attr = 0o100644 << 16
            out.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _sources(root: Path) -> list[Path]:
    found = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all: another deployment may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(name, path)
