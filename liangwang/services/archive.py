"""电子档案: a sealed list of everything that a finished case left, as one file that anyone can check later."""

import base64
import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from liangwang.base.audit import canonical
from liangwang.base.files import path_of
from liangwang.base.keys import ed25519_key
from liangwang.base.labels import Label

from .models_letters import Archive

KEY = "archives"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MAX_BYTES = 512 * 1024 * 1024


class Fault(NamedTuple):
    """What is wrong with an archive: the document, and what about it."""

    document: str
    what: Label


class Verified(NamedTuple):
    """What a check of an archive file found; it stands if there are no faults."""

    number: str
    documents: int
    faults: list[Fault]


def sign_manifest(manifest: dict[str, Any]) -> tuple[str, str]:
    """SHA-256 of the manifest's one byte form, and the city's Ed25519 signature over that form."""
    raw = canonical(manifest)
    return hashlib.sha256(raw).hexdigest(), base64.b64encode(ed25519_key(KEY).sign(raw)).decode()


def public_key() -> str:
    """The key that archives are checked with, to be published: raw Ed25519 in base64."""
    raw = ed25519_key(KEY).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def as_file(archive: Archive) -> bytes:
    """The archive as one zip: the manifest, its signature, and every document under its name; always the same bytes."""
    out = io.BytesIO()
    at = archive.sealed_at.timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:

        def put(name: str, raw: bytes) -> None:
            packed.writestr(zipfile.ZipInfo(name, at), raw, zipfile.ZIP_DEFLATED)

        put(MANIFEST, canonical(archive.manifest))
        put(SIGNATURE, archive.signature.encode())
        for one in archive.manifest["documents"]:
            put(one["name"], path_of(one["sha256"]).read_bytes())
    return out.getvalue()


def verify(raw: bytes, key: str) -> Verified:
    """Checks an archive file against a published key: signature, every document's hash, nothing missing or added."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(one.file_size for one in packed.infolist()) > MAX_BYTES:
                return _broken("档案过大", "the archive is too large")
            files = {name: packed.read(name) for name in packed.namelist()}
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError):
        return _broken("不是一个完好的档案文件", "this is not an archive file, or it is damaged")
    text, signature = files.pop(MANIFEST, b""), files.pop(SIGNATURE, b"")
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(base64.b64decode(signature), text)
    except (InvalidSignature, ValueError):
        return _broken("目录的签名不对", "the list's signature is wrong")
    return _compared(text, files)


def _compared(text: bytes, files: dict[str, bytes]) -> Verified:
    manifest = json.loads(text)
    faults = []
    for one in manifest["documents"]:
        content = files.pop(one["name"], None)
        if content is None:
            faults.append(Fault(one["name"], {"zh": "缺失", "en": "missing"}))
        elif hashlib.sha256(content).hexdigest() != one["sha256"]:
            faults.append(Fault(one["name"], {"zh": "内容被改动", "en": "changed"}))
    faults += [Fault(name, {"zh": "不在目录里", "en": "not in the list"}) for name in files]
    return Verified(manifest["case"]["number"], len(manifest["documents"]), faults)


def _broken(zh: str, en: str) -> Verified:
    return Verified("", 0, [Fault("", {"zh": zh, "en": en})])


def verify_archive(file: str, key: str = "") -> int:
    """The command: checks an archive file, with a published key or this city's own; 0 when it stands."""
    out = sys.stdout.write
    found = verify(Path(file).read_bytes(), key or public_key())
    for fault in found.faults:
        out(f"{fault.document or file}：{fault.what['zh']} · {fault.what['en']}\n")
    if not found.faults:
        out(
            f"{found.number}：{found.documents} 份文件都与目录一致 · all {found.documents} documents stand as listed\n"
        )
    return 1 if found.faults else 0
