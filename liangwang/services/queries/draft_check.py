"""Everything before it is handed in, as one list; and what somebody who is asked for her consent sees of it."""

from datetime import datetime
from typing import Any

from liangwang.base.labels import Label

from .. import address, sealed, signing
from ..drafting import Seen, field_problems, see
from ..form import FieldProblem
from ..models import Authorisation, Draft
from ..provable import own_role
from .drafts import FieldShown, PageShown, draft_by_ref_of, name_of, whole_as_seen

WORDED = {"address": address.one_line, "signature": signing.signed_words}


def check_answers(draft: Draft, at: datetime) -> dict[str, Any]:
    """Everything before it is handed in, as one list of sections with a link back for each line.

    Returns {draft, label, sections: [{key, title, rows: [{id, label, value, shown, source: Label | None, page}]}],
    materials, not_asked, consents, missing: [Label], problems: [FieldProblem], promised_days, promised_on, report,
    own_consent: Consent | None}.
    """
    return _checked(see(draft, at), at)


def _checked(seen: Seen, at: datetime) -> dict[str, Any]:
    whole = whole_as_seen(seen, at)
    sections = [
        {
            "key": "questions",
            "title": Label(zh="您的情形", en="Your situation"),
            "rows": [_question_row(entry) for entry in whole["questions"]],
        }
    ]
    sections += [
        {"key": page["key"], "title": page["title"], "rows": [_row(one, page["key"]) for one in _both(page)]}
        for page in whole["pages"]
    ]
    mine = own_role(seen.draft)
    problems: list[FieldProblem] = field_problems(seen, at)
    kept = (
        "draft",
        "label",
        "materials",
        "not_asked",
        "consents",
        "missing",
        "promised_days",
        "promised_on",
        "report",
    )
    return {
        **{key: whole[key] for key in kept},
        "sections": sections,
        "problems": problems,
        "own_consent": next((c for c in seen.compiled.consents if c.role == mine), None),
    }


def authorisation_page(authorisation: Authorisation, at: datetime) -> dict[str, Any]:
    """What the other parent reads before deciding.

    Returns {authorisation, text: Label, label, applicant: masked name, role, items: [Label], sections (as in
    check_answers, values of other people masked), state}.
    """
    seen = see(draft_by_ref_of(authorisation), at)
    shown = _checked(seen, at)
    own = f"{authorisation.role}."
    for section in shown["sections"]:
        for row in section["rows"]:
            if not row["id"].startswith(own):
                row["shown"] = sealed.masked(row["id"], row["shown"])
                row["value"] = ""
    return {
        "authorisation": authorisation,
        "text": authorisation.text,
        "label": shown["label"],
        "applicant": name_of(seen.draft.applicant),
        "role": authorisation.role,
        "items": [source.item.label for source in seen.compiled.items],
        "sections": shown["sections"],
        "state": authorisation.state,
    }


def _both(page: PageShown) -> list[FieldShown]:
    return [*page["fields"], *page["known"]]


def _row(one: FieldShown, page: str) -> dict[str, Any]:
    ask = one["ask"]
    labels = {choice.value: choice.label for choice in ask.choices}
    shown: Any = labels.get(one["value"], one["value"])
    if ask.kind in WORDED:
        shown = WORDED[ask.kind](one["value"])
    return {
        "id": ask.id,
        "label": ask.label,
        "value": one["value"],
        "shown": shown,
        "source": one["why"]["source"] if one["why"] else None,
        "page": page,
    }


def _question_row(entry: dict[str, Any]) -> dict[str, Any]:
    question = entry["question"]
    label = next((o.label for o in question.options if o.option == entry["answer"]), None)
    return {
        "id": f"question.{question.question}",
        "label": question.label,
        "value": entry["answer"],
        "shown": label or "",
        "source": None,
        "page": "questions",
    }
