"""先行联系 回访 评价: talking with whoever reported: first contact, call-back after closing, the own rating, review."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.errors import Conflict
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.cases import actions
from liangwang.cases.refusals import AlreadyRated, OnceOnly, OwnWork, ReasonNeeded

from .report_models import Contact, Report
from .reporting import Reporter, reporter_of, working_limit

BAD_SCORE = 2
Purpose = Contact.Purpose


class NotClosedYet(Conflict):
    """Calling back and rating come after closing."""

    code = "not_closed_yet"
    template: ClassVar[Label] = {
        "zh": "{number} 还没有结案，结案后再回访、评价",
        "en": "{number} is not closed yet; call back or rate it afterwards",
    }


def first_contact(*, actor: Actor, at: datetime, report: Report, reached: bool, note: str = "") -> Contact:
    """先行联系: somebody spoke with the reporter; the first that was reached stops the clock."""
    if not reached and not note.strip():
        raise ReasonNeeded(what="没有联系上的情况", what_en="how it was tried")
    row = _kept(actor, at, report, Purpose.FIRST, reached=reached, note=note)
    if reached:
        Report.objects.filter(pk=report.pk, contacted_at=None).update(contacted_at=at)
    actions.note_case(
        actor=actor, at=at, case=report.case, what="report.contacted", note=note.strip(), reached=reached
    )
    return row


def call_back(
    *, actor: Actor, at: datetime, report: Report, reached: bool, solved: bool | None = None,
    score: int | None = None, note: str = "",
) -> Contact:  # fmt: skip
    """回访 after closing: was it really solved (实际解决), how content is the reporter; a bad word is reviewed."""
    _require_closed(report)
    if reached and (solved is None or score is None):
        raise ReasonNeeded(what="是否实际解决、是否满意", what_en="whether it was solved, and the score")
    row = _kept(actor, at, report, Purpose.CALL_BACK, reached=reached, solved=solved, score=score, note=note)
    if reached:
        Report.objects.filter(pk=report.pk, answered_at=None).update(answered_at=at)
    actions.note_case(
        actor=actor, at=at, case=report.case, what="report.called_back", note=note.strip(), reached=reached
    )
    return row


def rate(*, actor: Actor, at: datetime, report: Report, solved: bool, score: int, note: str = "") -> Contact:
    """评价 by the reporter, once for each report; a bad one is reviewed. The first is the incident's own rating too."""
    _require_closed(report)
    if not 1 <= score <= 5:
        raise ReasonNeeded(what="1 到 5 的评分", what_en="a score from 1 to 5")
    if Contact.objects.filter(report=report, purpose=Purpose.RATING).exists():
        raise AlreadyRated
    if not hasattr(report.case, "rating"):
        actions.rate_case(actor=actor, at=at, case=report.case, score=score, text=note.strip())
    return _kept(actor, at, report, Purpose.RATING, solved=solved, score=score, note=note)


def review(*, actor: Actor, at: datetime, contact: Contact, reopen: bool, note: str) -> Contact:
    """复核 of a bad word: the incident is opened again, or its closing stands with the reason told to the reporter."""
    if not note.strip():
        raise ReasonNeeded(what="复核意见", what_en="what the review found")
    verdict = "reopened" if reopen else "stands"
    fresh = Contact.objects.filter(pk=contact.pk, reviewed_at=None, review_by__isnull=False)
    if not fresh.update(reviewed_at=at, verdict=verdict, verdict_note=note.strip()):
        raise OnceOnly(what="复核", what_en="A review")
    case = contact.report.case
    if reopen and case.state == "closed":
        actions.reopen_case(actor=actor, at=at, case=case, reason=note)
    actions.note_case(
        actor=actor, at=at, case=case, what="report.reviewed", note=note.strip(), verdict=verdict
    )
    contact.refresh_from_db()
    return contact


