"""A draft as pages show it: task list, questions, form pages, materials, check answers."""

from datetime import datetime
from typing import Any, TypedDict

from django.db.models import F

from liangwang.base.labels import Label
from liangwang.base.models import Subject
from liangwang.base.subjects import masked
from liangwang.base.working_days import local_day, working_days

from .. import address, catalogue, sealed, signing
from ..compiled import Ask, Need, Rows
from ..drafting import (
    Seen,
    as_typed,
    consents_missing,
    field_problems,
    hash_in_force,
    materials_missing,
    missing,
    prefilled,
    see,
)
from ..groups import declared_name
from ..models import Authorisation, Draft
from ..models_together import DraftPart, DraftReader
from ..provable import own_role
from ..report import report
from ..supply import ANY
from ..vocabulary import field_id
from .uploads import handed_in, material_row


class FieldShown(TypedDict):
    """One field of a page: `why` is None for a field that is simply asked."""

    ask: Ask
    value: str
    problem: Label | None
    why: (
        dict[str, Any] | None
    )  # {source: Label, at: YYYY-MM-DD, state: verified|single|majority|conflict|disputed}
    version: int  # how often the field was changed; a writer says which one she saw
    fresh: bool  # newly asked since the item changed
    said: str  # what a register says of it where the person says otherwise, or has typed something else


class PageShown(TypedDict):
    """One page: fields to fill in, and those that need not be because they are known or come by themselves."""

    key: str
    title: Label
    fields: list[FieldShown]
    known: list[FieldShown]
    groups: tuple[Rows, ...]
    done: bool


def draft_by_ref(ref: str) -> Draft | None:
    """The draft that a link names, with its version and applicant."""
    return Draft.objects.select_related("version", "applicant", "place").filter(ref=ref).first()


def draft_by_ref_of(authorisation: Authorisation) -> Draft:
    """The draft that an authorisation belongs to."""
    return Draft.objects.select_related("version", "applicant", "place").get(pk=authorisation.draft_id)


def is_outdated(draft: Draft, at: datetime) -> bool:
    """Whether the draft's item has a newer version in force than the draft's own."""
    newest = hash_in_force(draft.key, at)
    return bool(newest) and draft.state == Draft.State.OPEN and newest != draft.version.hash


def is_withdrawn(key: str, at: datetime) -> bool:
    """Whether an item or bundle is no longer offered; known without a statement."""
    return not hash_in_force(key, at)


def drafts_of(subject_id: int) -> list[dict[str, Any]]:
    """Open drafts that a person writes, is asked to join or is shown, newest first; five statements, nothing compiled.

    Each {ref, key, label, updated_at, role: "applicant" | role asked | "reader", saves, progress: as the draft has it}.
    """
    mine = Draft.objects.filter(applicant_id=subject_id, state=Draft.State.OPEN).values_list("pk", flat=True)
    asked = Authorisation.objects.filter(subject_id=subject_id, draft__state=Draft.State.OPEN)
    asked = asked.exclude(draft__applicant_id=subject_id)
    roles = [(pk, "applicant") for pk in mine] + list(asked.values_list("draft_id", "role"))
    taken = _others(DraftPart, subject_id).exclude(draft__authorisations__subject_id=subject_id)
    roles += taken.values_list("draft_id", "role")
    roles += [(pk, "reader") for pk in _others(DraftReader, subject_id).values_list("draft_id", flat=True)]
    shown = Draft.objects.only("ref", "key", "updated_at", "saves", "progress")
    # Of the whole declaration only its name: reading all of it costs more than everything else on the page.
    drafts = shown.annotate(label=F("version__body__head__label")).in_bulk([pk for pk, _ in roles])
    rows = [(drafts[pk], role) for pk, role in roles if pk in drafts]
    return [
        {
            "ref": draft.ref,
            "key": draft.key,
            "label": draft.label,
            "updated_at": draft.updated_at,
            "role": role,
            "saves": draft.saves,
            "progress": draft.progress,
        }
        for draft, role in sorted(rows, key=lambda row: row[0].updated_at, reverse=True)
    ]


def _others(table: Any, subject_id: int) -> Any:
    """Open drafts of others in which a person has a part, or which she is shown."""
    rows = table.objects.filter(subject_id=subject_id, ended_at=None, draft__state=Draft.State.OPEN)
    return rows.exclude(draft__applicant_id=subject_id)


def form_pages(draft: Draft, at: datetime) -> dict[str, Any]:
    """The whole draft at once.

    Returns {draft, label, questions: [{question: Question, answer: str, suggested: {option, source: Label} | None}],
    pages: [PageShown], materials: [{need: Need, file: {ref, name, size} | None, committed, paper: bool}], not_asked: [Need],
    consents: [{role, label, text, state: none|asked|given|refused, who: masked name, mine: bool}], promised_days,
    promised_on: date, report: Report, ready: bool, missing: [Label], problems: [FieldProblem], withdrawn: the item is no
    longer offered, aside: [{field, label, value, at, why: two | row | version}] kept but not handed in, saved_at}.
    """
    return whole_as_seen(see(draft, at), at)


def whole_as_seen(seen: Seen, at: datetime) -> dict[str, Any]:
    """The answer of form_pages for a draft that was looked at already."""
    draft, compiled = seen.draft, seen.compiled
    lacking = missing(seen, at)
    found = field_problems(seen, at)
    wrong = {problem.field: problem.message for problem in found}
    return {
        "draft": draft,
        "label": compiled.label,
        "questions": [_question(q, seen) for q in compiled.questions],
        "pages": [_page(page, seen, wrong) for page in compiled.pages],
        "materials": _materials(seen),
        "not_asked": compiled.materials_not_asked,
        "consents": _consents(seen),
        "promised_days": compiled.promised_days,
        "promised_on": working_days().due_on(local_day(at), compiled.promised_days),
        "report": report(seen.bound, compiled, draft.scenario, catalogue.words()),
        "ready": not lacking,
        "missing": lacking,
        "problems": found,
        "withdrawn": not hash_in_force(draft.key, at),
        "aside": [_aside(one, draft) for one in reversed(draft.aside)],
        "saved_at": draft.updated_at,
    }


