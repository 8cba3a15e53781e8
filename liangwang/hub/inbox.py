"""At the door: a delivery is streamed to disk, sealed, and taken once; large ones come in pieces that may be sent again."""

import errno
import hashlib
import io
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol

from django.db.models import F

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor
from liangwang.base.keys import file_key
from liangwang.base.labels import Label
from liangwang.base.models import Office
from liangwang.base.packs import Declared

from . import store
from .models import Batch
from .orders import require_in_force
from .sealed_files import SealedReader, SealedWriter
from .sources import source_of

MAX_BYTES = 1 << 30
READ = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT}


class TooBig(Refusal):
    status, code = 413, "batch_too_big"
    template: ClassVar[Label] = {
        "zh": "这一批超过 {limit_mb} MB，请分成几批报送",
        "en": "This batch is larger than {limit_mb} MB; deliver it in parts",
    }


class NotYourSource(Refusal):
    status, code = 403, "not_your_source"
    template: ClassVar[Label] = {
        "zh": "这把钥匙不能报送“{source}”",
        "en": "This key may not deliver '{source}'",
    }


class NoSuchChannel(Refusal):
    status, code = 409, "no_such_channel"
    template: ClassVar[Label] = {
        "zh": "“{source}”没有约定以 {channel} 方式报送",
        "en": "'{source}' is not agreed to be delivered by {channel}",
    }


class NotCorrectable(Refusal):
    status, code = 409, "not_correctable"
    template: ClassVar[Label] = {
        "zh": "没有可更正的批次 {ref}：它须属于“{source}”，并有未收的行",
        "en": "There is no batch {ref} to correct: it must be of '{source}' and have refused rows",
    }


class StorageFull(Refusal):
    status, code = 507, "storage_full"
    template: ClassVar[Label] = {
        "zh": "存储空间不足，没有收下；请稍后原样重新报送",
        "en": "There is no space left, so this was not taken; deliver it again later, unchanged",
    }


class BadPiece(Refusal):
    status, code = 422, "bad_piece"
    template: ClassVar[Label] = {
        "zh": "这一段与 Content-Range 不符：{why}",
        "en": "This piece does not agree with its Content-Range: {why}",
    }


@dataclass(frozen=True)
class Deposit:
    """Bytes that are on disk, sealed, and belong to no batch yet."""

    path: Path
    sha256: str
    bytes: int

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)


# --- onto the disk -------------------------------------------------------------------------------------


class Readable(Protocol):
    """A request, a file, or a page of a table: whatever gives its bytes in parts."""

    def read(self, size: int, /) -> bytes: ...


def deposit(stream: Readable) -> Deposit:
    """Streams a delivery to disk, sealed; raises TooBig or StorageFull and leaves nothing then."""
    return _sealed(iter(lambda: stream.read(READ), b""), _folder() / f".{uuid.uuid4().hex}", MAX_BYTES)


def _folder() -> Path:
    folder = store.folder() / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sealed(blocks: Iterable[bytes], path: Path, limit: int) -> Deposit:
    digest, size = hashlib.sha256(), 0
    out: SealedWriter | None = None
    try:
        out = SealedWriter(path, file_key)
        for block in blocks:
            size += len(block)
            if size > limit:
                raise TooBig(limit_mb=limit >> 20)
            digest.update(block)
            out.write(block)
        out.close()
    except BaseException as fault:
        if out is not None:
            out.abandon()
        path.unlink(missing_ok=True)
        if isinstance(fault, OSError) and fault.errno in FULL:
            raise StorageFull from fault
        raise
    return Deposit(path, digest.hexdigest(), size)


def opened(batch: Batch) -> BinaryIO:
    """What was delivered, as a seekable file; raises FileNotFoundError once the batch came to its end."""
    return io.BufferedReader(SealedReader(path_of(batch), file_key), READ)


def path_of(batch: Batch) -> Path:
    """Where a received batch waits, sealed."""
    return store.folder() / "inbox" / batch.ref


# --- taken ---------------------------------------------------------------------------------------------


def require_may_deliver(actor: Actor, declared: Declared, at: datetime, channel: str | None = None) -> None:
    """Raises NotYourSource, NoSuchChannel, or OutsideOrder for an emergency pack in routine."""
    if actor.hat == "source" and not {"*", declared.ref} & set(actor.scope):
        raise NotYourSource(source=declared.ref)
    if channel is not None and channel not in declared.value.channels:
        raise NoSuchChannel(source=declared.ref, channel=channel)
    require_in_force(declared.pack, at)


def receive(raw: bytes, *, source: str, name: str, actor: Actor, at: datetime) -> tuple[Batch, bool]:
    """Takes a delivery that is in memory; as `take`. Inside a transaction."""
    require_may_deliver(actor, source_of(source), at)
    return take(deposit(io.BytesIO(raw)), source=source, name=name, actor=actor, at=at)


