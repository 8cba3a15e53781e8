"""An incident between people: merged and split, led and assisted, declined, deferred, supervised, called back, handed over."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from liangwang.base import events
from liangwang.base.hats import Actor
from liangwang.base.models import Notice, Place
from liangwang.cases import actions as cases
from liangwang.cases.models import Case, Task
from liangwang.cases.refusals import AlreadyRated, DeclineRefused, NotAsked, OnceOnly, OwnWork, StillOpen
from liangwang.operations import (
    actions,
    after_action,
    boards,
    contacts,
    deferrals,
    handover,
    incidents,
    levels,
    merging,
    rates,
    reports,
    supervision,
)
from liangwang.operations.dispatch import dispatch_ready
from liangwang.operations.models import Report
from tests.cases.factories import AT, make_actor, make_applicant
from tests.operations.factories import STREET, load_city, make_asset, make_signal, office

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HERE = (122.481, 30.491)


def at(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def street(db: object) -> Place:
    return load_city()


@pytest.fixture
def duty(street: Place) -> Actor:
    return make_actor(office(f"operations.{STREET}"), "duty_officer")


@pytest.fixture
def district(street: Place) -> Actor:
    return make_actor(office(f"operations.{STREET[:6]}"), "duty_officer")


def told(*, minutes: float = 0, east_m: float = 0, kind: str = "street_order:rubbish", **more: Any) -> Report:
    point = (HERE[0] + east_m / 95_900, HERE[1])
    actor = more.pop("actor", None) or make_applicant()[1]
    return actions.report(actor=actor, at=at(minutes), kind=kind, text="说明", point=point, **more)


def confirmed(duty: Actor, row: Report, minutes: float = 1) -> Case:
    return cases.confirm_case(actor=duty, at=at(minutes), case=row.case, confirmed=True)


def task(case: Case, node: str) -> Task:
    return Task.objects.select_related("crew_office", "office", "case").get(case=case, node=node)


def work() -> None:
    while events.run_due(at(60 * 24 * 30)):
        pass


def handled(case: Case, node: str, minutes: float = 30) -> Actor:
    """The crew that was sent does it."""
    dispatch_ready(at=at(minutes))
    one = task(case, node)
    assert one.crew_office is not None
    crew = make_actor(one.crew_office, "crew")
    cases.accept_task(actor=crew, at=at(minutes), task=one)
    from liangwang.base.models import StoredFile

    photo = StoredFile.objects.create(
        sha256="0" * 64, size=1, media_type="image/jpeg", name="a.jpg", created_at=AT
    )
    shown = [cases.Shown(kind, photo) for kind in ("photo_before", "photo_after")]
    cases.report_task(actor=crew, at=at(minutes), task=one, proofs=shown)
    return crew


def closed(duty: Actor, row: Report) -> Case:
    case = confirmed(duty, row)
    handled(case, "clean")
    grid = make_actor(office(f"subdistrict.{STREET}"), "supervisor")
    cases.verify_task(actor=grid, at=at(40), task=task(case, "clean"), passed=True)
    case = cases.close_case(actor=duty, at=at(50), case=case)
    work()
    row.refresh_from_db()
    return case


# --- joining ---------------------------------------------------------------------------------------------


def test_two_incidents_that_are_one_are_merged_and_can_be_parted_again(duty: Actor) -> None:
    one, other = told(), told(east_m=100)
    kept, gone = confirmed(duty, one), confirmed(duty, other)
    dispatch_ready(at=at(2))
    assert [case.ref for case, metres in merging.candidates(kept) if metres == 100] == [gone.ref]
    row = merging.merge(actor=duty, at=at(3), case=gone, into=kept, reason="同一堆")
    gone.refresh_from_db()
    assert (gone.state, gone.follows, task(gone, "clean").state) == ("merged", kept, "cancelled")
    assert [one.case_id for one in reports.reports_of(kept)] == [kept.pk, kept.pk]
    assert reports.also_reported(one) == 1
    assert (
        boards.open_incidents("90", at(4))[0]["ref"] == kept.ref
        and len(boards.open_incidents("90", at(4))) == 1
    )
    merging.undo(actor=duty, at=at(5), row=row)
    gone.refresh_from_db()
    other.refresh_from_db()
    assert (gone.state, other.case, task(gone, "clean").state) == ("accepted", gone, "ready")
    work()
    dispatch_ready(at=at(6))
    assert task(gone, "clean").state == "assigned"  # its crew is sent anew
    with pytest.raises(OnceOnly):
        merging.undo(actor=duty, at=at(7), row=row)


def test_a_report_of_something_else_gets_its_own_incident(duty: Actor) -> None:
    one, other = told(), told(minutes=1, east_m=30)
    assert other.case == one.case
    row = merging.split(actor=duty, at=at(2), report=other, reason="另一处")
    assert other.case != one.case and other.case.state == "open"
    with pytest.raises(StillOpen):
        merging.split(actor=duty, at=at(3), report=other, reason="再拆")
    merging.undo(actor=duty, at=at(4), row=row)
    other.refresh_from_db()
    assert other.case == one.case


def test_a_signal_goes_with_the_merged_incident_and_holds_the_other_open(duty: Actor) -> None:
    signal = make_signal(make_asset(), "manholes:cover_flooded")
    case = incidents.open_incident(signal, at=AT)
    assert case is not None
    other = incidents.open_incident(make_signal(make_asset(), "manholes:cover_flooded"), at=AT)
    assert other is not None
    merging.merge(actor=duty, at=at(1), case=case, into=other, reason="同一处")
    signal.refresh_from_db()
    assert signal.case_ref == other.ref
    assert other.holds.filter(released_at=None).count() == 2


# --- levels ----------------------------------------------------------------------------------------------


def test_three_levels_each_know_their_duty_and_when_they_would_hear(duty: Actor) -> None:
    case = confirmed(duty, told())
    rows = levels.duties(case)
    assert [row["level"] for row in rows] == ["street", "district", "city"]
    assert [row["leads"] for row in rows] == [True, False, False]
    assert [row["tells_at"] for row in rows] == [at(1 + 240), at(1 + 480), at(1 + 720)]


def test_an_incident_is_handed_up_and_down_and_its_closing_with_it(duty: Actor, district: Actor) -> None:
    case = confirmed(duty, told())
    case = levels.hand_up(actor=duty, at=at(2), case=case, reason="跨街道")
    assert case.lead_office == office(f"operations.{STREET[:6]}")
    assert task(case, "close").office == case.lead_office
    assert Notice.objects.filter(office=case.lead_office, template="case.up").count() == 1
    with pytest.raises(levels.NotYourLevel):
        levels.hand_down(actor=duty, at=at(3), case=case, reason="还给我")
    case = levels.hand_down(actor=district, at=at(3), case=case, reason="由街道办")
    assert case.lead_office == office(f"operations.{STREET}")
    with pytest.raises(levels.NoFurther):
        levels.hand_down(actor=district, at=at(4), case=case, reason="再往下")


# --- joint -----------------------------------------------------------------------------------------------


def test_an_assisting_office_sees_comes_says_and_ends(duty: Actor) -> None:
    from liangwang.base.access import may, thing_of

    case = confirmed(duty, told())
    helper = make_actor(office(f"market.{STREET[:6]}"), "clerk")
    assert not may(helper, "read", thing_of("incident", case)).allowed
    row = cases.ask_assistance(
        actor=duty, at=at(2), case=case, office=office(f"market.{STREET[:6]}"), wanted="查店家", due_at=at(62)
    )
    assert may(helper, "update", thing_of("incident", case)).allowed
    with pytest.raises(OnceOnly):
        cases.ask_assistance(actor=duty, at=at(3), case=case, office=row.office, wanted="再来", due_at=None)
    with pytest.raises(NotAsked):
        cases.arrive_assisting(actor=duty, at=at(4), row=row)
    cases.arrive_assisting(actor=helper, at=at(5), row=row)
    cases.say(actor=helper, at=at(6), case=case, text="店家已到场")
    cases.end_assisting(actor=helper, at=at(9), row=row, result="已责令整改")
    said = list(case.events.order_by("id").values_list("what", flat=True))
    assert said[-4:] == ["case.assist_asked", "case.assist_arrived", "case.said", "case.assist_ended"]


# --- decline, defer, supervise ---------------------------------------------------------------------------


def test_an_office_declines_once_and_then_the_duty_officer_rules(duty: Actor) -> None:
    case = confirmed(duty, told(kind="street_order:other"))
    clerk = make_actor(office(f"subdistrict.{STREET}"), "clerk")
    cases.decline_task(actor=clerk, at=at(5), task=task(case, "answer"), reason="not_ours")
    assert task(case, "answer").office == case.lead_office
    ruled = cases.rule_task(
        actor=duty,
        at=at(6),
        task=task(case, "answer"),
        office=office(f"subdistrict.{STREET}"),
        note="首接负责",
    )
    assert ruled.office_id == office(f"subdistrict.{STREET}").pk
    with pytest.raises(DeclineRefused):
        cases.decline_task(actor=clerk, at=at(7), task=task(case, "answer"), reason="not_ours")


def test_an_extension_goes_on_a_postponement_rests_and_shelving_is_for_the_district(
    duty: Actor, district: Actor
) -> None:
    case = confirmed(duty, told())
    dispatch_ready(at=at(2))
    one = task(case, "clean")
    assert one.crew_office is not None
    crew = make_actor(one.crew_office, "crew")
    cases.accept_task(actor=crew, at=at(2), task=one)
    until = at(2000)
    cases.defer_task(actor=crew, at=at(3), task=task(case, "clean"), until=until, reason="下雨", how="extend")
    with pytest.raises(OwnWork):
        deferrals.decide(actor=crew, at=at(4), task=task(case, "clean"), approved=False)
    deferrals.decide(actor=duty, at=at(4), task=task(case, "clean"), approved=True)
    assert (task(case, "clean").state, task(case, "clean").due_at) == ("accepted", until)
    case.refresh_from_db()
    assert case.due_at == until
    cases.defer_task(
        actor=crew, at=at(5), task=task(case, "clean"), until=at(9000), reason="要预算", how="shelve"
    )
    with pytest.raises(deferrals.HigherLevel):
        deferrals.decide(actor=duty, at=at(6), task=task(case, "clean"), approved=True)
    deferrals.decide(actor=district, at=at(6), task=task(case, "clean"), approved=True)
    assert task(case, "clean").state == "deferred"
    assert [row["ref"] for row in boards.open_incidents("90", at(7))] == [case.ref]  # it stays on the board
    assert handover.drafted(office(f"operations.{STREET}"), at(7))["resting"][0]["how"] == "shelve"


def test_what_is_supervised_is_answered_by_its_holder(duty: Actor) -> None:
    from liangwang.cases import joined

    case = confirmed(duty, told())
    dispatch_ready(at=at(2))
    supervision.supervise(actor=duty, at=at(3), task=task(case, "clean"), note="一小时内到场")
    row = joined.unanswered("90").get()
    assert row.due_at is not None and row.office == task(case, "clean").crew_office
    with pytest.raises(NotAsked):
        cases.reply_supervision(actor=duty, at=at(4), row=row, text="已到")
    assert row.office is not None
    cases.reply_supervision(actor=make_actor(row.office, "crew"), at=at(5), row=row, text="已到场")
    assert not joined.unanswered("90").exists()


# --- the reporter ----------------------------------------------------------------------------------------


def test_a_bad_rating_is_reviewed_and_may_open_the_incident_again(duty: Actor, district: Actor) -> None:
    subject, neighbour = make_applicant()
    row = told(actor=neighbour)
    with pytest.raises(contacts.NotClosedYet):
        contacts.rate(actor=neighbour, at=at(1), report=row, solved=True, score=5)
    case = closed(duty, row)
    assert row.answered_at is not None
    assert Notice.objects.filter(subject=subject).count() == 2  # taken up, done
    said = contacts.rate(actor=neighbour, at=at(60), report=row, solved=False, score=1, note="还在")
    with pytest.raises(AlreadyRated):
        contacts.rate(actor=neighbour, at=at(61), report=row, solved=True, score=5)
    work()
    assert Case.objects.count() == 1  # no rectification beside the review
    assert list(contacts.to_review("90")) == [said]
    contacts.review(actor=district, at=at(70), contact=said, reopen=True, note="现场仍有垃圾")
    case.refresh_from_db()
    assert (case.state, case.stage, task(case, "clean").state, task(case, "clean").attempt) == (
        "accepted", "handle", "ready", 2,
    )  # fmt: skip
    assert case.closed_at is None and task(case, "close").state == "waiting"
    crew = handled(case, "clean", 80)
    grid = make_actor(office(f"subdistrict.{STREET}"), "supervisor")
    cases.verify_task(actor=grid, at=at(85), task=task(case, "clean"), passed=True)
    with pytest.raises(OwnWork):
        cases.close_case(actor=crew, at=at(86), case=case)
    assert cases.close_case(actor=duty, at=at(86), case=case).state == "closed"


def test_first_contact_and_call_back_make_the_rates(duty: Actor) -> None:
    hotline = make_actor(office("operations.90"), "dispatcher")
    row = told(
        actor=hotline, channel="12345", outside_number="1", reporter=actions.Reporter("陈", "13800000000")
    )
    assert list(contacts.to_contact("90")) == [row]
    assert contacts.whom_to_call(actor=duty, at=at(1), report=row).phone == "13800000000"
    contacts.first_contact(actor=duty, at=at(1), report=row, reached=False, note="无人接听")
    assert list(contacts.to_contact("90")) == [row]
    contacts.first_contact(actor=duty, at=at(2), report=row, reached=True)
    assert not contacts.to_contact("90").exists()
    closed(duty, row)
    assert list(contacts.to_call_back("90")) == [row]
    contacts.call_back(actor=duty, at=at(90), report=row, reached=True, solved=True, score=4)
    assert not contacts.to_call_back("90").exists()
    found = {rate["key"]: (rate["done"], rate["of"]) for rate in rates.rates("90", at(-1), at(3000))}
    assert found == {
        "filed": (1, 1), "dispatched": (1, 1), "handled": (1, 1), "in_time": (1, 1), "closed": (1, 1),
        "reworked": (0, 1), "declined": (0, 1), "deferred": (0, 1), "contacted": (1, 1), "solved": (1, 1),
        "content": (1, 1),
    }  # fmt: skip


def test_rates_count_what_was_due_and_what_came_back(duty: Actor) -> None:
    late = confirmed(duty, told())
    case = confirmed(duty, told(east_m=200), 2)
    told(east_m=400)  # nobody has confirmed it
    handled(case, "clean", 30)
    grid = make_actor(office(f"subdistrict.{STREET}"), "supervisor")
    cases.verify_task(actor=grid, at=at(40), task=task(case, "clean"), passed=False, note="没清完")
    found = {rate["key"]: rate for rate in rates.rates("90", at(-1), at(300))}
    assert (found["filed"]["done"], found["filed"]["of"]) == (2, 3)
    assert (found["handled"]["done"], found["handled"]["of"]) == (1, 2) and late.handled_at is None
    assert (found["reworked"]["done"], found["reworked"]["share"]) == (1, 1.0)
    assert found["content"]["share"] is None
    assert rates.rates("90", at(-1), at(300), "manholes")[0]["of"] == 0


# --- afterwards ------------------------------------------------------------------------------------------


def test_minutes_at_each_of_the_ten_stages(duty: Actor) -> None:
    case = closed(duty, told())
    rows = {row["stage"]: row["minutes"] for row in after_action.stages(case, at(100))}
    assert len(rows) == 10 and rows["report"] == 1.0 and rows["rate"] is None
    assert rows["feedback"] == 10.0 and rows["verify"] == 10.0 and rows["close"] == 0.0
    assert sum(minutes or 0 for minutes in rows.values()) == 50.0


def test_a_shift_is_given_by_one_and_taken_by_another(duty: Actor) -> None:
    confirmed(duty, told())
    hotline = make_actor(office("operations.90"), "dispatcher")
    told(actor=hotline, east_m=500, channel="12345", reporter=actions.Reporter("陈", "13800000000"))
    centre = office(f"operations.{STREET}")
    row = handover.give(actor=duty, at=at(10), office=centre, notes="注意菜场门口", leader="值班领导甲")
    assert row.body["open_count"] == 2 and len(row.body["to_contact"]) == 2
    with pytest.raises(handover.TwoPeople):
        handover.take(actor=duty, at=at(11), row=row)
    other = make_actor(centre, "duty_officer")
    handover.take(actor=other, at=at(12), row=row, remark="已知")
    assert row.taken_at == at(12)
    with pytest.raises(handover.SignedAlready):
        handover.take(actor=make_actor(centre, "duty_officer"), at=at(13), row=row)
