"""走访: a committee is asked what data have not answered; it sees whom it must see, and says what it found."""

from datetime import timedelta
from typing import Any

import pytest

from liangwang.base import audit
from liangwang.base.models import AuditEntry, Notice, Office, Place, Subject
from liangwang.base.packs import declarations
from liangwang.base.transactions import write
from liangwang.cases import actions, calls
from liangwang.cases.call_models import Call
from liangwang.cases.models import Case
from liangwang.hub import queries as hub
from tests.cases.factories import (
    AT,
    make_actor,
    make_applicant,
    make_office,
    make_place,
    make_street,
    open_application,
)
from tests.operations.factories import load_city
from tests.web.posts import browser_of, said

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HERE, THERE = "310105002901", "310105002902"


@pytest.fixture
def committee() -> Office:
    street = make_street()
    places = [
        make_place(code, "neighbourhood", street.place, "residents_committee") for code in (HERE, THERE)
    ]
    offices = [
        make_office(f"committee.{one.code}", one, "subdistrict", "institution", level="street")
        for one in places
    ]
    return offices[0]


def applied(committee: Office, item: str = "health:vaccination_booklet") -> Case:
    """An accepted application of somebody who lives in the neighbourhood."""
    subject, _ = make_applicant()
    subject.person.home = committee.place
    subject.person.save()
    return open_application(committee, subject=subject, key=item)


def told(monkeypatch: pytest.MonkeyPatch, **row: Any) -> None:
    """What the hub knows of everybody's home."""
    whole = {
        "attribute": "home_place",
        "value": HERE,
        "state": "single",
        "sources": ["public_security:population"],
        "at": AT,
        **row,
    }
    monkeypatch.setattr(hub, "known", lambda subject_id, pack="": [whole])
    monkeypatch.setattr(hub, "record_use", lambda *args, **kwargs: None)


def test_what_data_do_not_say_is_asked_of_the_committee_once(committee: Office) -> None:
    case = applied(committee)
    assert [calls.ask_due(AT), calls.ask_due(AT)] == [1, 0]
    call = Call.objects.get()
    assert (call.office, call.way, call.state) == (committee, "check", "asked")
    assert call.due_at and call.due_at > AT
    assert Notice.objects.filter(office=committee, link=f"/field/calls/{call.ref}/").exists()
    assert case.events.filter(what="call.asked").exists()


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({}, "passed"),  # the office that keeps homes says that she lives here
        ({"sources": "other"}, "asked"),  # another one's word is not enough
        ({"sources": "other", "state": "verified"}, "passed"),  # two agree
        ({"state": "conflict"}, "asked"),
        ({"value": THERE}, "asked"),  # she lives elsewhere by the register
        ({"value": None}, "asked"),
    ],
)
def test_only_an_answer_that_counts_passes_by_itself(
    committee: Office, monkeypatch: pytest.MonkeyPatch, row: dict[str, Any], state: str
) -> None:
    rows = declarations("sources.yaml")
    keeper = next(one.ref for one in rows if one.value.office == "public_security")
    other = next(one.ref for one in rows if one.value.office != "public_security")
    told(monkeypatch, **{**row, "sources": [other if row.get("sources") else keeper]})
    case = applied(committee)
    calls.ask_due(AT)
    call = Call.objects.get()
    assert call.state == state
    assert bool(call.because.get("sources")) == (state == "passed")
    assert case.events.filter(what=f"call.{state}").count() == 1
    assert Notice.objects.filter(office=committee).exists() == (state == "asked")


