"""派遣: competence before distance, travel time, several at once, and the reason that is kept."""

import pytest

from liangwang.base.hats import platform
from liangwang.base.models import Place
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.models import Case, Task
from liangwang.operations.dispatch import dispatch_ready
from liangwang.operations.dispatch_models import Crew
from tests.cases.factories import AT, INCIDENT, make_actor, make_plan
from tests.operations.factories import STREET, load_city, office

pytestmark = pytest.mark.django_db


@pytest.fixture
def street(db: object) -> Place:
    return load_city()


def incident(owner: str = "rain", lon: float = 122.481, lat: float = 30.491, level: str = "red") -> Case:
    return actions.open_case(
        actor=platform("manholes"), at=AT, plan=make_plan(INCIDENT, "incident"), title={"zh": "井盖移位", "en": "Cover"},
        source="rule", pack="manholes", place=Place.objects.get(code=STREET), point=(lon, lat), level=level,
        facts={"owner": owner},
    )  # fmt: skip


def task(case: Case, node: str) -> Task:
    return Task.objects.select_related("crew_office").get(case=case, node=node)


def test_the_owners_crew_repairs_and_the_nearest_anyone_guards(street: Place) -> None:
    case = incident("gas")
    sent = dispatch_ready(at=AT)
    assert {t.node for t in sent} == {"guard", "repair"}
    repair, guard = task(case, "repair"), task(case, "guard")
    assert repair.crew_office is not None and repair.crew_office.owner_of == ["gas"]
    assert repair.because["why"]["zh"] == "权属单位的队伍"
    assert guard.crew_office is not None and guard.crew_office_id != repair.crew_office_id
    others = repair.because["others"]
    by_owner = [o["minutes"] for o in others if o["why"]["zh"] == "权属单位的队伍"]
    assert len(others) == 3 and by_owner == sorted(by_owner) and repair.because["minutes"] <= by_owner[0]
    assert len(guard.because["others"]) == 3
    assert not Crew.objects.get(office=guard.crew_office).repairs, "tools are spared while a patrol is near"


def test_an_unknown_owner_gets_the_streets_fallback_crew(street: Place) -> None:
    case = incident("")
    dispatch_ready(at=AT)
    crew = task(case, "repair").crew_office
    assert crew is not None and crew.key == f"crew.fallback.{STREET}-1"


def test_a_busy_crew_is_not_sent_twice_and_the_fallback_takes_over(street: Place) -> None:
    gas = Crew.objects.filter(office__key__startswith="crew.gas.").count()
    cases_ = [incident("gas") for _ in range(gas + 2)]
    for _ in range(3):
        dispatch_ready(at=AT)
    crews = [task(case, "repair").crew_office for case in cases_]
    sent = [crew.key for crew in crews if crew]
    assert len(sent) == len(set(sent)), "a crew was given two tasks"
    assert any(key.startswith("crew.fallback") for key in sent)


def test_nobody_free_leaves_the_task_on_the_board_until_a_crew_is(street: Place) -> None:
    Crew.objects.exclude(office__key=f"crew.fallback.{STREET}-1").update(on_shift=False)
    first = incident("")
    dispatch_ready(at=AT, tasks=cases.pending_dispatch().filter(node="repair"))
    second = incident("")
    dispatch_ready(at=AT, tasks=cases.pending_dispatch().filter(node="repair"))
    assert task(second, "repair").state == "ready"
    crew = make_actor(office(f"crew.fallback.{STREET}-1"), "crew")
    actions.accept_task(actor=crew, at=AT, task=task(first, "repair"))
    actions.report_task(actor=crew, at=AT, task=task(first, "repair"))
    dispatch_ready(at=AT, tasks=cases.pending_dispatch().filter(node="repair"))
    assert task(second, "repair").state == "assigned"


def test_several_at_once_are_solved_together(street: Place) -> None:
    """With two crews and two incidents, first-come would send the middle crew to the wrong one."""
    left, middle = Crew.objects.filter(office__key__startswith="crew.gas.900101").order_by("pk")[:2]
    Crew.objects.filter(repairs=True).exclude(pk__in=[left.pk, middle.pk]).update(on_shift=False)
    Crew.objects.filter(pk=left.pk).update(lon=122.470, lat=30.490)
    Crew.objects.filter(pk=middle.pk).update(lon=122.480, lat=30.490)
    near_middle = incident("gas", lon=122.479, lat=30.490)
    only_middle_side = incident("gas", lon=122.490, lat=30.490)
    dispatch_ready(at=AT, tasks=cases.pending_dispatch().filter(node="repair"))
    total = sum(task(case, "repair").because["minutes"] for case in (near_middle, only_middle_side))
    crossed = [t for t in (task(near_middle, "repair"), task(only_middle_side, "repair")) if t.crew_office]
    assert len(crossed) == 2
    swapped = sum(o["minutes"] for t in crossed for o in t.because["others"][:1])
    assert total <= swapped


def test_a_declined_task_waits_for_the_duty_officer(street: Place) -> None:
    case = incident("gas")
    dispatch_ready(at=AT)
    repair = task(case, "repair")
    assert repair.crew_office is not None
    crew = make_actor(repair.crew_office, "crew")
    actions.decline_task(actor=crew, at=AT, task=repair, reason="not_ours")
    assert dispatch_ready(at=AT) == []
    assert task(case, "repair").state == "ready"
