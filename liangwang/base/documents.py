"""Keeps parsed text by content hash in one file under DATA, so that a second start parses nothing."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from .notations import parse
from .yaml import Document, Fault


class Documents:
    """The documents that were read, by content hash; `keep` writes them when there are new ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = {}
        self.used: set[str] = set()
        self.fresh = False
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            self.known = msgspec.msgpack.decode(path.read_bytes())

    def read(self, content: bytes, text: str, name: str) -> Document:
        ending = name.rpartition(".")[2]
        key = f"v1.{ending}.{hashlib.sha256(content).hexdigest()}"
        self.used.add(key)
        kept = self.known.get(key)
        if kept is None:
            document = parse(text, name)
            lines = [[list(path), line] for path, line in document.lines.items()]
            self.known[key] = [document.data, lines, [list(fault) for fault in document.faults]]
            self.fresh = True
            return document
        if not isinstance(kept, Document):
            data, lines, faults = kept
            kept = Document(data, {tuple(path): line for path, line in lines}, [Fault(*f) for f in faults])
            self.known[key] = kept
        return kept

    def keep(self) -> None:
        if not self.fresh:
            return
        rows = {}
        for key in self.used:
            one = self.known[key]
            if isinstance(one, Document):
                one = [one.data, [[list(p), n] for p, n in one.lines.items()], [list(f) for f in one.faults]]
            rows[key] = one
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(msgspec.msgpack.encode(rows))
        fresh.replace(self.path)
        self.fresh = False
