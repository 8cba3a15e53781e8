"""Makes cities/shanghai/calendar.csv, once a year after the State Council's notice: python scripts/calendar_days.py

Only days on which the city departs from Monday to Friday are listed. The days are those of the package
chinesecalendar, held against the package holidays, an independent compilation, before they are written.
"""

import csv
import sys
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

import chinese_calendar
import holidays

FIRST_YEAR, LAST_YEAR = 2019, 2026  # 2027 was not announced when this was last run
CITY = Path(__file__).resolve().parent.parent / "cities" / "shanghai"
SOURCE = f"chinesecalendar {version('chinesecalendar')}"
# The Spring Festival holiday of 2020 was prolonged to 2 February in the epidemic; 1 February had been a working day.
PROLONGED = {date(2020, 1, 31), date(2020, 2, 1), date(2020, 2, 2)}


def departures() -> list[tuple[date, bool, str, str]]:
    """(day, works, zh, en) of holidays, including those on a weekend, and of adjusted working days (调休)."""
    rows = []
    day = date(FIRST_YEAR, 1, 1)
    while day.year <= LAST_YEAR:
        resting, name = chinese_calendar.get_holiday_detail(day)
        if name:
            zh, en = chinese_calendar.Holiday(name).chinese, chinese_calendar.Holiday(name).value
            if day in PROLONGED:
                zh, en = f"{zh}（延长假期）", f"{en} (prolonged)"
            if not resting:
                zh, en = f"{zh}调休上班", f"{en} adjusted working day"
            rows.append((day, not resting, zh, en))
        day += timedelta(days=1)
    return rows


def disagreements(rows: list[tuple[date, bool, str, str]]) -> list[date]:
    """Days on which the other package says otherwise."""
    other = holidays.country_holidays("CN", years=range(FIRST_YEAR, LAST_YEAR + 1))
    listed = {day: works for day, works, _, _ in rows}
    found = []
    day = date(FIRST_YEAR, 1, 1)
    while day.year <= LAST_YEAR:
        works = listed.get(day, day.weekday() < 5)
        if works != other.is_working_day(day):
            found.append(day)
        day += timedelta(days=1)
    return found


def main() -> None:
    rows = departures()
    for day in disagreements(rows):
        print(f"{day}: chinesecalendar and holidays disagree, look it up", file=sys.stderr)
    with (CITY / "calendar.csv").open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["day", "works", "zh", "en", "source"])
        out.writerows([day, int(works), zh, en, SOURCE] for day, works, zh, en in rows)


if __name__ == "__main__":
    main()
