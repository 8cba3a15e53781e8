"""The clock of a report: by when its reporter has an answer, opened to each counted day."""

from datetime import datetime

from liangwang.base.working_days import local_day, working_days
from liangwang.cases.clock import Clock, DayLine

from .report_models import Report


def clock_of(report: Report, at: datetime) -> Clock:
    """Limit and used working days of a report until it is answered, with every day and why it counts or not."""
    calendar, start = working_days(), local_day(report.at)
    due = local_day(report.due_at) if report.due_at else None
    today = local_day(min(at, report.answered_at) if report.answered_at else at)
    limit = calendar.between(start, due) if due else None
    lines = calendar.explained(start, max(today, due) if due else today)
    return Clock(
        statutory=None,
        promised=limit,
        used=calendar.between(start, today),
        due=due,
        promised_on=due,
        stopped=False,
        provisional=False,
        days=[
            DayLine(day=line.day, counted=line.counted, number=line.number, kind=line.kind, why=line.name)
            for line in lines
        ],
    )
