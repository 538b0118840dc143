"""Assets and archives: the bytes that a resource carries, and a hash that only their content decides.

In: an asset or archive as the Pulumi runtime describes it (a path, a text, or a map of those). Out: `Files`.
The same content under the same names gives the same hash and the same zip, whatever its times and owners;
`__pycache__` never takes part, or a test run would look like a change.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.engine.deployment import DeployError


class Files:
    """One asset (a single unnamed file), or an archive of named ones."""

    def __init__(self, entries: Mapping[str, bytes], *, packed: bytes | None = None) -> None:
        self._entries = dict(sorted(entries.items()))
        self._packed = packed

    @classmethod
    def of(cls, described: Mapping[str, Any], *, is_archive: bool) -> Files:
        """Read now what the asset names; a missing file is a sentence, a remote one is refused."""
        if "uri" in described:
            raise DeployError(f"{described['uri']} is a remote asset; expected a local path or text")
        if not is_archive:
            return cls({"": _asset(described)})
        path = Path(str(described.get("path", "")))
        if "path" in described and path.is_file() and zipfile.is_zipfile(path):
            return cls({}, packed=path.read_bytes())
        return cls(dict(_archive(described)))

    @functools.cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256(self._packed or b"")
        for name, content in self._entries.items():
            digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        return digest.hexdigest()

    @property
    def content(self) -> bytes:
        """An asset's bytes, or an archive's zip."""
        return self._entries[""] if self._entries.keys() == {""} else self.zip

    @functools.cached_property
    def zip(self) -> bytes:
        if self._packed is not None:
            return self._packed
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._entries.items():
                entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
        return buffer.getvalue()


def _asset(described: Mapping[str, Any]) -> bytes:
    if "text" in described:
        return str(described["text"]).encode()
    try:
        return Path(described["path"]).read_bytes()
    except OSError as error:
        raise DeployError(f"asset {described['path']} can't be read: {error.strerror}") from None


def _archive(described: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    if "assets" in described:
        for name, inner in described["assets"].items():
            if "assets" in inner or ("path" in inner and Path(inner["path"]).is_dir()):
                yield from ((f"{name.rstrip('/')}/{below}", content) for below, content in _archive(inner))
            else:
                yield name, _asset(inner)
        return
    root = Path(described["path"])
    if not root.is_dir():
        raise DeployError(f"archive {root} can't be read; expected a directory or a zip file")
    for file in root.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(root).as_posix(), file.read_bytes()