def next_page(draft: Draft, at: datetime, after: str | None = None) -> str:
    """Where to go on: "questions", "page:<key>", "materials", "consents" or "check", the first that is not done.

    `after` (same words) skips everything up to it, so that a person may leave a page for later.
    """
    seen = see(draft, at)
    wrong = {problem.field for problem in field_problems(seen, at)}
    stops = [("questions", not seen.compiled.unanswered)]
    stops += [
        (f"page:{page.key}", not any(ask.id in wrong for ask in page.fields))
        for page in seen.compiled.pages
        if any(not ask.settled for ask in page.fields)
    ]
    stops.append(("materials", not materials_missing(seen)))
    stops.append(("consents", not consents_missing(seen)))
    names = [name for name, _ in stops]
    if after in names:
        stops = stops[names.index(after) + 1 :]
    return next((name for name, done in stops if not done), "check")


def material_page(draft: Draft, need: str, at: datetime) -> dict[str, Any] | None:
    """One material: {need: Need, file: {ref, name, size} | None, committed, paper: bool}; None where it is not asked."""
    return next((one for one in _materials(see(draft, at)) if one["need"].id == need), None)


def _question(question: Any, seen: Seen) -> dict[str, Any]:
    suggested = None
    if question.known_by and question.question in seen.compiled.unanswered:
        evidence = _evidence_for(question, seen)
        if evidence is not None:
            suggested = {"option": _means(question, evidence.value), "source": evidence.source}
    return {
        "question": question,
        "answer": seen.draft.scenario.get(question.question, ""),
        "suggested": suggested,
    }


def _evidence_for(question: Any, seen: Seen) -> Any:
    field = field_id(question.known_by.role, question.known_by.concept)
    evidence = seen.proved.values.get(field)
    return evidence if evidence is not None and _means(question, evidence.value) else None


def _means(question: Any, value: Any) -> str | None:
    """The option that a known value means: "any" stands for whatever it is."""
    means: dict[str, str] = question.known_by.means
    return means.get(str(value), means.get(ANY))


def _page(page: Any, seen: Seen, wrong: dict[str, Label]) -> PageShown:
    values = prefilled(seen)
    touched = {field for field, typed in seen.answers.items() if typed}
    fields = [
        _field(ask, values, wrong if ask.id in touched else {}, seen.draft)
        for ask in page.fields
        if not ask.settled
    ]
    known = [_field(ask, values, {}, seen.draft) for ask in page.fields if ask.settled]
    done = not any(ask.id in wrong for ask in page.fields)
    return PageShown(
        key=page.key, title=page.title, fields=fields, known=known, groups=page.groups, done=done
    )


def _field(ask: Ask, values: dict[str, str], wrong: dict[str, Label], draft: Draft) -> FieldShown:
    why: dict[str, Any] | None = None
    value, said = values.get(ask.id, ""), ""
    if ask.comes_from is not None:
        why = {"source": ask.comes_from, "at": "", "state": "later"}
    elif ask.known is not None:
        why = {"source": ask.known.source, "at": ask.known.at, "state": ask.known.state}
        value = as_typed(ask) if ask.settled else value
        told = ask.known.state == "disputed" or (ask.known.state != "conflict" and value != as_typed(ask))
        said = as_typed(ask) if told and not ask.settled else ""
    return FieldShown(
        ask=ask,
        value=value,
        problem=wrong.get(ask.id),
        why=why,
        version=int(draft.versions.get(ask.id, [0])[0]),
        fresh=declared_name(ask.id) in draft.fresh,
        said=said,
    )


def _aside(one: dict[str, Any], draft: Draft) -> dict[str, Any]:
    value = str(sealed.read(one["field"], one["value"], draft.ref))
    if value.startswith("{"):
        value = signing.signed_words(value) or address.one_line(value) or value
    return {**one, "value": value}


def _materials(seen: Seen) -> list[dict[str, Any]]:
    rows = {f"{m.role}.{m.type}": m for m in handed_in(seen.draft)}
    shown: list[Need] = [n for n in seen.compiled.needs if n.supply.way in ("ask", "commitment")]
    return [
        {
            "need": need,
            "file": {"ref": row.file.ref, "name": row.file.name, "size": row.file.size}
            if (row := rows.get(need.id))
            else None,
            "pages": [material_row(page) for page in row.pages.all()] if row else [],
            "committed": need.id in seen.draft.committed,
            "paper": need.id in seen.draft.papers,
        }
        for need in shown
    ]


def _consents(seen: Seen) -> list[dict[str, Any]]:
    mine = own_role(seen.draft)
    found = []
    for consent in seen.compiled.consents:
        given = seen.consents.get(consent.role)
        found.append(
            {
                "role": consent.role,
                "label": consent.label,
                "text": consent.text,
                "state": given.state if given else "none",
                "ref": given.ref if given else None,
                "who": name_of(given.subject) if given else "",
                "mine": consent.role == mine,
            }
        )
    return found


def name_of(subject: Subject) -> str:
    """The masked name of a person, '' for a company."""
    person = getattr(subject, "person", None)
    return masked(person.name) if person else ""
