"""Items that wait to be published: what each would change, whom it would touch, and the second person who decides."""

import difflib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from liangwang.base import audit, pack_versions, packs
from liangwang.base.access import Thing, require
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Declaration

from . import catalogue, reform, versions
from .compiled import Bound, CompileError, Source
from .declare import Bundle, Item
from .exchange_csv import COLUMNS, Column, cells_of
from .models import Draft
from .models_catalogue import ItemDraft
from .queries.reform import known_concepts

FILE = "items.yaml"


class OwnDraft(Refusal):
    """Four eyes: who brought a draft does not publish it."""

    status, code = 403, "own_draft"
    template: ClassVar[Label] = {
        "zh": "这份草稿是您导入的，须由另一位同事公布",
        "en": "You brought this draft yourself: a colleague has to publish it",
    }


class NoReason(Refusal):
    """Turning a draft down without a word helps nobody."""

    status, code = 422, "no_reason"
    template: ClassVar[Label] = {"zh": "请写明为什么不公布", "en": "Say why it is not published"}


class Broken(Refusal):
    """What the draft would break: a bundle that joins the item no longer compiles."""

    status, code = 409, "draft_breaks"
    template: ClassVar[Label] = {
        "zh": "公布后“{label_zh}”就编译不了：{why_zh}",
        "en": "Once published, '{label_en}' would no longer compile: {why_en}",
    }


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One element of the list that differs: its name, and its lines, each kept (" "), taken out ("-") or new ("+")."""

    element: str
    place: str
    lines: tuple[tuple[str, str], ...]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """The item itself or a bundle with it, as it is (None: not there yet) and as it would be (None: does not compile)."""

    key: str
    label: Label
    now: reform.Line | None
    then: reform.Line | None
    problem: CompileError | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A draft in the list: `changes` in plain words, `fresh` where the item is new, `own` where the reader brought it.

    `stale`: what was in force when it was brought has been replaced since.
    """

    id: int
    key: str
    label: Label
    at: datetime
    by: Label | None
    file: str
    line: int
    changes: tuple[Label, ...]
    fresh: bool
    own: bool
    stale: bool


def keep(draft: Declaration, *, by: Actor | None, file: str, line: int, at: datetime) -> ItemDraft:
    """Writes down where a draft came from; earlier drafts of the same item are overtaken. Inside a transaction."""
    _overtake(draft, at)
    held = _in_force(draft)
    return ItemDraft.objects.create(
        declaration=draft,
        brought_by_id=by.party_id if by else None,
        file=file[:120],
        line=line,
        based_on=held.version_hash if held else "",
    )


def waiting(actor: Actor) -> list[Waiting]:
    """Every draft of an item that nobody has decided on, the newest first."""
    rows = pack_versions.drafts()
    found = Declaration.objects.filter(pk__in=[r.pk for r in rows], file=FILE).order_by("-id")
    return [_waiting(row, actor) for row in found.select_related("item_draft__brought_by")]


def one(pk: int) -> Declaration:
    """A draft or a version of an item by its number; raises NotFound."""
    row = Declaration.objects.filter(pk=pk, file=FILE).select_related("item_draft__brought_by").first()
    if row is None:
        raise NotFound
    return row


def shown(row: Declaration, actor: Actor) -> Waiting:
    """A draft as the list shows it."""
    return _waiting(row, actor)


def compared(row: Declaration, before: dict[str, Any] | None = None) -> tuple[Change, ...]:
    """Element by element what differs from `before`, by default from what is in force."""
    held = _in_force(row)
    was = _typed(before) if before is not None else held.value if held else None
    return tuple(_changes(was, _typed(row.body)))


def effects(row: Declaration) -> list[Effect]:
    """The item and every bundle that has it, before and after publishing, each in its usual situation."""
    key, value = f"{row.pack}:{row.key}", _typed(row.body)
    names = [key, *_bundles_with(key)] if isinstance(value, Item) else [key]
    return [_effect(name, key, value) for name in names]


def open_drafts(row: Declaration) -> int:
    """How many people are filling in a form that this would change: theirs move to the new version as they go on."""
    key = f"{row.pack}:{row.key}"
    return Draft.objects.filter(key__in=[key, *_bundles_with(key)], state=Draft.State.OPEN).count()


