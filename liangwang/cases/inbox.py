"""The inbox of an office: what waits for it in the order of its clocks, filtered, and paged by key in few statements."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.db.models import Count, Model, Q, QuerySet

from liangwang.base.access import Thing, may
from liangwang.base.calendar import Stop
from liangwang.base.hats import Actor
from liangwang.base.working_days import local_day, working_days

from .access import task_kind
from .asked import to_sign
from .models import OPEN_TASK_STATES, Case, ClockStop, Plan, Task
from .numbers import is_case_number

PAGE = 50
MOST_COUNTED = 1000  # beyond this nobody reads the number, and counting on costs more than the page
SOON = timedelta(days=2)
SORTS = {"due": ("due_at", "accept_by"), "new": ("-case__opened_at", "-opened_at")}
# As literals, not parameters: SQLite takes a partial index only where the statement says the index's own condition.
OPEN_TASK = "cases_task.state IN ({})".format(", ".join(f"'{state}'" for state in OPEN_TASK_STATES))
TO_ACCEPT = "cases_case.state IN ('open', 'supplement')"
OFFICE_ROLES = frozenset({"clerk", "approver", "counter", "committee"})
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody asks of an inbox.

    what: "" | accept | task | supplement | sign; when: "" | late | soon; `item` is a plan's key, `place` a division code,
    `words` a case number or the beginning of a name; sort: due | new; `after` the mark of the last line seen.
    """

    what: str = ""
    when: str = ""
    mine: bool = False
    item: str = ""
    place: str = ""
    words: str = ""
    sort: str = "due"
    after: str = ""


class Line(NamedTuple):
    """One line: a task to do, or (without a task) a case to accept or that waits for its applicant."""

    case: Case
    task: Task | None
    due: datetime | None

    @property
    def mark(self) -> str:
        """The name of the line for paging and choosing: t.<ref of the task> or c.<ref of the case>."""
        return f"t.{self.task.ref}" if self.task else f"c.{self.case.ref}"


class Short(NamedTuple):
    """法定 · 承诺 · 已用 of a case in working days, without its single days."""

    statutory: int | None
    promised: int | None
    used: int
    stopped: bool


class Counts(NamedTuple):
    """How much waits; a number of MOST_COUNTED means: that many or more."""

    all: int
    accept: int
    late: int
    soon: int


def lines(actor: Actor, asked: Asked, at: datetime) -> tuple[list[Line], bool]:
    """A page of an office's inbox and whether there is more.

    Own office and role are conditions of the statement, so that an index answers it; the policy is asked of each row.
    """
    if asked.what == "sign":
        rows = to_sign(actor).select_related(
            "case__place", "case__subject__person", "assignee__party", "office"
        )
        return [Line(task.case, task, task.due_at) for task in rows[:PAGE]], False
    last = _line_of(asked.after)
    by_task, by_case = SORTS.get(asked.sort, SORTS["due"])
    tasks = () if asked.what in {"accept", "supplement"} else _tasks(actor, asked, at)
    cases = () if asked.what == "task" or asked.mine else _cases(actor, asked, at)
    found = [Line(task.case, task, task.due_at) for task in _following(tasks, by_task, last, own="t")]
    found += [Line(case, None, case.accept_by) for case in _following(cases, by_case, last, own="c")]
    down = by_case.startswith("-")
    found.sort(key=lambda line: _place(line, down=down))
    return [line for line in found[:PAGE] if _allowed(actor, line)], len(found) > PAGE


def counts(actor: Actor, at: datetime) -> Counts:
    """How much waits for the office of a post, counted as far as anybody reads."""
    tasks = _counted(_tasks(actor, Asked(), at), "due_at", at)
    cases = _counted(_cases(actor, Asked(), at), "accept_by", at)
    whole, late, soon = (min(a + b, MOST_COUNTED) for a, b in zip(tasks, cases, strict=True))
    return Counts(whole, cases[0], late, soon)


def line_by_mark(mark: str) -> Line | None:
    """The line that a mark names, as it is now; None where there is none."""
    return _line_of(mark)


def clocks(cases: Iterable[Case], at: datetime) -> dict[int, Short]:
    """The short clock of each case by its id, in two statements for all of them."""
    rows = {case.pk: case for case in cases}
    stops: dict[int, list[Stop]] = {}
    for case_id, since, until in ClockStop.objects.filter(case_id__in=list(rows)).values_list(
        "case_id", "since", "until"
    ):
        stops.setdefault(case_id, []).append((since, until))
    plans = {case.plan_id for case in rows.values()}
    limits = {
        digest: (legal, promised)
        for digest, legal, promised in Plan.objects.filter(hash__in=plans).values_list(
            "hash", "body__legal_days", "body__promised_days"
        )
    }
    return {
        pk: _short(case, limits.get(case.plan_id, (None, None)), stops.get(pk, []), at)
        for pk, case in rows.items()
    }


def _short(case: Case, limits: tuple[int | None, int | None], stops: list[Stop], at: datetime) -> Short:
    used = 0
    if case.accepted_at is not None:
        ends = min(at, case.closed_at) if case.closed_at else at
        used = working_days().between(local_day(case.accepted_at), local_day(ends), stops)
    return Short(*limits, used, any(until is None for _, until in stops))


# --- what belongs to it --------------------------------------------------------------------------------