def test_the_committee_sees_whom_it_must_see_and_each_look_is_written_down(committee: Office) -> None:
    case = applied(committee)
    person = case.subject.person  # type: ignore[union-attr]
    calls.ask_due(AT)
    call = Call.objects.get()
    worker, other = (
        make_actor(committee, "committee"),
        make_actor(Office.objects.get(place__code=THERE), "committee"),
    )
    client = browser_of(worker)
    start = client.get("/field/")
    assert start.status_code == 302 and start["Location"] == "/field/calls/"
    listed = said(client.get("/field/calls/"))
    assert "核实是否住在本居委" in listed and person.name not in listed
    assert browser_of(other).get(f"/field/calls/{call.ref}/").status_code == 404
    assert person.name in said(client.get(f"/field/calls/{call.ref}/"))
    looks = [audit.body_of(one) for one in AuditEntry.objects.filter(subjects__subject=person.subject)]
    assert [one["body"]["call"] for one in looks if one and one["verb"] == "read"] == [call.ref]
    unsaid = client.post(f"/field/calls/{call.ref}/answer", {"outcome": "not_so", "note": ""})
    assert unsaid.status_code == 422 and 'role="alert"' in said(unsaid)
    away = client.post(f"/field/calls/{call.ref}/answer", {"outcome": "away", "note": "下午再去"})
    assert away.status_code == 302
    assert "去过 1 次" in said(client.get("/field/calls/"))
    assert client.post(f"/field/calls/{call.ref}/answer", {"outcome": "so"}).status_code == 302
    again = client.post(f"/field/calls/{call.ref}/answer", {"outcome": "so"})
    assert again.status_code == 409
    call.refresh_from_db()
    assert (call.state, call.outcome, call.answered_by_id) == ("done", "so", worker.party_id)
    assert person.name not in said(client.get(f"/field/calls/{call.ref}/")), "the ground for looking is gone"
    assert calls.counted(committee.pk, AT - timedelta(days=1)) == (0, 1, 0)


def test_what_goes_on_without_it_is_recalled(committee: Office) -> None:
    case = applied(committee)
    calls.ask_due(AT)
    Case.objects.filter(pk=case.pk).update(state="closed")
    assert calls.recall_over(AT) == 1
    assert Call.objects.get().state == "recalled"


def test_a_report_is_looked_at_before_anybody_is_sent(data_dir: object) -> None:
    from liangwang.operations.actions import report

    load_city()
    place = Place.objects.filter(level="neighbourhood", ended_at=None).exclude(lon=None).order_by("code")[0]
    _, actor = make_applicant()
    assert place.lon is not None and place.lat is not None
    with write():
        row = report(
            actor=actor,
            at=AT,
            kind="street_order:charging_inside",
            point=(place.lon, place.lat),
            text="三楼楼道",
        )
    assert (calls.ask_due(AT), calls.ask_due(AT)) == (1, 0)
    look = Call.objects.get()
    assert (look.way, look.office.place, look.subject) == ("check", place, None)
    with write():
        actions.confirm_case(
            actor=make_actor(Office.objects.get(key=f"operations.{place.code[:9]}"), "duty_officer"), at=AT, case=row.case,
            confirmed=True,
        )  # fmt: skip
    assert calls.recall_over(AT) == 1
    calls.ask_due(AT)
    assert list(Call.objects.order_by("id").values_list("way", "state")) == [
        ("check", "recalled"),
        ("visit", "asked"),
    ]


def test_saved_work_is_counted_from_what_was_handed_in(committee: Office) -> None:
    from liangwang.services.models import Draft, ItemVersion, Submission
    from liangwang.services.queries.saved import saved_in

    case = applied(committee)
    assert case.subject is not None
    needs = [{"way": way} for way in ("certificate", "attribute", "ask", "commitment", "form")]
    _submission(
        case, case.subject, {"known": {"a.b": {}, "a.c": {}}, "needs": needs}, Draft, ItemVersion, Submission
    )
    assert saved_in(HERE, AT - timedelta(days=1)) == (1, 2, 2)
    assert saved_in(HERE, AT + timedelta(days=1)) == (0, 0, 0)
    assert saved_in(THERE, AT - timedelta(days=1)) == (0, 0, 0)


def _submission(case: Case, subject: Subject, evidence: dict[str, Any], *tables: Any) -> None:
    drafts, versions, submissions = tables
    version = versions.objects.create(key="a:a", hash="h", body={}, published_at=AT)
    draft = drafts.objects.create(applicant=subject, key="a:a", version=version, created_at=AT, updated_at=AT)
    submissions.objects.create(
        draft=draft, case=case, version=version, key="a:a", applicant=subject, answers={}, evidence=evidence, hash="h",
        submitted_at=AT,
    )  # fmt: skip
