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
# The newest by the case's id, which is given as cases are opened: an index of the tasks alone has that order.
SORTS = {"due": ("due_at", "accept_by"), "new": ("-case_id", "-id")}
# As literals, not parameters: SQLite takes a partial index only where the statement says the index's own condition.
OPEN_TASK = "cases_task.state IN ({})".format(", ".join(f"'{state}'" for state in OPEN_TASK_STATES))
# With a plus, which keeps the planner from the crews' index: nearly every task of an office is without a crew.
NO_CREW = "+cases_task.crew_office_id IS NULL"
TO_ACCEPT = "cases_case.state IN ('open', 'supplement')"
OFFICE_ROLES = frozenset({"clerk", "approver", "counter", "committee"})
# What a line is told from; other columns are fetched when somebody asks, so nobody does for a whole page.
CASE_WITH = ("place", "subject__person")
CASE_SHOWN = (
    *("ref", "number", "kind", "plan_id", "title", "pack", "state", "stage", "level", "supervised"),
    *(
        "opened_at",
        "accept_by",
        "accepted_at",
        "due_at",
        "promised_at",
        "closed_at",
        "lead_office_id",
        "facts",
    ),
    *("place__code", "place__name", "subject__ref", "subject__person__name"),
)
TASK_SHOWN = (
    *("ref", "node", "label", "stage", "role", "state", "due_at", "ready_at", "crew_office_id"),
    *("assignee__party__label", "office__department"),
)
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


class _Key(NamedTuple):
    """What a line is ordered by: its time (newest first: its case's id), whether it is a task, its id."""

    when: datetime | int | None
    of_task: bool
    pk: int


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
    found = [_Key(when, True, pk) for pk, when in _following(tasks, by_task, last, own="t")]
    found += [_Key(when, False, pk) for pk, when in _following(cases, by_case, last, own="c")]
    down = by_case.startswith("-")
    found.sort(key=lambda key: _place(key, down=down))
    return [line for line in _lines(found[:PAGE]) if _allowed(actor, line)], len(found) > PAGE


def _lines(keys: list["_Key"]) -> list[Line]:
    """The chosen rows with what a page shows of them: two statements.

    Apart from the choosing, so that no join tempts the planner away from the index that has the order.
    """
    tasks = Task.objects.select_related(*(f"case__{name}" for name in CASE_WITH), "assignee__party", "office")
    tasks = tasks.only(*TASK_SHOWN, *(f"case__{name}" for name in CASE_SHOWN))
    cases = Case.objects.select_related(*CASE_WITH, "lead_office").only(
        *CASE_SHOWN, "lead_office__department"
    )
    task_of = tasks.in_bulk([key.pk for key in keys if key.of_task])
    case_of = cases.in_bulk([key.pk for key in keys if not key.of_task])
    lines = []
    for key in keys:  # what was taken between the two looks is not shown
        if key.of_task and (task := task_of.get(key.pk)):
            lines.append(Line(task.case, task, task.due_at))
        elif not key.of_task and (case := case_of.get(key.pk)):
            lines.append(Line(case, None, case.accept_by))
    return lines


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
    rows = Task.objects.filter(office_id=actor.office_id or 0).extra(where=[OPEN_TASK, NO_CREW])
    rows = rows.filter(Q(role="") | Q(role=actor.role), case__state=Case.State.ACCEPTED)
    if asked.mine:
        rows = rows.filter(assignee_id=actor.post_id or 0)
    return _narrowed(rows, asked, at, prefix="case__", due="due_at")


def _cases(actor: Actor, asked: Asked, at: datetime) -> QuerySet[Case]:
    """Applications that the own office leads and that wait to be accepted, or for their applicant's supplement."""
    state = Case.State.SUPPLEMENT if asked.what == "supplement" else Case.State.OPEN
    rows = Case.objects.filter(lead_office_id=actor.office_id or 0, state=state, kind="application")
    rows = rows.extra(where=[TO_ACCEPT])
    return _narrowed(rows, asked, at, prefix="", due="accept_by")


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
    first = rows.order_by(due)[:MOST_COUNTED]
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


def _place(key: _Key, *, down: bool) -> tuple[bool, float, bool, int]:
    """Where a line stands: by its time, what has none last; cases before tasks of the same time, then by id."""
    stamp = key.when.timestamp() if isinstance(key.when, datetime) else float(key.when or 0)
    return key.when is None, -stamp if down else stamp, key.of_task, key.pk


def _following(rows: Any, order: str, last: Line | None, *, own: str) -> Iterator[Any]:
    """(id, time) of one more than a page of rows after the line `last`: first those with a time, then those without."""
    if isinstance(rows, tuple):
        return
    down, column = order.startswith("-"), order.removeprefix("-")
    rows = rows.values_list("pk", column)
    timed = rows.filter(**{f"{column}__isnull": False}).order_by(order, "id")
    untimed = rows.filter(**{f"{column}__isnull": True}).order_by("id")
    if last is not None:
        same = ("t" if last.task else "c") == own
        pk = last.task.pk if last.task else last.case.pk
        when = last.case.pk if down else last.due
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
    if len(taken) <= PAGE and not down:
        yield from untimed[: PAGE + 1 - len(taken)]