def _tasks(actor: Actor, asked: Asked, at: datetime) -> QuerySet[Task]:
    """Open tasks of the own office that this role does."""
    rows = Task.objects.filter(office_id=actor.office_id or 0).extra(where=[OPEN_TASK])
    rows = rows.filter(Q(role="") | Q(role=actor.role), crew_office=None, case__state=Case.State.ACCEPTED)
    if asked.mine:
        rows = rows.filter(assignee_id=actor.post_id or 0)
    rows = _narrowed(rows, asked, at, prefix="case__", due="due_at")
    return rows.select_related("case__place", "case__subject__person", "assignee__party", "office")


def _cases(actor: Actor, asked: Asked, at: datetime) -> QuerySet[Case]:
    """Applications that the own office leads and that wait to be accepted, or for their applicant's supplement."""
    state = Case.State.SUPPLEMENT if asked.what == "supplement" else Case.State.OPEN
    rows = Case.objects.filter(lead_office_id=actor.office_id or 0, state=state, kind="application")
    rows = rows.extra(where=[TO_ACCEPT])
    rows = _narrowed(rows, asked, at, prefix="", due="accept_by")
    return rows.select_related("place", "subject__person", "lead_office")


def _narrowed(rows: QuerySet[M], asked: Asked, at: datetime, *, prefix: str, due: str) -> QuerySet[M]:
    if asked.when == "late":
        rows = rows.filter(**{f"{due}__lt": at})
    elif asked.when == "soon":
        rows = rows.filter(**{f"{due}__range": (at, at + SOON)})
    if asked.item:
        rows = rows.filter(**{f"{prefix}plan__key": asked.item})
    if asked.place:
        rows = rows.filter(**{f"{prefix}place__code__startswith": asked.place})
    words = asked.words.strip()
    if not words:
        return rows
    if is_case_number(words):
        return rows.filter(**{f"{prefix}number": words})
    name = Q(**{f"{prefix}subject__person__name__startswith": words})
    return rows.filter(name | Q(**{f"{prefix}number__icontains": words}))


def _allowed(actor: Actor, line: Line) -> bool:
    """Whether the policy lets the hat see the line; the thing is told from what is in memory already."""
    case = line.case
    office = line.task.office if line.task else case.lead_office
    thing = Thing(
        kind=task_kind(case) if line.task else case.kind,
        ref=case.ref,
        place_code=case.place.code if case.place else "",
        office_ids=frozenset({office.pk} if office else ()),
        departments=frozenset({office.department} if office else ()),
    )
    return may(actor, "read", thing).allowed


def _counted(rows: QuerySet[M], due: str, at: datetime) -> tuple[int, int, int]:
    """(all, late, soon) among the first rows by due time: what is late comes first, so one look is enough."""
    first = rows.select_related(None).order_by(due)[:MOST_COUNTED]
    late, soon = Q(**{f"{due}__lt": at}), Q(**{f"{due}__range": (at, at + SOON)})
    found = first.aggregate(n=Count("pk"), late=Count("pk", filter=late), soon=Count("pk", filter=soon))
    return found["n"], found["late"], found["soon"]


# --- pages by key --------------------------------------------------------------------------------------


def _line_of(mark: str) -> Line | None:
    kind, _, ref = mark.partition(".")
    if kind == "t":
        task = (
            Task.objects.select_related("case__place", "case__subject__person", "office")
            .filter(ref=ref)
            .first()
        )
        return Line(task.case, task, task.due_at) if task else None
    case = Case.objects.select_related("place", "subject__person", "lead_office").filter(ref=ref).first()
    return Line(case, None, case.accept_by) if case else None


def _key(line: Line, *, down: bool) -> datetime | None:
    return line.case.opened_at if down else line.due


def _place(line: Line, *, down: bool) -> tuple[bool, float, bool, int]:
    """Where a line stands: by its time, what has none last; cases before tasks of the same time, then by id."""
    when = _key(line, down=down)
    stamp = when.timestamp() if when else 0.0
    pk = line.task.pk if line.task else line.case.pk
    return when is None, -stamp if down else stamp, line.task is not None, pk


def _following(rows: Any, order: str, last: Line | None, *, own: str) -> Iterator[Any]:
    """One more than a page of rows after the line `last`: first those with a time, in its order, then those without."""
    if isinstance(rows, tuple):
        return
    down, column = order.startswith("-"), order.removeprefix("-")
    timed = rows.filter(**{f"{column}__isnull": False}).order_by(order, "id")
    untimed = rows.filter(**{f"{column}__isnull": True}).order_by("id")
    if last is not None:
        same = ("t" if last.task else "c") == own
        pk = last.task.pk if last.task else last.case.pk
        when = _key(last, down=down)
        if when is None:
            timed = timed.none()
            untimed = untimed.filter(pk__gt=pk) if same else untimed if own == "t" else untimed.none()
        else:
            # The range first, so that the index begins there; then without what was shown of the same instant.
            timed = timed.filter(**{f"{column}__{'lte' if down else 'gte'}": when})
            if same:
                timed = timed.exclude(**{column: when, "pk__lte": pk})
            elif own == "c":
                timed = timed.exclude(**{column: when})
    taken = list(timed[: PAGE + 1])
    yield from taken
    if len(taken) <= PAGE and column.rpartition("__")[2] != "opened_at":
        yield from untimed[: PAGE + 1 - len(taken)]
