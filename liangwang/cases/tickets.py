"""校核单: the ticket that asks a source office which of several statements about one subject is right."""

from datetime import datetime

from liangwang.base.hats import platform
from liangwang.base.models import Office
from liangwang.base.packs import SHARED, declarations, declared
from liangwang.hub import queries as hub

from .actions import accept_case, complete_task, open_case
from .declare import compile_plan
from .models import OPEN_TASK_STATES, Case
from .plans import store_plan
from .refusals import NoOffice

PLAN = "check_data"  # plans.yaml of the shared pack: its limit is declared there
WIDEST_FIRST = ("city", "district", "street")
KEEPER = "big_data"  # the data office takes what no source office is there for


def open_ticket(disagreement: str, *, at: datetime) -> Case | None:
    """Opens, once per disagreement that still is one, the ticket of its source office; raises NoOffice.

    The title names the attribute and no person: who it is about stands on the page, for those who may read it.
    """
    found = hub.disagreement_by_ref(disagreement)
    if found is None or found.ended_at is not None:
        return None
    label = next(
        (one.value.label for one in declarations("attributes.csv") if one.key == found.attribute),
        {"zh": found.attribute, "en": found.attribute},
    )
    plan = declared("plans.yaml", f"{SHARED}:{PLAN}").value
    case = open_case(
        actor=platform("cases"),
        at=at,
        plan=store_plan(compile_plan(plan, SHARED), at=at),
        title={"zh": f"数据校核：{label['zh']}", "en": f"Data to check: {label['en']}"},
        source="rule",
        pack=found.pack or SHARED,
        subject=found.subject,
        key=key_of(disagreement),
        facts={"disagreement": found.ref, "attribute": found.attribute},
        lead_office=_office(found.department, plan.tasks[0].label),
        purpose="reconcile",
    )
    if case.state == Case.State.OPEN:
        case = accept_case(actor=platform("cases"), at=at, case=case)
    return case


def close_ticket(disagreement: str, *, ended_by: str, at: datetime) -> None:
    """Ends the ticket of a disagreement that is over: its task is done by what happened, and the case closes."""
    case = ticket_of(disagreement)
    if case is None or case.state != Case.State.ACCEPTED:
        return
    for task in case.tasks.filter(state__in=OPEN_TASK_STATES):
        complete_task(
            actor=platform("cases"), at=at, task=task, outcome=ended_by, result={"ended_by": ended_by}
        )


def ticket_of(disagreement: str) -> Case | None:
    """The ticket of a disagreement, open or closed; None before the worker has opened it."""
    return Case.objects.filter(key=key_of(disagreement)).first()


def key_of(disagreement: str) -> str:
    """The key under which a disagreement has one ticket and no second."""
    return f"conflict/{disagreement}"


def _office(department: str, task: dict[str, str]) -> Office:
    """The department's office of the widest territory, since its register is the city's; else the data office's."""
    for wanted in (department, KEEPER):
        offices = Office.objects.filter(department=wanted, ended_at=None, level__in=WIDEST_FIRST)
        offices = offices.exclude(kind__in=["crew", "counter", "institution"]).order_by("id")
        found = sorted(offices, key=lambda office: WIDEST_FIRST.index(office.level))
        if found:
            return found[0]
    raise NoOffice(task=task["zh"], task_en=task["en"], by=department)
