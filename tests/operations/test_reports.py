"""上报: one door for reports; those of one matter join one incident, and a number of another system comes once."""

from datetime import timedelta
from typing import Any

import pytest

from liangwang.base.hats import Actor
from liangwang.base.models import AuditEntry, Place
from liangwang.cases import actions as cases
from liangwang.cases.models import Case
from liangwang.operations import actions, incidents, kinds, reporting
from liangwang.operations.models import Report
from tests.cases.factories import AT, make_actor, make_applicant
from tests.operations.factories import STREET, load_city, make_asset, make_signal, office

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HERE = (122.481, 30.491)
RUBBISH = "street_order:rubbish"
MOVED = "manholes:moved"


@pytest.fixture(autouse=True)
def street(db: object) -> Place:
    return load_city()


@pytest.fixture
def neighbour(street: Place) -> Actor:
    return make_applicant()[1]


def told(actor: Actor, *, minutes: float = 0, east_m: float = 0, kind: str = RUBBISH, **more: Any) -> Report:
    point = (HERE[0] + east_m / 95_900, HERE[1])
    more.setdefault("point", point)
    return actions.report(actor=actor, at=AT + timedelta(minutes=minutes), kind=kind, text="有垃圾", **more)


def test_the_first_report_opens_an_incident_that_waits_for_the_duty_officer(neighbour: Actor) -> None:
    row = told(neighbour)
    assert (row.case.state, row.case.stage, row.case.source, row.case.level) == (
        "open",
        "report",
        "report",
        "blue",
    )
    assert row.case.place is not None and row.case.place.code == STREET
    assert row.case.due_at is None and row.joined_how == ""
    assert row.case.facts["unit_grid"]
    duty = make_actor(office(f"operations.{STREET}"), "duty_officer")
    case = cases.confirm_case(actor=duty, at=AT + timedelta(minutes=5), case=row.case, confirmed=True)
    assert case.due_at == AT + timedelta(minutes=5 + 240)  # by kind and level, from filing
    assert case.tasks.get(node="clean").due_at == case.due_at


def test_reports_of_one_kind_near_and_soon_are_one_incident(neighbour: Actor) -> None:
    first = told(neighbour)
    other = make_applicant()[1]
    assert told(other, minutes=20, east_m=30).case == first.case
    assert told(other, minutes=20, east_m=60).case != first.case  # too far
    assert told(other, minutes=20, kind="street_order:bin_full").case != first.case  # of another kind
    # each further report keeps it together: 6 h are counted from the last that was heard
    assert told(other, minutes=20 + 350).case == first.case
    assert told(other, minutes=20 + 350 + 361).case != first.case
    assert first.case.events.filter(what="report.joined").count() == 2


def test_a_closed_incident_takes_no_more_reports(neighbour: Actor) -> None:
    first = told(neighbour)
    Case.objects.filter(pk=first.case.pk).update(state="closed")
    assert told(neighbour, minutes=1).case != first.case


def test_an_outside_number_comes_once_for_each_channel(neighbour: Actor) -> None:
    one = told(neighbour, channel="12345", outside_number="HX-1")
    assert told(neighbour, minutes=3, channel="12345", outside_number="HX-1") == one
    assert told(neighbour, minutes=3, channel="open311", outside_number="HX-1") != one
    assert Report.objects.count() == 2


def test_the_reporter_is_sealed_and_in_no_log(neighbour: Actor) -> None:
    hotline = make_actor(office("operations.90"), "dispatcher")
    row = told(hotline, channel="12345", reporter=actions.Reporter("陈阿姨", "13800000000"))
    assert b"13800000000" not in bytes(row.reporter_sealed or b"")
    assert reporting.reporter_of(row) == ("陈阿姨", "13800000000")
    assert all(b"138000" not in bytes(entry.body or b"") for entry in AuditEntry.objects.all())
    assert row.contact_by is not None
    assert told(hotline, channel="12345", east_m=500).contact_by is None  # nobody to call


def test_a_report_without_a_point_lies_in_the_middle_of_its_place_and_joins_nothing(neighbour: Actor) -> None:
    first = told(neighbour)
    place = Place.objects.get(code=STREET)
    row = told(neighbour, minutes=1, point=None, place=place, address="长宁路515号")
    assert row.approximate and row.case != first.case and (row.lon, row.lat) == (place.lon, place.lat)
    with pytest.raises(reporting.PlaceNeeded):
        told(neighbour, point=None)


def test_what_cannot_be_taken_says_why(neighbour: Actor) -> None:
    with pytest.raises(kinds.UnknownKind):
        told(neighbour, kind="street_order:dragons")
    with pytest.raises(reporting.UnknownSort):
        told(neighbour, sort="gossip")
    with pytest.raises(reporting.TooLong):
        actions.report(actor=neighbour, at=AT, kind=RUBBISH, text="长" * 2001, point=HERE)
    assert not Case.objects.exists()


def test_limits_of_the_hotline_are_data_in_working_days(neighbour: Actor) -> None:
    # AT is Monday 23 November 2026, 9:00
    day = {sort: told(neighbour, east_m=100 * n, sort=sort).due_at for n, sort in enumerate(reporting.SORTS)}
    days = {sort: due.date().day if due else None for sort, due in day.items()}
    assert days == {"enquiry": 24, "help": 30, "complaint": 30, "suggestion": 30, "review": 26}


def test_a_signal_joins_what_people_reported_of_the_same_cover_and_confirms_it(neighbour: Actor) -> None:
    cover = make_asset(owner="sewage", lon=HERE[0], lat=HERE[1])
    row = told(neighbour, kind=MOVED, east_m=8)
    assert row.case.subject == cover.subject and row.case.facts["owner"] == "sewage"
    case = incidents.open_incident(
        make_signal(cover, at=AT + timedelta(minutes=2)), at=AT + timedelta(minutes=2)
    )
    assert case == row.case
    case.refresh_from_db()
    assert case.state == "accepted"
    # and people join what a signal has opened
    assert told(make_applicant()[1], kind=MOVED, minutes=9).case == case


def test_a_signal_of_another_cover_near_by_is_another_incident(neighbour: Actor) -> None:
    make_asset(lon=HERE[0], lat=HERE[1])
    row = told(neighbour, kind=MOVED)
    other = make_asset(lon=HERE[0] + 10 / 95_900, lat=HERE[1])
    case = incidents.open_incident(make_signal(other), at=AT)
    assert case != row.case


def test_handling_is_by_whoever_cleans_in_the_street(neighbour: Actor) -> None:
    from liangwang.operations.dispatch import dispatch_ready

    row = told(neighbour)
    duty = make_actor(office(f"operations.{STREET}"), "duty_officer")
    cases.confirm_case(actor=duty, at=AT, case=row.case, confirmed=True)
    sent = dispatch_ready(at=AT)
    crew = sent[0].crew_office
    assert crew is not None and crew.key.startswith("crew.cleaning.")
