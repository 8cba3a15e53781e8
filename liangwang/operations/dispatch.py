"""派遣: sends the best free crew to each task that waits, and the next where one does not answer; keeps the reason."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q

from liangwang.base.hats import platform
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.queries import Task

from . import sendings
from .competence import Candidate, at_work, candidates, near, ranks
from .dispatch_models import Crew
from .not_chosen import NEAR_BY_M, next_best, passed_over
from .road import router
from .solving import solved

if TYPE_CHECKING:
    from liangwang.engines.routing import Router

REACHES_M = (NEAR_BY_M, 30_000.0)  # a patrol is looked for near by first: a city has thousands


def dispatch_ready(*, at: datetime, tasks: Iterable[Task] | None = None) -> list[Task]:
    """Sends free crews to tasks that wait for one (all of the city's by default); returns those that got one.

    One task takes the best; several are solved together. A task for which nobody is free stays on the board as ready
    and is tried again at the next tick.
    """
    waiting = list(cases.pending_dispatch() if tasks is None else tasks)
    way = router(at) if waiting else None
    sent: list[Task] = []
    for reach_m in REACHES_M if way else ():
        assert way is not None
        crews = free_crews(waiting, reach_m, at)
        loads = sendings.loads([crew.office_id for crew in crews], at)
        found = [candidates(task, crews, way, loads=loads, most=len(waiting)) for task in waiting]
        chosen = solved(waiting, found, at)
        if any(best is None and task.by.get("crew") for task, best in zip(waiting, chosen, strict=True)):
            chosen = _with_moves(waiting, crews, way, at) or chosen
        left = []
        for task, best, options in zip(waiting, chosen, found, strict=True):
            if best is None:
                left.append(task)
            else:
                sent.append(send(task, best, options, at))
        waiting = [task for task in left if task.by.get("anyone")]
        if not waiting:
            break
    return sent


def _with_moves(
    waiting: Sequence[Task], crews: Sequence[Crew], way: "Router", at: datetime
) -> list[Candidate | None] | None:
    """Solves again with those who were sent but have not answered yet, and moves them where that serves more.

    Whoever has accepted is on the way and is never moved. None where nobody can be moved.
    """
    rows = sendings.not_yet_answered(at)
    held = {row.crew_id: row for row in rows}
    movable = Crew.objects.select_for_update(of=("self",)).filter(at_work(at), office_id__in=held)
    others = [
        crew
        for crew in movable.select_related("office__place")
        if any(ranks(task, [crew]) for task in waiting)
    ]
    if not others:
        return None
    asked = [held[crew.office_id].task for crew in others]
    tasks, everyone = [*waiting, *asked], [*crews, *others]
    found = [candidates(task, everyone, way, most=len(tasks)) for task in tasks]
    holding = {len(waiting) + place: crew.pk for place, crew in enumerate(others)}
    chosen = solved(tasks, found, at, holding)
    for place, crew in enumerate(others):
        best = chosen[len(waiting) + place]
        if best is not None and best.crew.pk != crew.pk:
            sendings.end(held[crew.office_id], "moved")
            send(asked[place], best, found[len(waiting) + place], at)
    # A task whose own crew can no longer get there keeps it all the same, so nobody else may be given that crew.
    kept = {crew.pk for place, crew in enumerate(others) if chosen[len(waiting) + place] is None}
    return [best if best is None or best.crew.pk not in kept else None for best in chosen[: len(waiting)]]


def send(task: Task, best: Candidate, options: Sequence[Candidate], at: datetime) -> Task:
    """Sends a crew and keeps why: the three next-best with their minutes, and why nearer ones were not chosen."""
    others = next_best(best, options)
    because = {**best.said(), "others": others, "not": passed_over(task, options, at), "by": "travel_time"}
    sendings.keep(task, best.crew.office_id, best.seconds, at)
    return actions.assign_task(
        actor=platform(task.case.pack), at=at, task=task, crew_office=best.crew.office, because=because
    )


def send_next(*, at: datetime) -> list[Task]:
    """Who was sent and has not answered in time is passed over, and the next best is sent; returns those tasks.

    Where nobody else is free the task stays with its crew and is asked about again: never two, never none.
    """
    moved: list[Task] = []
    late = sendings.unanswered(at)
    way = router(at) if late else None
    for row in late if way else ():
        assert way is not None
        task, silent = row.task, sendings.silent(row.task) | {row.crew_id}
        crews = [
            c
            for reach_m in REACHES_M[1:]
            for c in free_crews([task], reach_m, at)
            if c.office_id not in silent
        ]
        found = candidates(task, crews, way, loads=sendings.loads([c.office_id for c in crews], at))
        if found:
            sendings.end(row, "no_answer")
            moved.append(send(task, found[0], found, at))
        else:
            sendings.ask_again(row, at)
    return moved


def free_crews(tasks: Iterable[Task], reach_m: float, at: datetime) -> list[Crew]:
    """Crews on shift that may do one of the tasks and have nothing in hand; held until the transaction ends."""
    worth = reduce(or_, (_in_reach(task, reach_m) for task in tasks), Q(pk__in=[]))
    rows = Crew.objects.select_for_update(of=("self",)).filter(worth, at_work(at), office__ended_at=None)
    busy = cases.busy_crew_ids()
    return [
        crew for crew in rows.select_related("office__place").order_by("pk") if crew.office_id not in busy
    ]


def _in_reach(task: Task, reach_m: float) -> Q:
    """Crews worth looking at for a task: those with tools wherever they are, anyone else only near by."""
    if not task.by.get("anyone"):
        return Q(repairs=True)
    return near(task, reach_m)
