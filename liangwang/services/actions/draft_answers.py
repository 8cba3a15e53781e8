"""Answers of a draft, one by one: saved as typed, with a version of each field, so that two who write lose nothing."""

import json
from collections.abc import Mapping
from datetime import datetime

import msgspec

from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Company, Person

from .. import address, sealed, signing
from ..compiled import Ask, Page, Rows
from ..drafting import Seen, field_problems, rows_of, see
from ..form import FieldProblem, Other, tidy
from ..groups import declared_name, row_role
from ..models import Draft
from ..refusals import GroupFull, GroupShort, UnknownPart
from ..sharing import need_edit
from .draft import _locked as locked
from .draft import _save as save

TYPED_MAX = 5000
UNSEEN = -1  # a caller that does not know of versions: its word counts


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one answer: its version now, and what to change in it, if anything."""

    field: str
    version: int
    problem: FieldProblem | None
    at: datetime


def save_answer(
    *, actor: Actor, draft: Draft, field: str, typed: str, base: int = UNSEEN, at: datetime
) -> Saved:
    """Saves one field as it was typed; `base` is the version that its writer had before her.

    Where somebody else has changed it since, nothing is overwritten: what was typed lies aside and the problem's
    `other` is what stands there. Raises UnknownPart and DraftClosed.
    """
    draft = locked(draft, actor)
    seen = see(draft, at)
    ask = next((one for one in seen.compiled.asks if one.id == field), None)
    if ask is None or ask.kind == "signature":
        raise UnknownPart(part=field)
    before = _state(draft)
    problem = put(draft, ask, typed, base, at)
    if problem is not None:  # what somebody else has typed is told only to those who may write there
        need_edit(actor, draft, seen.bound, ask.group or ask.role)
    if _state(draft) != before:
        save(draft, actor, at, "answers", "versions", "aside", "fresh")
    if problem is None:
        wrong = field_problems(see(draft, at), at)
        problem = next((one for one in wrong if one.field == field), None)
    return Saved(field=field, version=version_in(draft, field), problem=problem, at=draft.updated_at)


def answer_page(
    *,
    actor: Actor,
    draft: Draft,
    page: str,
    answers: Mapping[str, str],
    at: datetime,
    bases: Mapping[str, int] | None = None,
) -> list[FieldProblem]:
    """Saves one page as it was typed and returns what to change on it; an empty list means: go on.

    `page` is the key of a page of `queries.form_pages`, `bases` the versions of the fields that the writer saw.
    Questions that her answers call up come back as problems too. Raises UnknownPart and DraftClosed.
    """
    draft = locked(draft, actor)
    before_it = see(draft, at)
    asks = {ask.id: ask for ask in _page(before_it, page).fields}
    before = _state(draft)
    two = [
        problem
        for field, typed in answers.items()
        if (ask := asks.get(field)) is not None and ask.kind != "signature"
        if (problem := put(draft, ask, typed, (bases or {}).get(field, UNSEEN), at)) is not None
    ]
    for problem in two:
        ask = asks[problem.field]
        need_edit(actor, draft, before_it.bound, ask.group or ask.role)
    if _state(draft) != before:
        save(draft, actor, at, "answers", "versions", "aside", "fresh")
    seen = see(draft, at)
    on_page = {ask.id for one in seen.compiled.pages if one.key == page for ask in one.fields}
    met = {problem.field for problem in two}
    wrong = [p for p in field_problems(seen, at) if p.field in on_page and p.field not in met]
    return two + wrong


def put(draft: Draft, ask: Ask, typed: str, base: int, at: datetime) -> FieldProblem | None:
    """Writes one answer into a locked draft; returns the problem of two writers instead of writing over one."""
    field, kept = ask.id, as_kept(ask, typed)
    held = version_in(draft, field)
    stands = str(sealed.read(field, draft.answers.get(field, ""), draft.ref))
    if kept == stands:
        return None
    if base not in (UNSEEN, held):
        _aside(draft, field, ask.label, kept, at, "two")
        return FieldProblem(
            field=field,
            message=_two(ask.label),
            other=Other(value=stands, mine=kept, at=draft.versions[field][1], version=held),
        )
    draft.answers[field] = sealed.close(field, kept, draft.ref)
    draft.versions[field] = [held + 1, at.isoformat()]
    draft.aside = [one for one in draft.aside if (one["field"], one["why"]) != (field, "two")]
    draft.fresh = [one for one in draft.fresh if one != declared_name(field)]
    return None


def add_row(*, actor: Actor, draft: Draft, group: str, at: datetime) -> int:
    """Opens one more row of a repeating group and returns its number; raises GroupFull."""
    draft = locked(draft, actor)
    rows = _rows(see(draft, at), group)
    if len(rows.numbers) >= rows.maximum:
        raise GroupFull(what=rows.label["zh"], what_en=rows.label["en"], most=rows.maximum)
    number = max([*rows.numbers, draft.rows.get(group, {}).get("last", 0)], default=0) + 1
    draft.rows[group] = {"numbers": [*rows.numbers, number], "last": number}
    save(draft, actor, at, "rows")
    return number


def remove_row(*, actor: Actor, draft: Draft, group: str, number: int, at: datetime) -> None:
    """Takes a row out; its answers lie aside. A row that is gone already is no error; raises GroupShort."""
    draft = locked(draft, actor)
    seen = see(draft, at)
    rows = _rows(seen, group)
    if number not in rows.numbers:
        return
    if len(rows.numbers) <= rows.minimum:
        raise GroupShort(what=rows.label["zh"], what_en=rows.label["en"], least=rows.minimum)
    last = max(*rows.numbers, draft.rows.get(group, {}).get("last", 0))
    draft.rows[group] = {"numbers": [n for n in rows.numbers if n != number], "last": last}
    labels = {ask.id: ask.label for page in seen.compiled.pages for ask in page.fields}
    own = f"{row_role(group, number)}."
    for field in [name for name in draft.answers if name.startswith(own)]:
        typed = str(sealed.read(field, draft.answers.pop(field), draft.ref))
        _aside(draft, field, labels.get(field, rows.label), typed, at, "row")
    save(draft, actor, at, "rows", "answers", "aside")


def dispute(*, actor: Actor, draft: Draft, field: str, at: datetime) -> None:
    """不对?: what a register says of a field counts no longer; the person gives her own value, and both go with the case.

    Raises UnknownPart for a field that no register has filled in.
    """
    draft = locked(draft, actor)
    seen = see(draft, at)
    ask = next((a for p in seen.compiled.pages for a in p.fields if a.id == field), None)
    if ask is None or ask.known is None or ask.comes_from is not None:
        raise UnknownPart(part=field)
    if field in draft.disputed:
        return
    draft.disputed[field] = {
        "said": sealed.close(field, str(ask.known.value), draft.ref),
        "source": dict(ask.known.source),
        "since": ask.known.at,
        "ref": ask.known.ref,
        "at": at.isoformat(),
    }
    save(draft, actor, at, "disputed")


def agree(*, actor: Actor, draft: Draft, field: str, at: datetime) -> None:
    """Takes an objection back: the register's value counts again, her own lies aside."""
    draft = locked(draft, actor)
    if draft.disputed.pop(field, None) is None:
        return
    ask = next((a for p in see(draft, at).compiled.pages for a in p.fields if a.id == field), None)
    if field in draft.answers and ask is not None:
        typed = str(sealed.read(field, draft.answers.pop(field), draft.ref))
        _aside(draft, field, ask.label, typed, at, "row")
    save(draft, actor, at, "disputed", "answers", "aside")


