"""派遣: competence before distance, travel time, several at once, and the reason that is kept."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from django.db import IntegrityError
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base.hats import platform
from liangwang.base.models import Place
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.models import Case, Task
from liangwang.operations import closures
from liangwang.operations.competence import Candidate, enough
from liangwang.operations.crews import set_shift
from liangwang.operations.dispatch import dispatch_ready, send_next
from liangwang.operations.dispatch_models import Crew, Sending
from liangwang.operations.road import router
from liangwang.operations.solving import solved, weight_of
from tests.cases.factories import AT, INCIDENT, make_actor, make_plan
from tests.operations.factories import STREET, load_city, office
from tests.tries import tries

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


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def repairs() -> object:
    return cases.pending_dispatch().filter(node="repair")


# --- why not those ---------------------------------------------------------------------------------------


def test_the_decision_says_why_nearer_crews_were_not_sent(street: Place) -> None:
    Crew.objects.filter(repairs=True).update(lon=122.46, lat=30.48)
    gas = list(Crew.objects.filter(office__key__startswith="crew.gas.").order_by("pk"))
    water = Crew.objects.filter(office__key__startswith="crew.water.")[0]
    for place, crew in enumerate([gas[0], gas[1], water]):
        Crew.objects.filter(pk=crew.pk).update(lon=122.481 + place / 10_000, lat=30.491, on_shift=place != 0)
    first, second = incident("gas"), incident("gas")
    for case in (first, second):
        dispatch_ready(at=AT, tasks=cases.pending_dispatch().filter(case=case, node="repair"))
    said = {one["crew"]: one["why"]["zh"] for one in task(second, "repair").because["not"]}
    assert said == {
        gas[0].office.key: "不在班",
        gas[1].office.key: "手上有任务",
        water.office.key: "不属其权属或辖区",
    }


def test_nobody_is_sent_whose_shift_is_over(street: Place) -> None:
    crew = Crew.objects.get(office__key=f"crew.fallback.{STREET}-1")
    Crew.objects.exclude(pk=crew.pk).update(on_shift=False)
    duty = make_actor(office(f"operations.{STREET}"), "duty_officer")
    set_shift(actor=duty, at=AT, office_ids=[crew.office_id], on_shift=True, until=AT - minutes(1))
    case = incident("")
    assert dispatch_ready(at=AT, tasks=repairs()) == []
    set_shift(actor=duty, at=AT, office_ids=[crew.office_id], on_shift=True, until=AT + minutes(60))
    dispatch_ready(at=AT, tasks=repairs())
    assert task(case, "repair").crew_office == crew.office


def test_of_two_as_near_the_quicker_vehicle_goes(street: Place) -> None:
    slow, quick = Crew.objects.filter(office__key__startswith="crew.gas.").order_by("pk")[:2]
    Crew.objects.filter(pk__in=[slow.pk, quick.pk]).update(lon=122.47, lat=30.49)
    Crew.objects.filter(office__key__startswith="crew.gas.").exclude(pk__in=[slow.pk, quick.pk]).update(
        on_shift=False
    )
    Crew.objects.filter(pk=slow.pk).update(vehicle="foot")
    case = incident("gas")
    dispatch_ready(at=AT, tasks=repairs())
    assert task(case, "repair").crew_office == quick.office


# --- closures --------------------------------------------------------------------------------------------


def test_a_closure_is_driven_around_while_it_lasts(street: Place) -> None:
    duty = make_actor(office(f"operations.{STREET}"), "duty_officer")
    around = {
        "type": "Polygon",
        "coordinates": [
            [[122.479, 30.46], [122.480, 30.46], [122.480, 30.4935], [122.479, 30.4935], [122.479, 30.46]]
        ],
    }
    row = closures.close_streets(
        actor=duty, at=AT, place=street, area=around, reason="积水", ends_at=AT + minutes(30)
    )

    def seconds(n: float) -> float:
        way = router(AT + minutes(n))
        assert way is not None
        return float(way.seconds_to((122.484, 30.490), [(122.475, 30.490)])[0])

    free = seconds(31)
    assert seconds(-1) == free < seconds(0) == seconds(29)
    closures.lift_closure(actor=duty, at=AT + minutes(10), row=row)
    assert seconds(11) == free < seconds(9)


@pytest.mark.parametrize(
    ("area", "reason", "ends"),
    [
        ({"type": "Point", "coordinates": [122.4, 30.4]}, "积水", 10),
        ({"type": "Polygon"}, "积水", 10),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, "积水", 10),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0.1, 0], [0.1, 0.1], [0, 0]]]}, " ", 10),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0.1, 0], [0.1, 0.1], [0, 0]]]}, "积水", -10),
    ],
)
def test_a_closure_that_does_not_hold_together_is_refused(
    street: Place, area: dict[str, object], reason: str, ends: float
) -> None:
    duty = make_actor(office(f"operations.{STREET}"), "duty_officer")
    with pytest.raises(closures.NoClosure):
        closures.close_streets(
            actor=duty, at=AT, place=street, area=area, reason=reason, ends_at=AT + minutes(ends)
        )


# --- no answer -------------------------------------------------------------------------------------------


def test_who_does_not_answer_is_passed_over_and_the_next_best_goes(street: Place) -> None:
    case = incident("gas")
    dispatch_ready(at=AT, tasks=repairs())
    first = task(case, "repair")
    assert send_next(at=AT + minutes(1.9)) == [], "a red task waits two minutes for an answer"
    assert [t.pk for t in send_next(at=AT + minutes(2.1))] == [first.pk]
    second = task(case, "repair")
    assert second.crew_office_id != first.crew_office_id
    assert second.crew_office is not None and second.crew_office.key == first.because["others"][0]["crew"]
    assert list(Sending.objects.order_by("number").values_list("number", "ended")) == [
        (1, "no_answer"),
        (2, ""),
    ]
    actions.accept_task(actor=make_actor(second.crew_office, "crew"), at=AT + minutes(3), task=second)
    assert send_next(at=AT + minutes(60)) == [], "whoever has accepted is not moved"


def test_where_nobody_else_is_free_the_task_keeps_its_crew(street: Place) -> None:
    Crew.objects.exclude(office__key=f"crew.fallback.{STREET}-1").update(on_shift=False)
    case = incident("")
    dispatch_ready(at=AT, tasks=repairs())
    assert send_next(at=AT + minutes(10)) == []
    assert task(case, "repair").state == "assigned" and task(case, "repair").crew_office is not None
    Crew.objects.filter(office__key=f"crew.fallback.{STREET}-2").update(on_shift=True)
    assert len(send_next(at=AT + minutes(20))) == Crew.objects.filter(on_shift=True).count() - 1


def test_a_number_is_sent_once(street: Place) -> None:
    case = incident("gas")
    dispatch_ready(at=AT, tasks=repairs())
    row = Sending.objects.get(task=task(case, "repair"))
    with pytest.raises(IntegrityError):
        Sending.objects.create(task=row.task, number=1, crew=row.crew, at=AT, eta_s=1.0, answer_by=AT)


def test_one_that_has_not_answered_is_moved_where_that_serves_both_and_one_on_the_way_is_not(
    street: Place,
) -> None:
    """The gas crew is the only one for gas; it was sent where the fallback crew would do as well."""
    gas = Crew.objects.filter(office__key__startswith="crew.gas.")[0]
    fallback = Crew.objects.get(office__key=f"crew.fallback.{STREET}-1")
    Crew.objects.exclude(pk__in=[gas.pk, fallback.pk]).update(on_shift=False)
    Crew.objects.filter(pk=gas.pk).update(owners=["gas", "rain"])
    Crew.objects.filter(pk=fallback.pk).update(owners=["*"])
    either = incident("rain")
    dispatch_ready(at=AT, tasks=repairs())
    assert task(either, "repair").crew_office == gas.office
    Crew.objects.filter(pk=gas.pk).update(owners=["gas", "rain"])
    Crew.objects.filter(pk=fallback.pk).update(owners=["rain"])
    only = incident("gas")
    dispatch_ready(at=AT + minutes(1), tasks=repairs())
    assert task(only, "repair").crew_office == gas.office
    assert task(either, "repair").crew_office == fallback.office
    held = task(only, "repair")
    actions.accept_task(actor=make_actor(gas.office, "crew"), at=AT + minutes(1), task=held)
    third = incident("gas")
    dispatch_ready(at=AT + minutes(2), tasks=repairs())
    assert task(third, "repair").state == "ready" and task(only, "repair").crew_office == gas.office


# --- the queue, without a database -----------------------------------------------------------------------


def asked(level: str = "red", waited: float = 0.0) -> SimpleNamespace:
    ready = AT - minutes(waited)
    return SimpleNamespace(case=SimpleNamespace(level=level), ready_at=ready, due_at=ready + minutes(60))


def crew(number: int) -> Crew:
    return Crew(pk=number, repairs=True, lon=0.0, lat=0.0)


queues = st.lists(
    st.tuples(
        st.sampled_from(["red", "orange", "yellow", "blue"]),
        st.floats(0, 300),
        st.dictionaries(st.integers(1, 5), st.tuples(st.integers(0, 2), st.floats(1, 3000)), max_size=5),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=tries(30), deadline=None)
@given(queues)
def test_never_two_and_never_none(queue: list[tuple[str, float, dict[int, tuple[int, float]]]]) -> None:
    tasks = [asked(level, waited) for level, waited, _ in queue]
    found = [
        sorted((Candidate(crew(n), r, "owner", s) for n, (r, s) in units.items()), key=Candidate.cost)
        for _, _, units in queue
    ]
    chosen = solved(tasks, found, AT)  # type: ignore[arg-type]
    sent = [best.crew.pk for best in chosen if best]
    assert len(sent) == len(set(sent)), "a crew was given two tasks"
    for best, options in zip(chosen, found, strict=True):
        assert best is not None or {one.crew.pk for one in options} <= set(sent), (
            "a free crew was left standing"
        )


def test_the_longer_a_task_waits_the_more_it_weighs() -> None:
    assert weight_of(asked("blue"), AT) < weight_of(asked("blue", 30), AT) < weight_of(asked("blue", 90), AT)  # type: ignore[arg-type]
    assert weight_of(asked("yellow", 60), AT) == weight_of(asked("red"), AT)  # type: ignore[arg-type]
    waiting = [asked("blue", 240), asked("red")]
    only = [[Candidate(crew(1), 0, "owner", 60.0)]] * 2
    assert solved(waiting, only, AT)[0] is not None  # type: ignore[arg-type]


def test_of_two_as_near_the_one_goes_that_has_done_less() -> None:
    tired, fresh = Candidate(crew(1), 0, "owner", 100.0, load=3), Candidate(crew(2), 0, "owner", 200.0)
    assert fresh.cost() < tired.cost()
    assert fresh.cost() < Candidate(crew(3), 1, "fallback", 1.0).cost(), "competence outweighs both"


def test_the_search_goes_on_until_the_competent_are_found() -> None:
    rank = np.array([0, 0, 1, 1])
    assert not enough(rank, np.array([True, False, True, True]), 3)
    assert enough(rank, np.array([True, True, False, False]), 2)
    assert enough(rank, np.array([True, True, True, False]), 3)
