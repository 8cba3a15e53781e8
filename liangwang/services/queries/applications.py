"""A person's own applications: home, tracking, certificates, letters, receipts."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from liangwang.base import receipts
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Guardian, Notice
from liangwang.cases import queries as cases

from .. import sealed
from ..letters_paper import is_licence
from ..letters_text import title_of
from ..models import Authorisation, Certificate, Draft, Submission
from .drafts import drafts_of
from .letters import delivery_rows

DONE_STATES = {"closed", "refused", "withdrawn"}


def submission_by_ref(ref: str) -> Submission | None:
    """The application that a link names."""
    return _with().filter(ref=ref).first()


def submission_by_number(number: str) -> Submission | None:
    """The application with this case number, as read on a receipt."""
    return _with().filter(case__number=number.strip()).first() if cases.is_case_number(number) else None


def case_of_number(number: str) -> cases.Case | None:
    """The case of an application with this number: what a door asks the policy about."""
    found = submission_by_number(number)
    return found.case if found else None


def submission_of_case(case: cases.Case) -> Submission | None:
    """The application behind a case; None for incidents and for cases that a rule opened."""
    return _with().filter(case=case).first()


def authorisation_by_ref(ref: str) -> Authorisation | None:
    """The authorisation that a notice links to."""
    return (
        Authorisation.objects.select_related("draft__version", "draft__applicant", "subject")
        .filter(ref=ref)
        .first()
    )


def certificate_by_ref(ref: str) -> Certificate | None:
    """The certificate that a link or a QR names."""
    return (
        Certificate.objects.select_related("office__place", "subject", "keeper", "case")
        .filter(ref=ref)
        .first()
    )


def applications_of(subject_id: int) -> list[dict[str, Any]]:
    """Applications that a person made or takes part in, newest first.

    Each {ref, number, case, label, state, state_label, submitted_at, promised_at, closed, role}.
    """
    concerned = Q(applicant_id=subject_id) | Q(parts__subject_id=subject_id)
    rows = _with().filter(concerned).distinct().order_by("-submitted_at")
    return [_line(row, subject_id) for row in rows]


def certificates_of(subject_id: int) -> list[Certificate]:
    """Certificates of a person and of her wards, and those that she keeps for somebody; revoked ones too, marked."""
    wards = Guardian.objects.filter(guardian_id=subject_id, ended_at=None).values("ward_id")
    rows = Certificate.objects.filter(
        Q(subject_id=subject_id) | Q(keeper_id=subject_id) | Q(subject_id__in=wards)
    )
    return list(rows.select_related("office", "subject").order_by("-issued_at"))


def home(actor: Actor, at: datetime) -> dict[str, Any]:
    """What concerns this person now.

    Returns {asks: [{kind: "authorise" | "draft" | "supplement" | "rate", label, ref, link, at}] in the order in which
    to act, drafts (as drafts_of), running and finished (as applications_of), certificates, notices: [Notice] unread
    first (20)}.
    """
    subject_id = actor.for_subject_id
    if subject_id is None:
        return {"asks": [], "drafts": [], "running": [], "finished": [], "certificates": [], "notices": []}
    applications = applications_of(subject_id)
    drafts = drafts_of(subject_id)
    return {
        "asks": _asks(subject_id, applications, drafts),
        "drafts": drafts,
        "running": [one for one in applications if not one["closed"]],
        "finished": [one for one in applications if one["closed"]],
        "certificates": certificates_of(subject_id),
        "notices": list(Notice.objects.filter(subject_id=subject_id).order_by("read_at", "-at")[:20]),
    }


def track(submission: Submission, at: datetime) -> dict[str, Any]:
    """Where an application stands.

    Returns {submission, case, label, number, state, state_label, clock (cases.Clock: statutory, promised, used,
    promised_on, days), lanes (cases.Lane: one per office), timeline (cases.Line), now: [{label, office}], letters:
    [{ref, title, number, at, deliveries: on paper only}], certificates, answers: [{id, value}], report: before/after as
    submitted, can_rate, rated: score | None, can_withdraw, supplement: [Label] wanted, receipt_ready: bool}.
    """
    case = cases.case_by_ref(submission.case.ref)
    assert case is not None
    lines = cases.timeline(case)
    rating = getattr(case, "rating", None)
    return {
        "submission": submission,
        "case": case,
        "label": case.title,
        "number": case.number,
        "state": case.state,
        "state_label": cases.STATE_LABELS[case.state],
        "clock": cases.clock(case, at),
        "lanes": cases.lanes(case, at),
        "timeline": lines,
        "now": [
            {"label": t.label, "office": t.office.name if t.office else None} for t in cases.next_steps(case)
        ],
        "letters": [
            {
                "ref": one.ref,
                "title": title_of(one.kind, licence=is_licence(one)),
                "number": one.number,
                "at": one.at,
                "kind": one.kind,
                "deliveries": [row for row in delivery_rows(one) if row["it"].way != "electronic"],
            }
            for one in case.letters.select_related("submission__version")
            .prefetch_related("deliveries")
            .order_by("id")
        ],
        "certificates": _issued(case),
        "answers": [
            {"id": field, "value": value}
            for field, value in sealed.read_all(submission.answers, submission.draft.ref).items()
        ],
        "report": None if case.follows_as else submission.evidence.get("report"),
        "can_rate": _rateable(case) and rating is None,
        "rated": rating.score if rating else None,
        "can_withdraw": case.state not in DONE_STATES,
        "supplement": _wanted(case, lines),
        "receipt_ready": bool(submission.entry and submission.entry.idx is not None),
    }


def _issued(case: cases.Case) -> list[Certificate]:
    """What a case has given that is in force; of a case about a certificate, that one or what replaced it."""
    about = Q(case=case) | Q(ref=case.facts.get("certificate", "")) if case.follows_as else Q(case=case)
    rows = Certificate.objects.filter(about).select_related("office", "subject", "replaced_by__office")
    found = [row.replaced_by or row for row in rows]
    return [row for row in found if row.revoked_at is None]


def _rateable(case: cases.Case) -> bool:
    """Whether something was decided that a person can rate: what she says before a revocation is only delivered."""
    return case.state in {"closed", "refused"} and case.follows_as != "heard"


def receipt(submission: Submission) -> str:
    """The receipt's text, which verifies offline; raises NotYet for some seconds after submission."""
    assert submission.entry_id is not None
    return receipts.receipt(submission.entry_id)


