"""Static files: our own and those of the npm packages, under a version that changes with their content."""

import hashlib
import json
import mimetypes
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/geo+json", ".geojson")
mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("font/woff2", ".woff2")

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


def version(own: Path, lock: Path) -> str:
    """Eight hex digits over all our static files and the npm lock.

    One version for the whole tree, not a hash per file: relative imports between ES modules and `url()` in CSS then work
    unchanged, and a page never mixes two releases.
    """
    digest = hashlib.sha256(lock.read_bytes() if lock.is_file() else b"")
    for path in sorted(p for p in own.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(own)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


@cache
def shared_packages(package_json: Path) -> frozenset[str]:
    """The npm packages that pages may load: the direct dependencies of package.json, no others."""
    if not package_json.is_file():
        return frozenset()
    return frozenset(json.loads(package_json.read_text()).get("dependencies", {}))


@cache
def ninja_files() -> Path:
    """The folder of Swagger UI inside the installed django-ninja."""
    spec = find_spec("ninja")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "static" / "ninja"


def find(name: str, own: Path, node_modules: Path, package_json: Path) -> Path | None:
    """The file that `/static/<name>` means, or None.

    `npm/<package>/…` is inside node_modules; `ninja/…` is what django-ninja brings for the API page.
    """
    if name.startswith("ninja/"):
        base, rest = ninja_files(), name.removeprefix("ninja/")
    elif name.startswith("npm/"):
        inside = name[4:]
        allowed = any(inside.startswith(f"{package}/") for package in shared_packages(package_json))
        base, rest = node_modules, inside if allowed else ""
    else:
        base, rest = own, name
    if not rest:
        return None
    # normpath, not resolve(): it refuses `..` without a system call per part.
    path = Path(os.path.normpath(base / rest))
    return path if path.is_relative_to(base) and path.is_file() else None


def media_type(path: Path) -> str:
    """The content type of a file, UTF-8 for text."""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith("json") else kind
