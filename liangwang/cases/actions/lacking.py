"""容缺受理: accepted with a material missing that gates a later step only; the step waits, and the day is promised."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Subject
from liangwang.base.working_days import end_of_day, local_day, working_days

from ..engine import Locked, lock_case, make_ready, require_live
from ..models import Case, Lacking, Task
from ..refusals import GatesFirst, NotLacking, ReasonNeeded
from .accept import accept_case

State = Task.State


@dataclass(frozen=True)
class Missing:
    """A material that is still to come: its key in the case's facts, its name, and the nodes that cannot do without."""

    material: str
    label: Label
    nodes: tuple[str, ...]


def accept_lacking(
    *, actor: Actor, at: datetime, case: Case, missing: Iterable[Missing], within_working_days: int
) -> Case:
    """Accepts an application whose missing materials gate later nodes only; those wait. Raises GatesFirst.

    The clock runs as for every acceptance: the missing paper does not stop it. Each is promised for the same day.
    """
    wanted = list(missing)
    if not wanted or within_working_days < 1:
        raise ReasonNeeded(
            what="缺哪些材料、几个工作日内补交", what_en="what is lacking, and within how many days"
        )
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN)
    for one in wanted:
        gated = [key for key in one.nodes if key in locked.graph.nodes]
        if not gated or set(gated) & set(locked.graph.roots):
            raise GatesFirst(what=one.label["zh"], what_en=one.label["en"])
    due = working_days().due_on(local_day(at), within_working_days)
    assert due is not None  # without stops there always is a day
    rows = [
        Lacking(
            case=locked.case, material=one.material, label=one.label, due_at=end_of_day(due),
            nodes=[key for key in one.nodes if key in locked.graph.nodes],
        )
        for one in wanted
    ]  # fmt: skip
    Lacking.objects.bulk_create(rows)
    for row in rows:
        for key in row.nodes:
            locked.tasks[key].waits += 1
    changed = [locked.tasks[key] for key in dict.fromkeys(key for row in rows for key in row.nodes)]
    Task.objects.bulk_update(changed, ["waits"])
    locked.note(
        "case.lacking",
        materials=[row.label for row in rows],
        by=due.isoformat(),
        nodes=[t.label for t in changed],
    )
    locked.seal(
        "decide", "case.lacking", body={"materials": [row.material for row in rows], "by": due.isoformat()}
    )
    return accept_case(actor=actor, at=at, case=locked.case)


def supply_lacking(*, actor: Actor, at: datetime, case: Case, material: str, given: Any) -> Case:
    """The missing material has come (`given` is its file's ref): the nodes that waited for it alone become ready."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case)
    row = Lacking.objects.filter(case=case, material=material, supplied_at=None).first()
    if row is None:
        raise NotLacking(number=locked.case.number)
    Lacking.objects.filter(pk=row.pk).update(supplied_at=at)
    locked.put(facts={**locked.case.facts, material: given})
    freed = [locked.tasks[key] for key in row.nodes]
    for task in freed:
        task.waits -= 1
    Task.objects.bulk_update(freed, ["waits"])
    locked.note("case.lacking_supplied", material=row.label, late=row.due_at < at)
    make_ready(locked, [task for task in freed if task.waits == 0 and task.state == State.WAITING])
    locked.seal("update", "case.lacking_supplied", body={"material": material})
    return locked.case


def tell_late(*, actor: Actor, at: datetime, row: Lacking) -> bool:
    """The promised day has passed: applicant and office are told, once; False when they were, or it has come."""
    locked = lock_case(row.case_id, actor, at)
    told = Lacking.objects.filter(pk=row.pk, supplied_at=None, told_late_at=None, due_at__lt=at)
    if locked.case.state != Case.State.ACCEPTED or not told.update(told_late_at=at):
        return False
    locked.note("case.lacking_late", material=row.label)
    locked.seal("update", "case.lacking_late", body={"material": row.material})
    title: Label = {"zh": "容缺材料逾期未补交", "en": "A material promised for later has not come"}
    number = locked.case.number
    text: Label = {
        "zh": f"{number}：{row.label['zh']}已过承诺的补交日，需要它的环节停着等",
        "en": f"{number}: the day for {row.label['en']} has passed; the step that needs it waits",
    }
    for receiver in (locked.case.subject, locked.case.lead_office):
        if receiver is not None:
            link = f"/cases/{locked.case.ref}/" if isinstance(receiver, Subject) else ""
            notices.notify(
                to=receiver, template="case.lacking_late", title=title, body=text, at=at,
                key=f"{row.ref}/late/{type(receiver).__name__}", link=link,
            )  # fmt: skip
    return True


def lacking_of(locked: Locked) -> dict[str, int]:
    """How many missing materials each node still waits for."""
    found: dict[str, int] = {}
    for nodes in Lacking.objects.filter(case=locked.case, supplied_at=None).values_list("nodes", flat=True):
        for key in nodes:
            found[key] = found.get(key, 0) + 1
    return found
