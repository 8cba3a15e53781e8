"""Opens a case: its plan's tasks, the grant to use data for it, its number."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from liangwang.base.geo import cell
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office, Place, PurposeGrant, Subject, new_ref
from liangwang.base.working_days import end_of_day, local_day, working_days

from ..competence import Competence
from ..engine import Locked, by_json, date_incident, make_ready
from ..models import Case, Plan, Task
from ..numbers import case_number, number_prefix
from ..plans import graph_of

ACCEPT_WITHIN_WORKING_DAYS = 5  # 行政许可法 art. 32; silence then means accepted from receipt


def open_case(
    *,
    actor: Actor,
    at: datetime,
    plan: Plan,
    title: Label,
    source: str,
    pack: str,
    kind: str | None = None,
    place: Place | None = None,
    point: tuple[float, float] | None = None,
    subject: Subject | None = None,
    key: str | None = None,
    facts: dict[str, Any] | None = None,
    lead_office: Office | None = None,
    level: str = "",
    purpose: str = "",
    follows: Case | None = None,
    follows_as: str = "",
    limits: dict[str, dict[str, int]] | None = None,
) -> Case:
    """Opens a case, or returns the one that this key opened before.

    An application waits for acceptance; an incident that a rule opened is confirmed, accepted and filed at once,
    one that a person reported waits for `confirm_case`. `point` is (lon, lat). `follows` is the case that this one is
    about, `follows_as` why: change, renewal, after_check, revocation. `limits` are the times by level in which an
    incident should be handled, from filing. Raises NoOffice.
    """
    if key is not None and (known := Case.objects.filter(key=key).first()):
        return known
    graph = graph_of(plan.hash)
    competence = Competence(place, lead_office)
    if lead_office is None:
        competence.lead = competence.centre("street") or competence.centre("district")
    case = Case(
        number=new_ref(),
        kind=kind or plan.kind,
        plan=plan,
        subject=subject,
        title=title,
        place=place,
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        h3_9=cell(*point, 9) if point else None,
        source=source,
        pack=pack,
        key=key,
        facts=facts or {},
        level=level,
        lead_office=competence.lead,
        follows=follows,
        follows_as=follows_as,
        limits=limits or {},
        opened_at=at,
    )
    if case.kind == "application":
        due = working_days().due_on(local_day(at), ACCEPT_WITHIN_WORKING_DAYS)
        case.accept_by = end_of_day(due) if due else None
    try:
        with transaction.atomic():
            case.save(force_insert=True)
    except IntegrityError:
        if key is not None and (known := Case.objects.filter(key=key).first()):
            return known
        raise
    case.number = case_number(number_prefix(), at, case.pk)
    tasks = [_task(case, graph.nodes[node], graph.waits(node), competence) for node in graph.order]
    Task.objects.bulk_create(tasks)
    PurposeGrant.objects.create(
        case_ref=case.ref, subject=subject, purpose=purpose or pack, office=case.lead_office, opened_at=at
    )
    locked = Locked(case, graph, {task.node: task for task in tasks}, actor, at, changed={"number"})
    locked.note("case.opened", stage="report")
    if case.kind == "incident" and source == "rule":
        begin(locked)
    locked.seal(
        "create", "case.opened", key=f"case.opened/{case.ref}", body={"source": source, "level": level}
    )
    return case


def _task(case: Case, node: Any, waits: int, competence: Competence) -> Task:
    return Task(
        case=case,
        node=node.key,
        label=node.label,
        stage=node.stage,
        by=by_json(node),
        role=node.by.role or "",
        waits=waits,
        verify=node.verify or "",
        office=competence.office_for(node),
    )


def begin(locked: Locked) -> None:
    """An incident is confirmed, accepted and filed (核实 受理 立案), and its first tasks become ready."""
    for stage in ("confirm", "accept", "file"):
        locked.note(f"stage.{stage}", stage=stage)
    locked.put(state=Case.State.ACCEPTED, accepted_at=locked.at)
    date_incident(locked)
    locked.reach("file")
    make_ready(locked, [locked.tasks[node] for node in locked.graph.roots])
