"""The site's built pages, as files to upload: which, of what type, and how long a browser may keep them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi

DIST = Path(__file__).resolve().parent.parent / "clients" / "browser" / "dist"
FRESH = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"

# Not `mimetypes`: what that says depends on the machine.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    key: str
    file: Path
    content_type: str
    cache: str


def read_pages(dist: Path | None = None) -> tuple[Page, ...]:
    """All built files in order. RunError when there are none to serve."""
    root = dist or DIST
    if not (root / "index.html").is_file():
        raise pulumi.RunError(f"{root / 'index.html'} is missing; build the site first: make site")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return tuple(_page(path, path.relative_to(root).as_posix()) for path in files)


def _page(file: Path, key: str) -> Page:
    return Page(
        key=key,
        file=file,
        content_type=TYPES.get(file.suffix, "application/octet-stream"),
        # The bundler puts a hash of the content into the names under assets/, so those never change.
        cache=FOR_EVER if key.startswith("assets/") else FRESH,
    )