def take(
    held: Deposit,
    *,
    source: str,
    name: str,
    actor: Actor,
    at: datetime,
    channel: str = Batch.Channel.PUSH,
    corrects: str | None = None,
    watermark: dict[str, Any] | None = None,
) -> tuple[Batch, bool]:
    """Makes a batch of a deposit, to be loaded by the worker; the same content again is the same batch.

    Must run inside a transaction. `corrects` is the ref of the batch whose refused rows this one mends. Raises
    NotYourSource, NotCorrectable, NotFound, or OutsideOrder for an emergency pack; the deposit is gone in any case.
    """
    try:
        declared = source_of(source)
        require_may_deliver(actor, declared, at)
        batch, created = Batch.objects.get_or_create(
            pack=declared.pack,
            source=declared.key,
            content_hash=held.sha256,
            defaults={
                "office": Office.objects.filter(pk=actor.office_id).first() if actor.office_id else None,
                "name": Path(name).name[:200],
                "bytes": held.bytes,
                "received_at": at,
                "channel": channel,
                "corrects": _corrected(corrects, declared),
                "watermark": watermark,
            },
        )
        if created:
            held.path.rename(path_of(batch))
            store.sync_folder(path_of(batch).parent)
            body = {"source": declared.ref, "sha256": held.sha256, "channel": channel, "corrects": corrects}
            audit.record(actor, "push", thing(batch), at=at, body=body)
            emit("batch.received", batch.ref, at, key=f"batch.received/{batch.ref}")
        else:
            Batch.objects.filter(pk=batch.pk).update(deliveries=F("deliveries") + 1)
    finally:
        held.drop()
    return batch, created


def _corrected(ref: str | None, declared: Declared) -> Batch | None:
    if not ref:
        return None
    found = Batch.objects.filter(ref=ref, pack=declared.pack, source=declared.key, bad__gt=0).first()
    if found is None:
        raise NotCorrectable(ref=ref[:30], source=declared.ref)
    return found


def thing(batch: Batch) -> Thing:
    """How a batch shows itself to the policy."""
    offices = frozenset({batch.office_id} if batch.office_id else ())
    return Thing(kind="batch", ref=batch.ref, office_ids=offices)


# --- in pieces -----------------------------------------------------------------------------------------

UPLOAD = re.compile(r"[A-Za-z0-9_-]{8,64}")
RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")
PIECE_BYTES = 32 << 20
KEPT_S = 2 * 86400


def uploads(pack: str) -> Path:
    """Where the pieces of a pack's unfinished deliveries lie."""
    return store.folder() / pack / "uploads"


def keep_piece(
    stream: Readable, *, declared: Declared, actor: Actor, upload: str, content_range: str
) -> tuple[list[tuple[int, int]], Deposit | None]:
    """Keeps one piece of a delivery durably; returns the spans that are there, and the whole when it is complete.

    The sender chooses `upload` and may send any piece again, in any order; a span `(first, end)` has `end` outside.
    Raises BadPiece, TooBig or StorageFull.
    """
    first, end, total = _span(content_range)
    folder = _upload_folder(declared, actor, upload)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{uuid.uuid4().hex}"
    piece = _sealed(iter(lambda: stream.read(READ), b""), fresh, PIECE_BYTES)
    if piece.bytes != end - first:
        piece.drop()
        raise BadPiece(why=f"{piece.bytes} ≠ {end - first} bytes")
    piece.path.rename(folder / f"{first}-{end}-{total}")
    store.sync_folder(folder)
    spans = held_spans(declared, actor, upload)
    if not _tiles(spans, total):
        return spans, None
    whole = _sealed(_joined(folder, spans, total), _folder() / f".{uuid.uuid4().hex}", MAX_BYTES)
    return spans, whole


def forget_upload(declared: Declared, actor: Actor, upload: str) -> None:
    """Removes the pieces of a delivery that was taken whole."""
    shutil.rmtree(_upload_folder(declared, actor, upload), ignore_errors=True)


def held_spans(declared: Declared, actor: Actor, upload: str) -> list[tuple[int, int]]:
    """Which spans of a delivery in pieces are kept, in order; none for an upload that nobody began."""
    folder = _upload_folder(declared, actor, upload)
    names = [path.name.split("-") for path in folder.glob("[0-9]*-*-*")] if folder.exists() else []
    return sorted((int(first), int(end)) for first, end, _ in names)


def _upload_folder(declared: Declared, actor: Actor, upload: str) -> Path:
    if not UPLOAD.fullmatch(upload):
        raise BadPiece(why="upload: [A-Za-z0-9_-]{8,64}")
    # Two keys that choose the same name do not meet.
    whose = hashlib.sha256(f"{declared.ref}/{actor.hat}/{actor.party_id}/{actor.label['en']}".encode())
    return uploads(declared.pack) / f"{whose.hexdigest()[:16]}-{upload}"


def _span(content_range: str) -> tuple[int, int, int]:
    match = RANGE.fullmatch(content_range.strip())
    if match is None:
        raise BadPiece(why="Content-Range: bytes 0-1023/4096")
    first, last, total = (int(part) for part in match.groups())
    if not first <= last < total:
        raise BadPiece(why=content_range[:60])
    if total > MAX_BYTES:
        raise TooBig(limit_mb=MAX_BYTES >> 20)
    return first, last + 1, total


def _tiles(spans: list[tuple[int, int]], total: int) -> bool:
    """Whether the spans cover everything once, without a gap."""
    reached = 0
    for first, end in spans:
        if first != reached:
            return False
        reached = end
    return reached == total


def _joined(folder: Path, spans: list[tuple[int, int]], total: int) -> Iterator[bytes]:
    for first, end in spans:
        with SealedReader(folder / f"{first}-{end}-{total}", file_key) as piece:
            while block := piece.read(READ):
                yield block


def erase(pack: str) -> None:
    """Removes the unfinished deliveries of a pack; those that were taken are their batches' own."""
    shutil.rmtree(uploads(pack), ignore_errors=True)


def sweep_uploads(at: datetime) -> int:
    """Removes deliveries in pieces that nobody has gone on with for two days; returns how many."""
    removed = 0
    for folder in store.folder().glob("*/uploads/*"):
        if at.timestamp() - folder.stat().st_mtime > KEPT_S:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed
