"""How cases and tasks show themselves to the policy: their place, the offices joined to them, whose they are."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from liangwang.base.access import Thing, register_kind, visible
from liangwang.base.hats import Actor

from .call_models import Call
from .models import KINDS, Assisting, Case, Signature, Task


def _joined(case: Case) -> tuple[frozenset[int], frozenset[str]]:
    """Offices and departments that the case, or one of its tasks, is with."""
    rows = list(case.tasks.values_list("office_id", "office__department", "crew_office_id", "signs_needed"))
    offices = {office for office, _, crew, _ in rows for office in (office, crew) if office}
    departments = {department for _, department, _, _ in rows if department}
    if any(signs for *_, signs in rows):
        offices |= set(Signature.objects.filter(task__case=case).values_list("office_id", flat=True))
    if case.kind == "incident":
        joined = Assisting.objects.filter(case=case).values_list("office_id", "office__department")
        offices |= {office for office, _ in joined}
        departments |= {department for _, department in joined}
    if case.lead_office is not None:
        offices.add(case.lead_office.pk)
        departments.add(case.lead_office.department)
    return frozenset(offices), frozenset(departments)


def _case(case: Case) -> Thing:
    offices, departments = _joined(case)
    return Thing(
        kind=case.kind,
        ref=case.ref,
        place_code=case.place.code if case.place else "",
        office_ids=offices,
        departments=departments,
        subject_ids=frozenset({case.subject_id} if case.subject_id else ()),
    )


def task_kind(case: Case) -> str:
    """What the policy calls the tasks of a case: those of people's applications are for fewer to see."""
    return f"{case.kind}_task"


def _task(task: Task) -> Thing:
    case = task.case
    offices = {office for office in (task.office_id, task.crew_office_id) if office}
    if task.signs_needed:
        offices |= set(task.signatures.values_list("office_id", flat=True))
    return Thing(
        kind=task_kind(case),
        ref=task.ref,
        place_code=case.place.code if case.place else "",
        office_ids=frozenset(offices),
        departments=frozenset({task.office.department} if task.office else ()),
        subject_ids=frozenset({case.subject_id} if case.subject_id else ()),
    )


def _tasks_with(**where: Any) -> Q:
    """Cases that have such a task, as a subquery: a join would give a case twice."""
    return Q(pk__in=Task.objects.filter(**where).values("case_id"))


def _office(value: Any) -> Q:
    return _tasks_with(office_id=value)


def _crew(value: Any) -> Q:
    return _tasks_with(crew_office_id=value)


def _signer(value: Any) -> Q:
    return Q(pk__in=Signature.objects.filter(office_id=value).values("task__case_id"))


def _assistant(value: Any) -> Q:
    return Q(pk__in=Assisting.objects.filter(office_id=value).values("case_id"))


def _assisting_department(value: Any) -> Q:
    return Q(pk__in=Assisting.objects.filter(office__department=value).values("case_id"))


def _task_signer(value: Any) -> Q:
    return Q(pk__in=Signature.objects.filter(office_id=value).values("task_id"))


def _department(value: Any) -> Q:
    return _tasks_with(office__department=value)


def tasks_seen(actor: Actor, verb: str, rows: QuerySet[Task]) -> QuerySet[Task]:
    """Those of some tasks to which the actor may do the verb, whatever their cases are."""
    return reduce(or_, (visible(actor, verb, f"{kind}_task", rows) for kind in KINDS))


for _name in KINDS:
    register_kind(
        _name,
        of=_case,
        only=Q(kind=_name),
        place="place__code",
        offices=("lead_office_id", _office, _crew, _signer, *((_assistant,) if _name == "incident" else ())),
        departments=(
            "lead_office__department",
            _department,
            *((_assisting_department,) if _name == "incident" else ()),
        ),
        subjects=("subject_id",),
        personal=_name != "incident",
    )
    register_kind(
        f"{_name}_task",
        of=_task,
        only=Q(case__kind=_name),
        place="case__place__code",
        offices=("office_id", "crew_office_id", _task_signer),
        departments=("office__department",),
        subjects=("case__subject_id",),
    )


def _call(call: Call) -> Thing:
    subjects = frozenset({call.subject_id} if call.subject_id else ())
    return Thing(
        kind="call",
        ref=call.ref,
        place_code=call.office.place.code,
        office_ids=frozenset({call.office_id}),
        subject_ids=subjects,
    )


register_kind("call", of=_call, place="office__place__code", offices=("office_id",), subjects=("subject_id",))
