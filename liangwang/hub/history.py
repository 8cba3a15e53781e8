"""How sources delivered over the last days: one state a day, one entry a delivery, and what is loading now."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import TruncDate

from liangwang.base.packs import Declared
from liangwang.base.units import duration

from .models import Batch, Disagreement, LinkReview, Partition
from .orders import acting
from .sources import is_emergency, sources

DAYS = 30
Name = tuple[str, str]  # (pack, source)
# Of a day: a batch was taken, one came and was refused, nothing came though it was due, nothing was due, before all.
DELIVERED, REFUSED, LATE, NOT_DUE, BEFORE = "delivered", "refused", "late", "not_due", "before"


@dataclass
class Day:
    """What one source brought on one day of the city."""

    on: date
    state: str = NOT_DUE
    batches: int = 0
    rows: int = 0
    bad: int = 0


@dataclass
class SourceRow:
    """A source as the overview shows it; counts are of the shown days, `rows_in_use` of everything in force."""

    declared: Declared
    state: str  # fresh late refused silent closed
    last: datetime | None = None
    first: datetime | None = None
    batches: int = 0
    rows_in_use: int = 0
    reviews: int = 0
    conflicts: int = 0
    days: list[Day] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(day.rows for day in self.days)

    @property
    def bad(self) -> int:
        return sum(day.bad for day in self.days)

    @property
    def good_share(self) -> float | None:
        """Share of delivered rows that met the contract, 0..1; None where nothing came."""
        return None if not self.rows else 1 - self.bad / self.rows


def zone() -> ZoneInfo:
    """The city's time zone: a day of a source is a day of the city."""
    return ZoneInfo(settings.TIME_ZONE)


def overview(at: datetime, days: int = DAYS, only: Declared | None = None) -> list[SourceRow]:
    """Every declared source (or one) with its last days, in a number of queries that does not grow with sources."""
    declared = [only] if only else sources()
    taken = _taken(only)
    came = _by_day(at, days, only)
    in_use = _in_use(only)
    reviews = _counted(LinkReview.objects.filter(state=LinkReview.State.OPEN), ("pack", "source"))
    conflicts = _counted(Disagreement.objects.filter(ended_at=None), ("department",))
    live = acting(at)
    return [
        _row(
            one,
            at,
            days,
            taken,
            came,
            in_use,
            reviews,
            conflicts,
            acts=not is_emergency(one.pack) or one.pack in live,
        )
        for one in declared
    ]


def _row(
    one: Declared,
    at: datetime,
    days: int,
    taken: dict[Name, tuple[datetime, datetime, int]],
    came: dict[tuple[str, str, date], Day],
    in_use: dict[Name, int],
    reviews: dict[tuple[str, ...], int],
    conflicts: dict[tuple[str, ...], int],
    *,
    acts: bool,
) -> SourceRow:
    name = (one.pack, one.key)
    first, last, count = taken.get(name, (None, None, 0))
    within = duration(one.value.fresh_within)
    if not acts:
        state = "closed"
    elif last is None:
        state = "silent"
    else:
        state = "fresh" if at - last <= within else "late"
    row = SourceRow(
        one,
        state,
        last=last,
        first=first,
        batches=count,
        rows_in_use=in_use.get(name, 0),
        reviews=reviews.get(name, 0),
        conflicts=conflicts.get((one.value.office,), 0),
    )
    row.days = _strip(name, at, days, first, within, came)
    if row.state == "silent" and any(day.state == REFUSED for day in row.days):
        row.state = "refused"
    return row


def _strip(
    name: Name,
    at: datetime,
    days: int,
    first: datetime | None,
    within: timedelta,
    came: dict[tuple[str, str, date], Day],
) -> list[Day]:
    """One state for each of the last days, oldest first: late is a day at whose end the last delivery was too old."""
    today = at.astimezone(zone()).date()
    began = first.astimezone(zone()).date() if first else None
    strip: list[Day] = []
    last_day = None
    for back in range(2 * days, -1, -1):  # one span before the shown ones, to know what was last before them
        on = today - timedelta(days=back)
        day = came.get((*name, on)) or Day(on)
        if day.state == DELIVERED:
            last_day = on
        elif day.state == NOT_DUE:
            end = min(at, datetime.combine(on + timedelta(days=1), time(), zone()))
            if began is None or on < began:
                day.state = BEFORE
            elif last_day is None or end - datetime.combine(last_day, time(23, 59), zone()) > within:
                day.state = LATE
        if back < days:
            strip.append(day)
    return strip


