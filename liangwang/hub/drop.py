"""The drop folder: an office's file in DATA/drop/<pack>:<source>/ is taken when it is complete, and answered beside it.

`x.csv` or `x.parquet` → taken/ while it is loaded → a report in done/ (the data is in the hub now, sealed, and goes from
here), or report and file in bad/, where it may be mended for a week.
"""

import json
import os
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings

from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import platform
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import inbox
from .models import Batch
from .sources import source_of, sources

ENDINGS = {".csv": "csv", ".parquet": "parquet"}
QUIET_S = 5  # a file that was written to more recently than this is still being written
BAD_KEPT_S = 7 * 86400
Seen = tuple[int, int]
_seen: dict[Path, Seen] = {}


def folder(declared: Declared) -> Path:
    """Where the files of one source are dropped."""
    root: Path = settings.DATA / "drop"
    return root / declared.ref


def open_folders() -> None:
    """Makes the folder of each source that is agreed to be dropped."""
    for declared in sources():
        if set(declared.value.channels) & set(ENDINGS.values()):
            folder(declared).mkdir(mode=0o700, parents=True, exist_ok=True)


def complete(at: datetime) -> Iterator[tuple[Declared, Path, Seen]]:
    """Files that have one of the agreed endings and did not change between two looks."""
    for declared in sources():
        place = folder(declared)
        if not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            seen = _look(path, declared)
            if seen is None:
                continue
            if _seen.get(path) == seen and at.timestamp() - seen[1] / 1e9 > QUIET_S:
                yield declared, path, seen
            _seen[path] = seen


def _look(path: Path, declared: Declared) -> Seen | None:
    """Size and time of a file that may be taken; None for anything else, such as a link to somewhere."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    agreed = ENDINGS.get(path.suffix.lower()) in declared.value.channels
    if not agreed or path.name.startswith(".") or not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns


def take(declared: Declared, path: Path, at: datetime) -> Batch | None:
    """Takes one complete file; None if it could not be taken, which its report in bad/ explains.

    Killed in the middle it is taken again, and is the same batch. Raises StorageFull; the file stays where it is then.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        with os.fdopen(fd, "rb") as file:
            held = inbox.deposit(file)
        with write():
            batch, _ = inbox.take(
                held,
                source=declared.ref,
                name=path.name,
                actor=platform(declared.pack),
                at=at,
                channel=Batch.Channel.DROP,
            )
    except inbox.StorageFull:
        raise
    except Refusal as refused:
        _answer(path, path.name, "bad", refused.as_json())
        return None
    _move(path, path.parent / "taken" / f"{batch.ref}.{path.name}")
    _seen.pop(path, None)
    return batch


def answer(at: datetime) -> int:
    """Answers each taken file whose batch came to its end, and clears bad/ of old files; returns how many."""
    answered = 0
    root: Path = settings.DATA / "drop"
    for path in sorted(root.glob("*/taken/*")):
        ref, _, name = path.name.partition(".")
        batch = Batch.objects.filter(ref=ref).exclude(state=Batch.State.RECEIVED).first()
        if batch is not None:
            _answer(path, name, "done" if batch.state == Batch.State.LOADED else "bad", _report(batch))
            answered += 1
    for path in root.glob("*/bad/*"):
        if at.timestamp() - path.stat().st_mtime > BAD_KEPT_S:
            path.unlink()
    return answered


def _report(batch: Batch) -> dict[str, object]:
    # Here and not above: queries read what collect writes.
    from .queries import report

    return {**report(batch, limit=10_000), "sha256": batch.content_hash}


def _answer(path: Path, name: str, where: str, report: dict[str, object]) -> None:
    """Writes the report, then removes the file (done) or moves it beside its report (bad)."""
    base = path.parent.parent if path.parent.name == "taken" else path.parent
    place = base / where
    place.mkdir(mode=0o700, exist_ok=True)
    fresh = place / f".{name}.report.json"
    fresh.write_text(json.dumps(report, ensure_ascii=False, indent=1, default=str))
    fresh.rename(place / f"{name}.report.json")
    if where == "done":
        path.unlink(missing_ok=True)
    else:
        _move(path, place / name)


def _move(path: Path, to: Path) -> None:
    to.parent.mkdir(mode=0o700, exist_ok=True)
    path.rename(to)
    os.utime(to)  # how long it is kept counts from now


def erase(pack: str) -> None:
    """Removes every file and report that lies in the drop folders of a pack."""
    root: Path = settings.DATA / "drop"
    for place in root.glob(f"{pack}:*"):
        for path in place.rglob("*"):
            if path.is_file() or path.is_symlink():
                path.unlink()


def forget() -> None:
    """Drops what was seen (tests change DATA between them)."""
    _seen.clear()


def declared_of(name: str) -> Declared | None:
    """The source that a job names, or None when it is declared no more."""
    try:
        return source_of(name)
    except NotFound:
        return None