def ask_complex(*, actor: Actor, at: datetime, report: Report, reason: str) -> Report:
    """复杂诉求: asks for the longer limit of a complex matter; nothing changes until it is approved."""
    if not reason.strip():
        raise ReasonNeeded(what="为什么复杂", what_en="why it is complex")
    asked = {"reason": reason.strip(), "party": actor.party_ref, "label": actor.label, "at": at.isoformat()}
    fresh = Report.objects.filter(pk=report.pk, complex_asked__isnull=True, complex_since=None)
    if not fresh.update(complex_asked=asked):
        raise OnceOnly(what="复杂诉求申请", what_en="Asking for it")
    actions.note_case(actor=actor, at=at, case=report.case, what="report.complex_asked", note=reason.strip())
    report.refresh_from_db()
    return report


def approve_complex(*, actor: Actor, at: datetime, report: Report, approved: bool) -> Report:
    """Decides on a complex matter, not by the one who asked: approved, the answer is due within its limit from receipt."""
    asked = report.complex_asked
    if not asked:
        raise OnceOnly(what="复杂诉求审批", what_en="Deciding on it")
    if asked["party"] and asked["party"] == actor.party_ref:
        raise OwnWork(task="复杂诉求审批", task_en="the approval")
    values: dict[str, Any] = {"complex_asked": None}
    if approved:
        values |= {"complex_since": at, "due_at": working_limit("hotline_complex", report.at)}
    Report.objects.filter(pk=report.pk).update(**values)
    actions.note_case(actor=actor, at=at, case=report.case, what="report.complex_decided", approved=approved)
    report.refresh_from_db()
    return report


def to_review(code: str) -> QuerySet[Contact]:
    """Bad words that nobody has reviewed yet, of a place, the first due first."""
    rows = Contact.objects.filter(
        review_by__isnull=False, reviewed_at=None, report__place__code__startswith=code
    )
    return rows.select_related("report__case").order_by("review_by")


def to_contact(code: str) -> QuerySet[Report]:
    """Reports whose reporter nobody has reached yet, of a place, the first due first."""
    rows = Report.objects.filter(contact_by__isnull=False, contacted_at=None, place__code__startswith=code)
    return rows.filter(case__state__in=("open", "accepted")).select_related("case").order_by("contact_by")


def to_answer(code: str) -> QuerySet[Report]:
    """Reports of a place whose reporter has no answer yet, the first due first."""
    rows = Report.objects.filter(answered_at=None, due_at__isnull=False, place__code__startswith=code)
    return rows.filter(case__state__in=("open", "accepted")).select_related("case").order_by("due_at")


def to_call_back(code: str) -> QuerySet[Report]:
    """Reports of closed incidents whose reporter was not called back and has not rated, the oldest first."""
    rows = Report.objects.filter(case__state="closed", contact_by__isnull=False, place__code__startswith=code)
    asked = Contact.objects.exclude(purpose=Purpose.FIRST).filter(reached=True)
    return rows.exclude(pk__in=asked.values("report_id")).select_related("case").order_by("due_at")


def whom_to_call(*, actor: Actor, at: datetime, report: Report) -> Reporter:
    """Name and phone of whoever reported, for calling now; the look is in the audit log."""
    audit.record(actor, "read_sealed", thing_of("report", report), at=at, purpose="case")
    return reporter_of(report)


def _require_closed(report: Report) -> None:
    if report.case.state not in {"closed", "refused"}:
        raise NotClosedYet(number=report.case.number)


def _kept(actor: Actor, at: datetime, report: Report, purpose: str, **said: Any) -> Contact:
    bad = said.get("solved") is False or (said.get("score") or 5) <= BAD_SCORE
    by = {"party": actor.party_ref, "office": actor.office_key, "label": actor.label}
    said["note"] = str(said.get("note", "")).strip()
    return Contact.objects.create(
        report=report, purpose=purpose, at=at, by=by,
        review_by=working_limit("hotline_review", at) if bad else None, **said,
    )  # fmt: skip
