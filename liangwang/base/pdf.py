"""Whether a PDF does more than show pages: programs, files inside, another format at the same time, or a bomb."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from enum import Enum, auto

OBJECTS_AT_MOST = 64 * 1024 * 1024  # what all object streams of a file may unpack to
PIECE = 1024 * 1024
FED = 64 * 1024


class Danger(Enum):
    """Why a PDF is not taken."""

    PROGRAM = auto()
    EMBEDDED = auto()
    MARKUP = auto()
    ARCHIVE = auto()
    LOCKED = auto()
    BOMB = auto()
    OPAQUE = auto()


# ISO 32000-1, 7.3.5: in a name any character may be written #xx, so /J#61vaScript is /JavaScript.
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n")
# ISO 32000-1, 12.6.4: actions that run, load or send something; 7.11.4 embedded files; 13 multimedia; 12.7.8 XFA.
_PROGRAM = re.compile(rb"/(?:JavaScript|Launch|SubmitForm|ImportData|Rendition)(?![A-Za-z0-9])")
_FORM = re.compile(rb"/XFA\s*(?:\[|\d+\s+\d+\s+R)")
_EMBEDDED = re.compile(rb"/(?:EmbeddedFiles?|RichMedia|GoToE)(?![A-Za-z0-9])")
_LOCKED = re.compile(rb"/Encrypt(?![A-Za-z0-9])")
_MARKUP = re.compile(rb"<(?:!doctype html|html|head|body|script|svg|iframe|object|embed|\?php)[\s/>]", re.I)
_ODD = re.compile(rb"/(?:LZWDecode|ASCII85Decode|ASCIIHexDecode|RunLengthDecode)(?![A-Za-z0-9])")
_COMPRESSED = re.compile(rb"/(?:ObjStm|XRef)(?![A-Za-z0-9])")
# 7.5.7: an object stream begins with pairs of integers; a comment may stand before them.
_NUMBERS = re.compile(rb"[\s\x00]*[%\d]")


def danger_in(raw: bytes) -> Danger | None:
    """The first reason not to take this PDF, None where it only shows pages.

    Object streams are unpacked (at most 64 MB in all) because names hide there; pictures and text are not.
    """
    names = _plain(raw)
    if _LOCKED.search(names):
        return Danger.LOCKED
    if found := _in_names(names):
        return found
    if _MARKUP.search(raw):
        return Danger.MARKUP
    if zipfile.is_zipfile(io.BytesIO(raw)):
        return Danger.ARCHIVE
    if _COMPRESSED.search(names) and _ODD.search(names):
        return Danger.OPAQUE
    return _in_object_streams(raw)


def _plain(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text)


def _in_names(text: bytes) -> Danger | None:
    if _PROGRAM.search(text) or _FORM.search(text):
        return Danger.PROGRAM
    return Danger.EMBEDDED if _EMBEDDED.search(text) else None


def _in_object_streams(raw: bytes) -> Danger | None:
    left = OBJECTS_AT_MOST
    for start in (found.end() for found in _STREAM.finditer(raw)):
        kept = b""
        for piece in _unpacked(raw, start):
            left -= len(piece)
            if left < 0:
                return Danger.BOMB
            if found := _in_names(_plain(kept + piece)):
                return found
            kept = piece[-64:]  # a name may lie across two pieces
    return None


def _unpacked(raw: bytes, start: int) -> Iterator[bytes]:
    """The pieces of a Flate stream that may hold objects; nothing for what is not one, or begins otherwise."""
    engine = zlib.decompressobj()
    wanted = 64  # enough to see how it begins
    try:
        for here in range(start, len(raw), FED):
            data: bytes = raw[here : here + FED]
            while data and not engine.eof:
                piece = engine.decompress(data, wanted)
                data = engine.unconsumed_tail
                if wanted == 64 and not _NUMBERS.match(piece):
                    return
                wanted = PIECE
                yield piece
            if engine.eof:
                return
    except zlib.error:
        return  # not Flate, or damaged: a reader stops here too