def _with() -> QuerySet[Submission]:
    return Submission.objects.select_related("case", "applicant__person", "draft", "version", "entry")


def _line(row: Submission, subject_id: int) -> dict[str, Any]:
    mine = row.applicant_id == subject_id
    role = "applicant" if mine else next((p.role for p in row.parts.filter(subject_id=subject_id)), "")
    return {
        "ref": row.ref,
        "number": row.case.number,
        "case": row.case.ref,
        "label": row.case.title,
        "state": row.case.state,
        "state_label": cases.STATE_LABELS[row.case.state],
        "submitted_at": row.submitted_at,
        "promised_at": row.case.promised_at,
        "closed": row.case.state in DONE_STATES,
        "closed_at": row.case.closed_at,
        "rateable": _rateable(row.case),
        "role": role,
        "steps_done": row.case.tasks.filter(state="done").count(),
        "steps": row.case.tasks.exclude(state="cancelled").count(),
    }


def _asks(
    subject_id: int, applications: list[dict[str, Any]], drafts: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What waits for this person: consent first, then supplements, then drafts, then ratings."""
    asked = Authorisation.objects.filter(
        subject_id=subject_id, state=Authorisation.State.ASKED, draft__state=Draft.State.OPEN
    ).select_related("draft__version")
    found = [
        _ask(
            "authorise",
            one.draft.version.body["head"]["label"],
            one.ref,
            f"/authorisations/{one.ref}/",
            one.asked_at,
        )
        for one in asked
    ]
    mine = [one for one in applications if one["role"] == "applicant"]
    supplements = [one for one in mine if one["state"] == "supplement"]
    unrated = [one for one in mine if one["state"] == "closed" and one["rateable"] and not _rated(one["ref"])]
    found += [_of_case("supplement", one) for one in supplements]
    found += [
        _ask("draft", one["label"], one["ref"], f"/drafts/{one['ref']}/", one["updated_at"])
        for one in drafts
        if one["role"] == "applicant"
    ]
    return found + [_of_case("rate", one) for one in unrated]


def _of_case(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    return _ask(kind, one["label"], one["ref"], f"/cases/{one['case']}/", one["submitted_at"])


def _ask(kind: str, label: Label, ref: str, link: str, at: datetime) -> dict[str, Any]:
    return {"kind": kind, "label": label, "ref": ref, "link": link, "at": at}


def _rated(ref: str) -> bool:
    return Submission.objects.filter(ref=ref, case__rating__isnull=False).exists()


def _wanted(case: cases.Case, lines: list[Any]) -> list[Label]:
    if case.state != "supplement":
        return []
    last = next((line for line in reversed(lines) if line["what"] == "case.supplement"), None)
    return last["body"]["wanted"] if last else []
