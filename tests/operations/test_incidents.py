"""案件: from signals and reports; the same thing joins, levels follow, the clear signal verifies where the plan says so."""

from datetime import timedelta

import pytest

from liangwang.base import events
from liangwang.base.models import Place
from liangwang.cases import actions
from liangwang.cases.models import Case, Task
from liangwang.cases.refusals import StillOpen
from liangwang.operations import boards, incidents
from liangwang.operations.dispatch_models import Crew
from liangwang.operations.models import Signal
from tests.cases.factories import AT, make_actor
from tests.operations.factories import STREET, load_city, make_asset, make_signal, office

pytestmark = pytest.mark.django_db
FLOODED = "manholes:cover_flooded"


@pytest.fixture(autouse=True)
def street(db: object) -> Place:
    return load_city()


def task(case: Case, node: str) -> Task:
    return Task.objects.select_related("crew_office").get(case=case, node=node)


def opened(signal: Signal) -> Case:
    case = incidents.open_incident(signal, at=signal.at)
    assert case is not None
    return case


def clear(signal: Signal, minutes: int = 30) -> None:
    signal.cleared_at = AT + timedelta(minutes=minutes)
    signal.save()
    incidents.signal_cleared(signal, at=signal.cleared_at)


def carry_out(case: Case, node: str) -> None:
    from liangwang.base.models import StoredFile

    one = task(case, node)
    assert one.crew_office is not None
    crew = make_actor(one.crew_office, "crew")
    photo = StoredFile.objects.create(
        sha256="0" * 64, size=1, media_type="image/jpeg", name="a.jpg", created_at=AT
    )
    shown = [actions.Shown(kind, photo) for kind in ("photo_before", "photo_after")]
    actions.accept_task(actor=crew, at=AT, task=one)
    actions.report_task(actor=crew, at=AT, task=one, proofs=shown)
    while events.run_due(AT + timedelta(hours=1)):
        pass


def test_the_same_asset_and_rule_join_the_open_incident_and_after_closing_open_another() -> None:
    asset = make_asset()
    case = opened(make_signal(asset))
    assert opened(make_signal(asset, at=AT + timedelta(minutes=5))).pk == case.pk
    assert opened(make_signal(make_asset())).pk != case.pk
    assert opened(make_signal(asset, rule="manholes:cover_missing")).pk != case.pk
    Case.objects.filter(pk=case.pk).update(state="closed")
    assert opened(make_signal(asset, at=AT + timedelta(hours=2))).pk != case.pk


def test_the_level_follows_the_signal_and_a_joining_one_only_raises_it() -> None:
    asset = make_asset()
    first = make_signal(asset, FLOODED, level="yellow")
    case = opened(first)
    opened(make_signal(asset, FLOODED, level="red"))
    case.refresh_from_db()
    assert case.level == "red"
    opened(make_signal(asset, FLOODED, level="yellow"))
    case.refresh_from_db()
    assert case.level == "red"
    first.level = "yellow"
    incidents.level_changed(first, at=AT)
    case.refresh_from_db()
    assert case.level == "yellow"
    assert [e.body["level"] for e in case.events.filter(what="case.level").order_by("id")] == [
        "red",
        "yellow",
    ]


def test_a_clear_signal_verifies_what_was_reported_before_it() -> None:
    signal = make_signal(make_asset(), FLOODED)
    case = opened(signal)
    carry_out(case, "drain")
    assert task(case, "drain").state == "reported"
    carry_out(case, "guard")
    duty = make_actor(office(f"operations.{STREET}"), "duty_officer")
    with pytest.raises(StillOpen):
        actions.close_case(actor=duty, at=AT, case=case)
    clear(signal)
    assert task(case, "drain").state == "done"
    actions.close_case(actor=duty, at=AT + timedelta(minutes=40), case=case)


def test_what_is_reported_after_the_clear_signal_is_verified_too() -> None:
    signal = make_signal(make_asset(), FLOODED)
    case = opened(signal)
    clear(signal)
    carry_out(case, "drain")
    assert task(case, "drain").state == "done"


def test_one_of_two_signals_cleared_is_not_yet_clear() -> None:
    asset = make_asset()
    one, two = make_signal(asset, FLOODED), make_signal(asset, FLOODED)
    case = opened(one)
    opened(two)
    carry_out(case, "drain")
    clear(one)
    assert task(case, "drain").state == "reported"
    clear(two)
    assert task(case, "drain").state == "done"


def test_the_board_counts_by_level_and_place_and_lists_the_feed() -> None:
    late = opened(make_signal(make_asset()))
    opened(make_signal(make_asset(), FLOODED, level="yellow"))
    at = AT + timedelta(minutes=20)
    city = boards.board("90", at)
    assert city["by_level"] == {"red": 1, "yellow": 1} and len(city["open"]) == 2
    here = {row["code"]: row for row in city["below"]}
    assert here["900101"]["open"] == 2 and here["900101"]["red"] == 1 and here["900102"]["open"] == 0
    assert here["900101"]["late"] == 2  # nobody has got to the guarding in 15 minutes
    clock = city["open"][0]["clock"]
    assert clock is not None and clock["share"] > 1 and clock["left_s"] == -300
    assert [row["open"] for row in boards.drill_down("900101", at) if row["code"] == STREET] == [2]
    assert boards.board("900102", at)["open"] == []
    feed = city["feed"]
    assert {"case.opened", "task.assigned"} <= {line["type"] for line in feed}
    assert boards.feed("90", after=feed[-1]["id"]) == []
    assert late.ref in {row["ref"] for row in city["open"]}


def test_nobody_on_shift_leaves_it_open_and_the_tick_sends_someone_later() -> None:
    from liangwang.operations import follow

    Crew.objects.update(on_shift=False)
    case = opened(make_signal(make_asset()))
    assert task(case, "guard").state == "ready"
    Crew.objects.update(on_shift=True)
    follow.tick(AT + timedelta(minutes=1))
    assert task(case, "guard").state == "assigned"
