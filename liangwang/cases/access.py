"""How cases and tasks show themselves to the policy: their place, the offices joined to them, whose they are."""

from typing import Any

from django.db.models import Q

from liangwang.base.access import Thing, register_kind

from .models import Case, Task


def _joined(case: Case) -> tuple[frozenset[int], frozenset[str]]:
    """Offices and departments that the case, or one of its tasks, is with."""
    pairs = list(case.tasks.values_list("office_id", "office__department", "crew_office_id"))
    offices = {office for office, _, crew in pairs for office in (office, crew) if office}
    departments = {department for _, department, _ in pairs if department}
    if case.lead_office is not None:
        offices.add(case.lead_office.pk)
        departments.add(case.lead_office.department)
    return frozenset(offices), frozenset(departments)


def _case(kind: str, case: Case) -> Thing:
    offices, departments = _joined(case)
    return Thing(
        kind=kind,
        ref=case.ref,
        place_code=case.place.code if case.place else "",
        office_ids=offices,
        departments=departments,
        subject_ids=frozenset({case.subject_id} if case.subject_id else ()),
    )


def _task(task: Task) -> Thing:
    case = task.case
    return Thing(
        kind="task",
        ref=task.ref,
        place_code=case.place.code if case.place else "",
        office_ids=frozenset(office for office in (task.office_id, task.crew_office_id) if office),
        departments=frozenset({task.office.department} if task.office else ()),
        subject_ids=frozenset({case.subject_id} if case.subject_id else ()),
    )


def _of_application(case: Case) -> Thing:
    return _case("application", case)


def _of_incident(case: Case) -> Thing:
    return _case("incident", case)


def _tasks_with(**where: Any) -> Q:
    """Cases that have such a task, as a subquery: a join would give a case twice."""
    return Q(pk__in=Task.objects.filter(**where).values("case_id"))


def _office(value: Any) -> Q:
    return _tasks_with(office_id=value)


def _crew(value: Any) -> Q:
    return _tasks_with(crew_office_id=value)


def _department(value: Any) -> Q:
    return _tasks_with(office__department=value)


for _name, _of in (("application", _of_application), ("incident", _of_incident)):
    register_kind(
        _name,
        of=_of,
        place="place__code",
        offices=("lead_office_id", _office, _crew),
        departments=("lead_office__department", _department),
        subjects=("subject_id",),
        personal=_name == "application",
    )
register_kind(
    "task",
    of=_task,
    place="case__place__code",
    offices=("office_id", "crew_office_id"),
    departments=("office__department",),
    subjects=("case__subject_id",),
)
