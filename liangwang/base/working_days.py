"""The city's working days: its calendar table as the arithmetic of calendar.py, editable, never stale."""

import csv
import time as monotonic_time
from datetime import UTC, date, datetime, time
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Max
from django.utils.timezone import get_default_timezone

from .calendar import DayKind, WorkingDays
from .events import emit
from .labels import Label
from .models import CalendarDay

LOOK_AGAIN_S = 2.0
_Version = tuple[int, datetime | None]
_held: tuple[_Version, WorkingDays] | None = None
_looked_at = 0.0


def working_days() -> WorkingDays:
    """The city's calendar; another process's edit is seen within two seconds."""
    global _held, _looked_at
    asked = monotonic_time.monotonic()
    if _held is not None and asked - _looked_at < LOOK_AGAIN_S:
        return _held[1]
    row = CalendarDay.objects.aggregate(n=Count("day"), at=Max("changed_at"))
    version = (row["n"], row["at"])
    if _held is None or _held[0] != version:
        days = CalendarDay.objects.values_list("day", "works", "name")
        _held = version, WorkingDays({day: DayKind(works, name) for day, works, name in days})
    _looked_at = asked
    return _held[1]


def forget_cached() -> None:
    """Looks at the table again at the next question."""
    global _held
    _held = None


def local_day(at: datetime) -> date:
    """The legal day of an instant, in the city's zone."""
    return at.astimezone(get_default_timezone()).date()


def end_of_day(day: date) -> datetime:
    """The last second of a day in the city's zone, as an instant: what is due that day is late after it."""
    return datetime.combine(day, time(23, 59, 59), get_default_timezone()).astimezone(UTC)


def set_day(day: date, *, works: bool, name: Label, source: str, at: datetime) -> CalendarDay:
    """Announces a holiday or an adjusted working day; `calendar.changed` has all open cases re-dated."""
    row, _ = CalendarDay.objects.update_or_create(
        day=day, defaults={"works": works, "name": name, "source": source, "changed_at": at}
    )
    forget_cached()
    emit("calendar.changed", day.isoformat(), at, {"works": works, "name": name})
    return row


def unset_day(day: date, *, at: datetime) -> None:
    """Takes an announcement back: the day is again what its weekday says."""
    CalendarDay.objects.filter(day=day).delete()
    forget_cached()
    emit("calendar.changed", day.isoformat(), at, {"works": None})


def load_calendar(path: Path | None = None, *, at: datetime) -> int:
    """Loads cities/<city>/calendar.csv where the table has no row of that day (a desk edit wins); returns new rows."""
    path = path or settings.CITY_DIR / "calendar.csv"
    known = set(CalendarDay.objects.values_list("day", flat=True))
    with path.open(encoding="utf-8", newline="") as f:
        fresh = [_row(line, at) for line in csv.DictReader(f) if date.fromisoformat(line["day"]) not in known]
    CalendarDay.objects.bulk_create(fresh)
    if fresh:
        forget_cached()
        emit("calendar.changed", path.name, at, {"rows": len(fresh)})
    return len(fresh)


def _row(line: dict[str, str], at: datetime) -> CalendarDay:
    return CalendarDay(
        day=date.fromisoformat(line["day"]),
        works=line["works"] in {"1", "yes"},
        name={"zh": line["zh"], "en": line["en"]},
        source=line["source"],
        changed_at=at,
    )
