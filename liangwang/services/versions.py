"""The versions of an item, newest first: each never changed, each with what was different in plain words."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from liangwang.base.labels import Label
from liangwang.base.models import Declaration
from liangwang.base.packs import declarations

from . import catalogue

FILE = "items.yaml"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One published version: in force from `since` to `until` (None: still), and what it changed."""

    number: int
    since: datetime
    until: datetime | None
    changes: tuple[Label, ...]


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """An item that was offered once; `ended_on` is None where nobody said on which day, `instead` is `pack:key`."""

    key: str
    label: Label
    guide: Label
    ended_on: date | None
    instead: str | None


def history(key: str) -> list[Version]:
    """Every published version of `pack:key`, the newest first; [] for what nobody has published."""
    rows = list(_published(key).order_by("version"))
    made = []
    for number, row in enumerate(rows):
        later = rows[number + 1] if number + 1 < len(rows) else None
        changes = tuple(changed(rows[number - 1].body, row.body)) if number else ()
        made.append(
            Version(
                number=number + 1,
                since=row.published_at or row.created_at,
                until=later.published_at if later else None,
                changes=changes,
            )
        )
    return made[::-1]


def withdrawn(on: date, key: str | None = None) -> list[Withdrawn]:
    """Items that nobody can apply for any more: their last day is over, or their pack no longer has them."""
    held = {one.ref: one.value for one in declarations(FILE)}
    ended = [
        _gone(ref, head.label, head.guide, head.ends_on, head.instead)
        for ref, head in held.items()
        if catalogue.ended(head, on) and key in (None, ref)
    ]
    found = {}
    rows = Declaration.objects.filter(file=FILE, published_at__isnull=False)
    known = rows.values_list("pack", "key").distinct() if key is None else [tuple(key.split(":", 1))]
    gone = [name for name in known if ":".join(name) not in held]
    # Few: an ordinary release takes nothing away, so that their bodies are read one by one.
    for pack, name in gone:
        last = rows.filter(pack=pack, key=name).order_by("-version").first()
        if last is not None:
            ref, body = f"{pack}:{name}", last.body
            day = date.fromisoformat(body["ends_on"]) if body.get("ends_on") else None
            found[ref] = _gone(ref, body["label"], body["guide"], day, body.get("instead"))
    return [*ended, *found.values()]


def _gone(ref: str, label: Label, guide: Label, ended_on: date | None, instead: str | None) -> Withdrawn:
    pack = ref.partition(":")[0]
    place = instead if instead is None or ":" in instead else f"{pack}:{instead}"
    return Withdrawn(key=ref, label=label, guide=guide, ended_on=ended_on, instead=place)


def _published(key: str) -> Any:
    pack, _, name = key.partition(":")
    return Declaration.objects.filter(file=FILE, pack=pack, key=name, published_at__isnull=False)


def changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Label]:
    """What a person has to know of a new version: days, trips, fees, materials, fields, conditions, what it joins.

    Works on declarations as they were written, so that a version of an older form can still be compared.
    """
    found = [
        *_number(before, after, "legal_days", "法定时限", "Legal limit"),
        *_number(before, after, "promised_days", "承诺时限", "Promised limit"),
        *_number(before, after, "trips", "跑动", "Visits"),
        *_lists(before, after),
        *_end(before, after),
    ]
    said = {
        "label": ("名称", "its name"),
        "guide": ("说明", "its guide"),
        "office": ("办理机关", "the office"),
    }
    for name, (zh, en) in said.items():
        if before.get(name) != after.get(name):
            found.append({"zh": f"{zh}有修改", "en": f"A change of {en}"})
    if not found and before != after:
        found.append(
            {
                "zh": "文字或内部流程有修改，要求没有变",
                "en": "Words or inner steps changed; what is asked did not",
            }
        )
    yield from found


def _number(before: dict[str, Any], after: dict[str, Any], name: str, zh: str, en: str) -> Iterator[Label]:
    old, new = _days(before.get(name)) or 0, _days(after.get(name)) or 0
    if old != new:
        unit, units = ("次", "") if name == "trips" else ("个工作日", " working days")
        yield {"zh": f"{zh}：{old} → {new} {unit}", "en": f"{en}: {old} → {new}{units}"}


def _end(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Label]:
    if before.get("ends_on") != (day := after.get("ends_on")):
        yield (
            {"zh": f"{day} 后停办", "en": f"Not offered after {day}"}
            if day
            else {"zh": "不再停办", "en": "Goes on being offered"}
        )


def _days(value: Any) -> int | None:
    return value.get("days") if isinstance(value, dict) else value


def _lists(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Label]:
    words = catalogue.words()

    def material(one: dict[str, Any]) -> Label:
        return words.document(one["type"]).label

    def asked(one: dict[str, Any]) -> Label:
        label: Label | None = one.get("label")
        return label or words.concept(one["concept"]).label

    def own(one: dict[str, Any]) -> Label:
        label: Label = one if "zh" in one else one["label"]  # type: ignore[assignment]
        return label

    parts = (
        ("materials", "材料", "material", ("type", "role"), material),
        ("fields", "填写项", "question", ("concept", "role"), asked),
        ("conditions", "条件", "condition", ("zh",), own),
        ("fees", "收费", "fee", ("fee", "fen"), own),
        ("questions", "情形", "situation", ("question",), own),
        ("joins", "合并事项", "item", ("item",), _joined),
    )
    for name, zh, en, keys, label_of in parts:
        was, now = _keyed(before.get(name), keys), _keyed(after.get(name), keys)
        for key in [one for one in now if one not in was]:
            label = label_of(now[key])
            yield {"zh": f"增加{zh}：{label['zh']}", "en": f"New {en}: {label['en']}"}
        for key in [one for one in was if one not in now]:
            label = label_of(was[key])
            yield {"zh": f"取消{zh}：{label['zh']}", "en": f"No longer a {en}: {label['en']}"}


def _joined(one: dict[str, Any]) -> Label:
    known: dict[str, Label] = {}
    for item in declarations(FILE):
        known[item.key] = known[item.ref] = item.value.label
    return known.get(one["item"], {"zh": one["item"], "en": one["item"]})


def _keyed(rows: Any, keys: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(str(row.get(key)) for key in keys): row for row in rows or []}
