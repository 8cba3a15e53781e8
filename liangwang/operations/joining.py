"""Which open incident a report or a signal belongs to: the same kind, near enough, soon enough."""

from datetime import datetime

from django.db.models import Max

from liangwang.base.models import Place
from liangwang.base.places import near
from liangwang.cases.queries import Case, incidents_live

from .kinds import Known
from .report_models import Report

Point = tuple[float, float]


def incident_for(kind: Known, point: Point, at: datetime) -> Case | None:
    """The live incident of this kind that a report here and now joins, the nearest first; None where there is none.

    The time is counted from the last that was heard of it. What has no point of its own joins by hand only.
    """
    join = kind.value.join
    rows = incidents_live(kind.pack).filter(facts__kind=kind.ref).exclude(facts__has_key="approximate")
    found = near(*point, rows, join.metres)
    heard = _last_heard([case.pk for case, _ in found])
    for case, metres in found:
        last = max(heard.get(case.pk, case.opened_at), case.opened_at)
        if join.holds(seconds=max(0.0, (at - last).total_seconds()), metres=metres):
            return case
    return None


def _last_heard(cases: list[int]) -> dict[int, datetime]:
    """When each of some incidents was last reported, by case id."""
    rows = Report.objects.filter(case_id__in=cases).order_by().values_list("case_id")
    return dict(rows.annotate(last=Max("at")))


def hold_place(place: Place) -> None:
    """Holds a place until the transaction ends, so that of two reports at one instant the second joins the first."""
    Place.objects.select_for_update().filter(pk=place.pk).values_list("pk").first()