def publish(pk: int, *, actor: Actor, at: datetime) -> Declaration:
    """Puts a draft in force; raises OwnDraft, Broken, Conflict where it is no draft any more. Inside a transaction."""
    row = one(pk)
    _decided_by_another(row, actor)
    for effect in effects(row):
        if effect.problem and (effect.now or effect.key == f"{row.pack}:{row.key}"):
            raise Broken(
                label_zh=effect.label["zh"],
                label_en=effect.label["en"],
                why_zh=effect.problem.message("zh"),
                why_en=effect.problem.message("en"),
            )
    pack_versions.publish(row, at)
    _overtake(row, at)
    _decide(row, ItemDraft.Decision.PUBLISHED, actor, at)
    return row


def turn_down(pk: int, *, actor: Actor, reason: str, at: datetime) -> Declaration:
    """Ends a draft that shall not come into force, with the reason; its own author may, too. Inside a transaction."""
    row = one(pk)
    require(actor, "configure", _thing(row))
    if not reason.strip():
        raise NoReason
    pack_versions.turn_down(row)
    _decide(row, ItemDraft.Decision.TURNED_DOWN, actor, at, reason.strip()[:300])
    return row


def versions_of(key: str) -> list[Declaration]:
    """Every published version of `pack:key` as it was written, the newest first."""
    pack, _, name = key.partition(":")
    rows = Declaration.objects.filter(file=FILE, pack=pack, key=name, published_at__isnull=False)
    return list(rows.select_related("item_draft__brought_by", "item_draft__decided_by").order_by("-version"))


def published_lately(most: int = 10) -> list[Declaration]:
    """What was published at the desk last, the newest first."""
    rows = Declaration.objects.filter(file=FILE, origin=pack_versions.DESK, published_at__isnull=False)
    return list(rows.select_related("item_draft__decided_by").order_by("-published_at")[:most])


def _waiting(row: Declaration, actor: Actor) -> Waiting:
    kept: ItemDraft | None = getattr(row, "item_draft", None)
    held = _in_force(row)
    return Waiting(
        id=row.pk,
        key=f"{row.pack}:{row.key}",
        label=row.body["label"],
        at=row.created_at,
        by=kept.brought_by.label if kept and kept.brought_by else None,
        file=kept.file if kept else "",
        line=kept.line if kept else 0,
        changes=tuple(versions.changed(held.raw, row.body)) if held else (),
        fresh=held is None,
        own=bool(kept and kept.brought_by_id and kept.brought_by_id == actor.party_id),
        stale=bool(kept and held and kept.based_on != held.version_hash),
    )


def _in_force(row: Declaration) -> packs.Declared | None:
    return next((d for d in packs.declarations(FILE) if (d.pack, d.key) == (row.pack, row.key)), None)


def _typed(body: dict[str, Any]) -> Item | Bundle:
    kind: type[Item | Bundle] = Bundle if "bundle" in body else Item
    return msgspec.convert(body, kind)


def _changes(was: Item | Bundle | None, now: Item | Bundle) -> Iterator[Change]:
    before = cells_of(was) if was else {}
    after = cells_of(now)
    for column in COLUMNS:
        old, new = _lines(column, before.get(column)), _lines(column, after.get(column))
        if old != new:
            marked = ((line[0], line[2:]) for line in difflib.ndiff(old, new) if line[0] in " -+")
            yield Change(element=column.zh, place=column.place, lines=tuple(marked))


def _lines(column: Column, cell: str | None) -> list[str]:
    """A cell as lines that can be compared: one for each material, step or field, not one for the whole list."""
    if not cell:
        return []
    if column.sort != "json":
        return cell.splitlines()
    value = msgspec.json.decode(cell)
    rows = [{key: inner} for key, inner in value.items()] if isinstance(value, dict) else value
    return [_plain(_named(row)) for row in rows]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """A part of a declaration with the words for the documents and concepts that it names by their keys."""
    words = catalogue.words()
    found = dict(row)
    for key, of in (("type", words.document), ("certificate", words.document), ("concept", words.concept)):
        if isinstance(row.get(key), str):
            found[key] = f"{of(row[key]).label['zh']} ({row[key]})"
    return found


