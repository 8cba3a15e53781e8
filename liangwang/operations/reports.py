"""What may be asked about reports: of an incident, of a person, by their link; and how many reported the same."""

from collections.abc import Iterable

from django.db.models import Count, QuerySet

from liangwang.base.hats import Actor
from liangwang.cases.queries import Case

from .report_models import Contact, Joining, Report

WITH = ("case", "case__place", "place", "subject")


def report_by_ref(ref: str) -> Report | None:
    """The report that a link names."""
    return Report.objects.select_related(*WITH).filter(ref=ref).first()


def contact_by_ref(ref: str) -> Contact | None:
    """The contact that a link names, with its report and incident."""
    return Contact.objects.select_related("report__case", "report__place").filter(ref=ref).first()


def joining_by_ref(ref: str) -> Joining | None:
    """The joining that a link names."""
    return Joining.objects.select_related("source", "target").filter(ref=ref).first()


def reports_of(case: Case) -> list[Report]:
    """The reports of an incident, in the order in which they came, with their contacts."""
    rows = Report.objects.filter(case=case).select_related("place", "subject")
    return list(rows.prefetch_related("contacts").order_by("at", "id"))


def mine(actor: Actor, limit: int = 50) -> QuerySet[Report]:
    """What the actor, or the one acted for, has reported, the newest first."""
    rows = Report.objects.filter(subject_id=actor.for_subject_id or 0).select_related(*WITH)
    return rows.order_by("-at", "-id")[:limit]


def also_reported(report: Report) -> int:
    """How many other people have reported the same matter; the same person twice is one."""
    rows = Report.objects.filter(case=report.case).exclude(pk=report.pk)
    if report.subject_id:
        rows = rows.exclude(subject_id=report.subject_id)
    known = rows.filter(subject__isnull=False).values("subject_id").distinct().count()
    return known + rows.filter(subject=None).count()


def how_many(cases: Iterable[str]) -> dict[str, int]:
    """How many reports each of some incidents has, by the refs of the cases; none is left out."""
    rows = Report.objects.filter(case__ref__in=list(cases)).order_by().values_list("case__ref")
    return dict(rows.annotate(n=Count("id")))