def _by_day(at: datetime, days: int, only: Declared | None) -> dict[tuple[str, str, date], Day]:
    since = at - timedelta(days=2 * days + 1)
    rows = _of(only, Batch.objects.filter(received_at__gte=since))
    counted = (
        rows.exclude(state=Batch.State.ERASED)
        .annotate(day=TruncDate("received_at", tzinfo=zone()))
        .values_list("pack", "source", "day", "state")
        .annotate(n=Count("id"), all_rows=Sum("rows"), bad_rows=Sum("bad"))
        .order_by()
    )
    found: dict[tuple[str, str, date], Day] = {}
    for pack, source, on, state, n, all_rows, bad_rows in counted:
        day = found.setdefault((pack, source, on), Day(on, REFUSED))
        day.batches += n
        day.rows += all_rows or 0
        day.bad += bad_rows or 0
        if state != Batch.State.REFUSED:
            day.state = DELIVERED
    return found


def _taken(only: Declared | None) -> dict[Name, tuple[datetime, datetime, int]]:
    rows = _of(only, Batch.objects.exclude(state__in=[Batch.State.ERASED, Batch.State.REFUSED]))
    counted = rows.values_list("pack", "source").annotate(
        first=Min("received_at"), last=Max("received_at"), n=Count("id")
    )
    return {(pack, source): (first, last, n) for pack, source, first, last, n in counted.order_by()}


def _in_use(only: Declared | None) -> dict[Name, int]:
    rows = _of(only, Partition.objects.filter(kind=Partition.Kind.ROWS, ended_at=None))
    counted = rows.values_list("pack", "source").annotate(total=Sum("rows")).order_by()
    return {(pack, source): total for pack, source, total in counted}


def _of(only: Declared | None, rows):  # type: ignore[no-untyped-def]
    return rows if only is None else rows.filter(pack=only.pack, source=only.key)


def _counted(rows, by: Iterable[str]):  # type: ignore[no-untyped-def]
    counted = rows.order_by().values_list(*by).annotate(n=Count("id"))
    return {tuple(values): n for *values, n in counted}


def daily(at: datetime, days: int = DAYS) -> dict[str, list[Day | None]]:
    """What each source (`pack:key`) brought on each of the last days, oldest first; None where nothing came."""
    came = _by_day(at, days, None)
    today = at.astimezone(zone()).date()
    span = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return {one.ref: [came.get((one.pack, one.key, on)) for on in span] for one in sources()}


# --- loading -------------------------------------------------------------------------------------------


def loading(limit: int = 20) -> list[Batch]:
    """Batches that are received and not yet loaded or refused, and those being settled, oldest first."""
    rows = Batch.objects.filter(Q(state=Batch.State.RECEIVED) | ~Q(stage="")).select_related("office")
    return list(rows.order_by("received_at", "id")[:limit])


# --- one source ----------------------------------------------------------------------------------------


def deliveries(declared: Declared, limit: int = 40) -> list[Batch]:
    """The newest deliveries of a source, oldest first, for charts over deliveries."""
    rows = Batch.objects.filter(pack=declared.pack, source=declared.key)
    rows = rows.exclude(state__in=[Batch.State.RECEIVED, Batch.State.ERASED])
    return list(rows.select_related("office").order_by("-received_at", "-id")[:limit])[::-1]


def open_reviews() -> int:
    """How many pairs wait for a person's decision."""
    return LinkReview.objects.filter(state=LinkReview.State.OPEN).count()


def open_conflicts() -> dict[str, int]:
    """How many conflicts are open, by attribute."""
    return dict(
        Disagreement.objects.filter(ended_at=None).order_by().values_list("attribute").annotate(n=Count("id"))
    )
