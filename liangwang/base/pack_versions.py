"""Versions of declarations: files are synced by content hash, the desk's edits are kept beside them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec
from django.db import transaction
from django.db.models import Max

from .declare import Problem, read, schemas
from .errors import Conflict, Refusal
from .labels import Label
from .models import Declaration
from .packs import Declared, declarations, desk_file, forget, packs, version_hash
from .yaml import Document

PACK, DESK = "pack", "desk"
DRAFT, PUBLISHED, REPLACED = "draft", "published", "replaced"
Name = tuple[str, str, str]  # pack, file, key


class WrongDeclaration(Refusal):
    """An edit at the desk does not fit its schema; `problems` say where and what to do."""

    status, code = 422, "wrong_declaration"
    template: ClassVar[Label] = {"zh": "有 {n} 处需要修改:{first}", "en": "{n} to correct: {first}"}

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(n=len(problems), first=problems[0].message["zh"])


class Synced(NamedTuple):
    """What a sync found: new versions published, drafts to merge, declarations gone from their file."""

    published: int
    drafts: int
    gone: int


def sync(at: datetime) -> Synced:
    """Takes the files' state into the version table; running it again changes nothing.

    A changed file publishes a new version; under a desk version it becomes a draft to merge; a file that has
    come to say what the desk said takes over from it.
    """
    forget()
    history = _history()
    in_files = {(one.pack, file, one.key): one for file in _synced_files() for one in _from_files(file)}
    new: list[Declaration] = []
    replaced: list[int] = []
    for name, one in in_files.items():
        versions = history.get(name, [])
        state = _state_for(versions, one.version_hash)
        if state is None:
            continue
        if state == PUBLISHED:
            replaced += [v.pk for v in versions if v.state == PUBLISHED]
        number = max((v.version for v in versions), default=0) + 1
        new.append(_row(name, number, PACK, state, one.raw, at))
    gone = [v.pk for name, versions in history.items() if name not in in_files for v in _from_pack(versions)]
    with transaction.atomic():
        Declaration.objects.filter(pk__in=[*replaced, *gone]).update(state=REPLACED)
        Declaration.objects.bulk_create(new)
        transaction.on_commit(_tell_processes)
    drafts = sum(row.state == DRAFT for row in new)
    return Synced(len(new) - drafts, drafts, len(gone))


def edit(pack: str, file: str, key: str, raw: Any, at: datetime) -> Declaration:
    """A desk draft of one declaration; raises WrongDeclaration with every mistake."""
    found = read("", f"{pack}/{file}", schemas()[file], Document([raw], {(): 1}, []))
    if found.problems:
        raise WrongDeclaration(found.problems)
    if found.entries[0].key != key:
        raise Conflict(what=key)
    name = (pack, file, key)
    row = _row(name, _newest(name) + 1, DESK, DRAFT, raw, at)
    row.save(force_insert=True)
    return row


def publish(draft: Declaration, at: datetime) -> None:
    """Puts a draft in force and replaces the version before it; raises Conflict when it is no draft."""
    others = Declaration.objects.filter(pack=draft.pack, file=draft.file, key=draft.key)
    with transaction.atomic():
        taken = others.filter(pk=draft.pk, state=DRAFT).update(state=PUBLISHED, published_at=at)
        if not taken:
            raise Conflict(what=f"{draft.pack}:{draft.key}")
        others.filter(state=PUBLISHED).exclude(pk=draft.pk).update(state=REPLACED)
        transaction.on_commit(_tell_processes)


def turn_down(draft: Declaration) -> None:
    """Ends a draft that shall never be in force: it stays to be read; raises Conflict when it is no draft."""
    rows = Declaration.objects.filter(pk=draft.pk, state=DRAFT)
    if not rows.update(state=REPLACED):
        raise Conflict(what=f"{draft.pack}:{draft.key}")


def drafts() -> Iterable[Declaration]:
    """What waits to be merged or published, newest first."""
    return Declaration.objects.filter(state=DRAFT).order_by("-id")


def published_at_desk(pack: str | None = None) -> list[Declaration]:
    """Desk versions in force, by file and key."""
    rows = Declaration.objects.filter(origin=DESK, state=PUBLISHED)
    return list((rows.filter(pack=pack) if pack else rows).order_by("file", "key"))


def _state_for(versions: list[Declaration], file_hash: str) -> str | None:
    """What a file's content becomes: a published version, a draft, or nothing new (None)."""
    in_force = next((v for v in versions if v.state == PUBLISHED), None)
    if in_force is None or in_force.origin == PACK:
        return None if in_force and in_force.hash == file_hash else PUBLISHED
    if in_force.hash == file_hash:
        return PUBLISHED
    last = max((v for v in versions if v.origin == PACK), key=lambda v: v.version, default=None)
    return None if last and last.hash == file_hash else DRAFT


def _from_pack(versions: list[Declaration]) -> list[Declaration]:
    return [v for v in versions if v.origin == PACK and v.state == PUBLISHED]


def _history() -> dict[Name, list[Declaration]]:
    found: dict[Name, list[Declaration]] = {}
    for row in Declaration.objects.defer("body"):
        found.setdefault((row.pack, row.file, row.key), []).append(row)
    return found


def _synced_files() -> list[str]:
    return [name for name, schema in schemas().items() if not schema.single and "*" not in name]


def _from_files(file: str) -> list[Declared]:
    roots = {pack.path.parent for pack in packs()}
    return [one for root in roots for one in declarations(file, root)]


def _newest(name: Name) -> int:
    rows = Declaration.objects.filter(pack=name[0], file=name[1], key=name[2])
    return rows.aggregate(newest=Max("version"))["newest"] or 0


def _row(name: Name, version: int, origin: str, state: str, raw: Any, at: datetime) -> Declaration:
    return Declaration(
        pack=name[0],
        file=name[1],
        key=name[2],
        version=version,
        origin=origin,
        state=state,
        hash=version_hash(raw),
        body=raw,
        created_at=at,
        published_at=at if state == PUBLISHED else None,
    )


def _tell_processes() -> None:
    """Leaves the desk's published versions where every process looks before it answers."""
    rows = [(row.pack, row.file, row.key, row.body) for row in published_at_desk()]
    path = desk_file()
    content = msgspec.msgpack.encode(rows)
    if path.exists() and path.read_bytes() == content:
        return
    if rows or path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