def sign(
    *, actor: Actor, draft: Draft, field: str, name: str, confirmed: bool, drawn: str = "", at: datetime
) -> None:
    """Signs everything that is answered so far: with a drawing, or with her typed name and a tick.

    Raises NotSigned where the tick is missing or the name is not her own; UnknownPart for no field of signatures.
    """
    draft = locked(draft, actor)
    seen = see(draft, at)
    ask = next((a for a in seen.compiled.asks if a.id == field and a.kind == "signature"), None)
    if ask is None:
        raise UnknownPart(part=field)
    own = _own_name(actor)
    if not confirmed:
        raise signing.NotSigned(why="请勾选“我确认”", why_en="Tick 'I confirm'")
    if not drawn and (not tidy(name) or (own and tidy(name) != own)):
        raise signing.NotSigned(
            why="请输入您本人的姓名，或手写签名", why_en="Type your own name, or draw your signature"
        )
    signatures = [a.id for a in seen.compiled.asks if a.kind == "signature"]
    over = signing.digest(seen.answers, signatures)
    kept = signing.keep(name=own or tidy(name), drawn=drawn, over=over, by=actor.party_id, at=at)
    draft.answers[field] = sealed.close(field, kept, draft.ref)
    draft.versions[field] = [version_in(draft, field) + 1, at.isoformat()]
    save(draft, actor, at, "answers", "versions")


def as_kept(ask: Ask, typed: str) -> str:
    """What of a typed answer is kept: the text itself; of an address the division that it lies in, by the city's names."""
    text = typed[:TYPED_MAX].replace("\x00", "")
    if ask.kind == "address" and text.lstrip().startswith("{"):
        try:
            parts = json.loads(text)
        except ValueError:
            return text
        return address.picked({str(k): str(v) for k, v in parts.items()}) if isinstance(parts, dict) else text
    return text


def version_in(draft: Draft, field: str) -> int:
    """How often a field was changed; 0 for one that nobody has touched."""
    return int(draft.versions.get(field, [0])[0])


def _state(draft: Draft) -> tuple[dict[str, list[object]], int]:
    """What tells whether an answer changed anything."""
    return dict(draft.versions), len(draft.aside)


def _own_name(actor: Actor) -> str:
    """The name of the person who acts, or of the company that she acts for."""
    person = Person.objects.filter(pk=actor.for_subject_id).values_list("name", flat=True).first()
    return (
        person or Company.objects.filter(pk=actor.for_subject_id).values_list("name", flat=True).first() or ""
    )


def _page(seen: Seen, key: str) -> Page:
    found = next((one for one in seen.compiled.pages if one.key == key), None)
    if found is None:
        raise UnknownPart(part=key)
    return found


def _rows(seen: Seen, group: str) -> Rows:
    found = rows_of(seen.compiled).get(group)
    if found is None:
        raise UnknownPart(part=group)
    return found


def _aside(draft: Draft, field: str, label: Label, typed: str, at: datetime, why: str) -> None:
    if typed:
        closed = sealed.close(field, typed, draft.ref)
        draft.aside.append(
            {"field": field, "label": dict(label), "value": closed, "at": at.isoformat(), "why": why}
        )


def _two(label: Label) -> Label:
    return {
        "zh": f"{label['zh']}：另一台设备或另一位刚改过，请选用哪一个",
        "en": f"{label['en']}: it was changed elsewhere just now; choose which one counts",
    }
