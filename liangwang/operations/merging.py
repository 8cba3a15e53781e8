"""并案 拆案 by hand: incidents that are one become one, a report that is not about it gets its own; both undone."""

from datetime import datetime
from typing import Any

from liangwang.base.hats import Actor, platform
from liangwang.base.places import near
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Case
from liangwang.cases.refusals import OnceOnly, ReasonNeeded, StillOpen

from .incidents import waits_for_clear
from .kinds import kind_named
from .models import Signal
from .report_models import Joining, Report
from .reporting import open_for

NEAR_M = 300.0
MOST = 8


def candidates(case: Case) -> list[tuple[Case, int]]:
    """Live incidents near by that this one may turn out to be, with the metres between them, the nearest first."""
    if case.lon is None or case.lat is None or case.place is None:
        return []
    rows = cases.incidents_in(case.place.code[:6]).filter(state__in=("open", "accepted")).exclude(pk=case.pk)
    return [(one, round(metres)) for one, metres in near(case.lon, case.lat, rows, NEAR_M)[:MOST]]


def merge(*, actor: Actor, at: datetime, case: Case, into: Case, reason: str) -> Joining:
    """Ends `case` as the same matter as `into`, which takes its reports and signals; raises ReasonNeeded, CaseMoved."""
    if not reason.strip():
        raise ReasonNeeded(what="并案的理由", what_en="why it is the same matter")
    moved = list(Report.objects.filter(case=case).values_list("ref", flat=True))
    signals = list(Signal.objects.filter(case_ref=case.ref).values_list("ref", flat=True))
    actions.merge_case(actor=actor, at=at, case=case, into=into, reason=reason.strip())
    row = Joining.objects.create(
        how="merge", source=case, target=into, reports=moved, signals=signals, reason=reason.strip(), at=at,
        by=_who(actor),
    )  # fmt: skip
    _move(row, into, at)
    return row


def split(*, actor: Actor, at: datetime, report: Report, reason: str) -> Joining:
    """Opens an incident of its own for a report that was joined to another; raises StillOpen for an only one."""
    if not reason.strip():
        raise ReasonNeeded(what="拆案的理由", what_en="why it is another matter")
    old = report.case
    if Report.objects.filter(case=old).count() < 2 and not Signal.objects.filter(case_ref=old.ref).exists():
        raise StillOpen(what="这是案件唯一的来件，不能拆出", what_en="it is the only report of its incident")
    fresh = open_for(actor, at, kind_named(report.kind), report, {"split_from": old.ref})
    row = Joining.objects.create(
        how="split",
        source=old,
        target=fresh,
        reports=[report.ref],
        reason=reason.strip(),
        at=at,
        by=_who(actor),
    )
    Report.objects.filter(pk=report.pk).update(case=fresh, joined_how="")
    body = {"number": fresh.number, "reason": reason.strip()}
    actions.note_case(actor=actor, at=at, case=old, what="case.split", **body)
    report.refresh_from_db()
    return row


def undo(*, actor: Actor, at: datetime, row: Joining) -> Joining:
    """Takes a joining back, once: reports and signals return where they were."""
    if not Joining.objects.filter(pk=row.pk, undone_at=None).update(undone_at=at):
        raise OnceOnly(what="撤销并案、拆案", what_en="Undoing it")
    if row.how == Joining.How.MERGE:
        actions.unmerge_case(actor=actor, at=at, case=row.source, reason=row.reason)
        actions.note_case(
            actor=actor, at=at, case=row.target, what="case.gave_back", number=row.source.number
        )
    else:
        actions.merge_case(actor=actor, at=at, case=row.target, into=row.source, reason=row.reason)
    _move(row, row.source, at)
    row.refresh_from_db()
    return row


def joinings_of(case: Case) -> list[Joining]:
    """What was joined to a case or taken out of it and can still be undone, the newest first."""
    rows = Joining.objects.filter(undone_at=None).select_related("source", "target")
    return list(rows.filter(target=case) | rows.filter(source=case))[::-1]


def _move(row: Joining, to: Case, at: datetime) -> None:
    Report.objects.filter(ref__in=row.reports).update(case=to, joined_how="hand")
    Signal.objects.filter(ref__in=row.signals).update(case_ref=to.ref)
    if not waits_for_clear(to.plan):
        return
    for signal in Signal.objects.filter(ref__in=row.signals, cleared_at=None):
        actions.hold(actor=platform(to.pack), at=at, case=to, reason="signal", ref=signal.ref)


def _who(actor: Actor) -> dict[str, Any]:
    return {"party": actor.party_ref, "office": actor.office_key, "label": actor.label}