def _plain(value: Any) -> str:
    """A declaration on one line, without the marks of JSON; of a label its Chinese and its English.

    >>> _plain({"type": "photo", "label": {"zh": "照片", "en": "Photo"}, "when": {"a": ["b", "c"]}})
    'type photo · label 照片 / Photo · when (a b, c)'
    """
    if isinstance(value, dict):
        if set(value) == {"zh", "en"}:
            return f"{value['zh']} / {value['en']}"
        return " · ".join(
            f"{key} ({_plain(inner)})"
            if isinstance(inner, dict) and set(inner) != {"zh", "en"}
            else f"{key} {_plain(inner)}"
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return ", ".join(_plain(inner) for inner in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _bundles_with(key: str) -> list[str]:
    return [
        b.key
        for b in catalogue.every_bound()
        if isinstance(b.head, Bundle) and key in {s.key for s in b.items}
    ]


def _effect(name: str, key: str, value: Item | Bundle) -> Effect:
    now = _bound_now(name)
    line = _line(now) if now else None
    then = _changed(name, key, value, now)
    try:
        after, problem = _made(then), None
    except CompileError as error:
        after, problem = None, error
    return Effect(key=name, label=then.head.label, now=line, then=after, problem=problem)


def _bound_now(name: str) -> Bound | None:
    try:
        return catalogue.bound(name)
    except NotFound:
        return None


def _changed(name: str, key: str, value: Item | Bundle, now: Bound | None) -> Bound:
    """What `name` would be made of with the draft in force."""
    if name != key:
        assert now is not None
        items = tuple(
            Source(key, value) if s.key == key and isinstance(value, Item) else s for s in now.items
        )
        return Bound(name, now.head, items)
    if isinstance(value, Item):
        return Bound(key, value, (Source(key, value),))
    return Bound(key, value, tuple(_joined(key.partition(":")[0], value)))


def _joined(pack: str, value: Bundle) -> Iterator[Source]:
    """The items of a bundle as they are in force; raises NotFound for one that is not there."""
    by_ref = {d.ref: d.value for d in packs.declarations(FILE)}
    for joined in value.joins:
        ref = joined.item if joined.item in by_ref else f"{pack}:{joined.item.rpartition(':')[2]}"
        if ref not in by_ref:
            raise NotFound
        yield Source(ref, by_ref[ref])


def _made(bound: Bound) -> reform.Line:
    return reform.line(bound, reform.usual(bound), catalogue.words(), known_concepts())


def _line(bound: Bound) -> reform.Line | None:
    """As it is now; None where it does not compile even now, which is not the draft's fault."""
    try:
        return _made(bound)
    except CompileError:
        return None


def _decided_by_another(row: Declaration, actor: Actor) -> None:
    require(actor, "configure", _thing(row))
    kept: ItemDraft | None = getattr(row, "item_draft", None)
    if kept and kept.brought_by_id and kept.brought_by_id == actor.party_id:
        raise OwnDraft


def _decide(
    row: Declaration, decision: ItemDraft.Decision, actor: Actor, at: datetime, reason: str = ""
) -> None:
    ItemDraft.objects.get_or_create(declaration=row)
    ItemDraft.objects.filter(declaration=row).update(
        decision=decision, decided_by_id=actor.party_id, decided_at=at, reason=reason
    )
    body = {"version": row.version, "hash": row.hash, "decision": str(decision.value), "reason": reason}
    audit.record(actor, "configure", _thing(row), at=at, body=body)


def _overtake(row: Declaration, at: datetime) -> None:
    """Earlier drafts of the same item: they were made against something else."""
    older = Declaration.objects.filter(
        file=FILE, pack=row.pack, key=row.key, state=pack_versions.DRAFT, pk__lt=row.pk
    )
    _end(list(older), at)


def _end(rows: Iterable[Declaration], at: datetime) -> None:
    for row in rows:
        pack_versions.turn_down(row)
        ItemDraft.objects.get_or_create(declaration=row)
        ItemDraft.objects.filter(declaration=row).update(decision=ItemDraft.Decision.OVERTAKEN, decided_at=at)


def _thing(row: Declaration) -> Thing:
    return Thing(kind="item", ref=f"{row.pack}:{row.key}")
