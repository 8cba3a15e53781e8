"""The phone in the field: accept, arrive, photograph, report; decline; verify; report what one sees."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.models import Office
from liangwang.base.transactions import write
from liangwang.cases import actions
from liangwang.cases.models import Case, Task
from liangwang.operations.dispatch_models import Crew
from tests.cases.factories import (
    AT,
    Street,
    make_actor,
    make_office,
    make_street,
    node,
    open_application,
    open_incident,
)
from tests.operations.factories import STREET, load_city
from tests.web.posts import browser, photo, said

pytestmark = pytest.mark.django_db
REPAIR = (
    node(
        "repair", by={"crew": {"skill": "cover_repair", "of": "asset_owner"}}, within={"minutes": 120}, verify="other",
        stage="handle", proof=["photo_before", "photo_after"],
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def monday() -> object:
    """The pages are read on the Monday of the factories."""
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


@pytest.fixture
def street() -> Street:
    return make_street()


@pytest.fixture
def task(street: Street, data_dir: object) -> Task:
    """A repair that the crew was sent to."""
    case = open_incident(street, REPAIR)
    one = case.tasks.get()
    with write():
        actions.assign_task(
            actor=make_actor(street.centre, "duty_officer"), at=AT, task=one, crew_office=street.crew,
            because={"minutes": 4.2, "why": {"zh": "权属单位的队伍", "en": "the owner's crew"}, "others": []},
        )  # fmt: skip
    return Task.objects.get(pk=one.pk)


def press(client: Client, task: Task, verb: str, **fields: object) -> int:
    return int(client.post(f"/field/tasks/{task.ref}/{verb}", fields).status_code)


def reported(street: Street, task: Task) -> Client:
    crew = browser(street.crew, "crew")
    for verb in ("accept", "arrive"):
        assert press(crew, task, verb) == 302
    for kind in ("photo_before", "photo_after"):
        assert press(crew, task, "photo", kind=kind, photo=photo()) == 302
    assert press(crew, task, "report", note="复位并加固") == 302
    return crew


def test_a_crew_sees_where_why_and_the_next_step(street: Street, task: Task) -> None:
    crew = browser(street.crew, "crew")
    assert "井盖移位" in said(crew.get("/field/"))
    shown = said(crew.get(f"/field/tasks/{task.ref}/"))
    assert "接单" in shown and "权属单位的队伍" in shown
    assert 'data-stage="assigned">' in shown and 'data-stage="accepted" hidden' in shown
    assert "井盖移位" not in said(browser(street.other_crew, "crew").get("/field/"))


def test_a_report_without_photos_is_refused_in_words_and_keeps_the_note(street: Street, task: Task) -> None:
    crew = browser(street.crew, "crew")
    press(crew, task, "accept")
    press(crew, task, "arrive")
    refused = crew.post(f"/field/tasks/{task.ref}/report", {"note": "复位并加固"})
    assert refused.status_code == 422
    assert "还缺" in said(refused) and "复位并加固" in said(refused)


def test_a_file_that_is_no_picture_is_refused(street: Street, task: Task) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    crew = browser(street.crew, "crew")
    press(crew, task, "accept")
    press(crew, task, "arrive")
    wrong = SimpleUploadedFile("virus.jpg", b"MZ not a picture", "image/jpeg")
    answer = crew.post(f"/field/tasks/{task.ref}/photo", {"kind": "photo_before", "photo": wrong})
    assert 400 <= answer.status_code < 500 and 'role="alert"' in said(answer)
    assert press(crew, task, "photo", kind="photo_before") >= 400  # none chosen


def test_a_crew_may_not_verify_itself_and_a_supervisor_sends_it_back(street: Street, task: Task) -> None:
    crew = reported(street, task)
    assert press(crew, task, "verify", passed="yes") in (403, 404)
    supervisor = browser(street.grid, "supervisor")
    assert "井盖移位" in said(supervisor.get("/field/"))
    shown = said(supervisor.get(f"/field/tasks/{task.ref}/"))
    assert "处置前后对照" in shown and shown.count("<img") == 2
    without = supervisor.post(f"/field/tasks/{task.ref}/verify", {"passed": "no", "note": ""})
    assert without.status_code == 422 and 'role="alert"' in said(without)
    assert press(supervisor, task, "verify", passed="no", note="盖框还有缝") == 302
    again = said(crew.get(f"/field/tasks/{task.ref}/"))
    assert "上次核查未通过" in again and "盖框还有缝" in again
    task.refresh_from_db()
    assert (task.state, task.attempt) == ("accepted", 2)


def test_passed_work_is_listed_as_done(street: Street, task: Task) -> None:
    crew = reported(street, task)
    supervisor = browser(street.grid, "supervisor")
    assert press(supervisor, task, "verify", passed="yes") == 302
    for client in (crew, supervisor):
        assert task.case.number in said(client.get("/field/done/"))


def test_declining_needs_a_reason_from_the_list_and_happens_once(street: Street, task: Task) -> None:
    crew = browser(street.crew, "crew")
    wrong = crew.post(f"/field/tasks/{task.ref}/decline", {"reason": "no mood", "decline_note": "车坏了"})
    assert wrong.status_code >= 400 and "车坏了" in said(wrong)
    reason = next(iter(actions.DECLINE_REASONS))
    assert press(crew, task, "decline", reason=reason, decline_note="车坏了") == 302
    task.refresh_from_db()
    assert task.crew_office is None and task.declined == 1


def test_steps_of_peoples_applications_have_no_page_here(street: Street) -> None:
    case = open_application(make_office("health-y", street.place, "health"))
    one = case.tasks.filter(state="ready").first()
    assert one is not None
    assert browser(street.centre, "duty_officer").get(f"/field/tasks/{one.ref}/").status_code == 404


def test_photos_stay_behind_the_door_of_their_task(street: Street, task: Task) -> None:
    crew = reported(street, task)
    address = f"/field/tasks/{task.ref}/proofs/{task.proofs.first().ref}"  # type: ignore[union-attr]
    assert crew.get(address).status_code == 200
    assert browser(street.other_crew, "crew").get(address).status_code == 404
    assert Client().get(address).status_code in (302, 404)


@pytest.fixture
def committee(data_dir: object) -> Client:
    load_city()
    return browser(
        Office.objects.filter(key__startswith=f"committee.{STREET}").order_by("key")[0], "committee"
    )


def test_a_report_says_what_is_missing_and_keeps_what_was_typed(committee: Client) -> None:
    wrong = committee.post(
        "/field/report/", {"address": "长宁路515号门口", "text": "盖子翘起来了", "photo": photo()}
    )
    page = said(wrong)
    assert wrong.status_code == 422 and "请选择看到了什么" in page and "或选择所在居委" in page
    assert "长宁路515号门口" in page and "盖子翘起来了" in page and "请重新选择照片" in page


def test_a_report_sent_twice_opens_one_case_that_the_officer_confirms(committee: Client) -> None:
    form = {
        "what": "manholes:moved", "at_lon": "122.481", "at_lat": "30.491", "address": "幼儿园门口",
        "text": "盖子翘起来了", "idempotency_key": "one-form",
    }  # fmt: skip
    for _ in range(2):
        assert committee.post("/field/report/", form).status_code == 302
    case = Case.objects.get()
    assert case.state == "open" and case.source == "report"
    duty = browser(Office.objects.get(key=f"operations.{STREET}"), "duty_officer")
    assert case.number in said(duty.get("/staff/"))
    shown = said(duty.get(f"/staff/incidents/{case.ref}/"))
    assert "需您核实" in shown and "盖子翘起来了" in shown and "幼儿园门口" in shown
    unsaid = duty.post(f"/staff/incidents/{case.ref}/confirm", {"confirmed": "no", "note": ""})
    assert unsaid.status_code == 422
    assert duty.post(f"/staff/incidents/{case.ref}/confirm", {"confirmed": "yes"}).status_code == 302
    case.refresh_from_db()
    assert case.state == "accepted"


def test_a_committee_worker_starts_with_the_report_form(street: Street) -> None:
    client = browser(street.grid, "committee")
    start = client.get("/field/")
    assert start.status_code == 302 and start["Location"] == "/field/report/"
    assert client.get("/field/report/").status_code == 200


# --- without a signal ------------------------------------------------------------------------------------


def queued(client: Client, task: Task, verb: str, key: str, **fields: object) -> tuple[int, dict[str, str]]:
    """What the phone's queue sends: with its key, for an answer in JSON."""
    answer = client.post(
        f"/field/tasks/{task.ref}/{verb}",
        {"idempotency_key": key, **fields},
        headers={"accept": "application/json"},
    )
    return answer.status_code, answer.json()


def test_what_waited_on_the_phone_is_done_in_order_and_once(street: Street, task: Task) -> None:
    crew = browser(street.crew, "crew")
    acts: list[tuple[str, dict[str, object]]] = [
        ("accept", {}), ("arrive", {}), ("photo", {"kind": "photo_before"}), ("photo", {"kind": "photo_after"}),
        ("report", {"note": "复位"}),
    ]  # fmt: skip
    for n, (verb, fields) in enumerate(acts):
        for _ in range(2):  # the first answer was lost on the way
            more = {"photo": photo()} if verb == "photo" else {}
            assert queued(crew, task, verb, f"key-of-act-{n}", **fields, **more) == (200, {})
    task.refresh_from_db()
    assert task.state == "reported" and task.proofs.count() == 2


def test_a_conflict_comes_back_in_words_and_changes_nothing(street: Street, task: Task) -> None:
    crew = browser(street.crew, "crew")
    status, said_why = queued(crew, task, "arrive", "key-of-arrive")  # not accepted yet
    assert status == 409 and said_why["message"]
    Task.objects.filter(pk=task.pk).update(crew_office=street.other_crew)  # given to another meanwhile
    gone = crew.post(f"/field/tasks/{task.ref}/accept", headers={"accept": "application/json"})
    assert gone.status_code == 404, "the page has its own words for it"
    task.refresh_from_db()
    assert task.state == "assigned"


def test_a_crew_says_whether_it_is_on_shift(data_dir: object) -> None:
    load_city()
    row = Crew.objects.filter(repairs=True)[0]
    crew = browser(row.office, "crew")
    assert crew.post("/field/shift", {"on": "no"}).status_code == 302
    row.refresh_from_db()
    assert not row.on_shift and "不在班" in said(crew.get("/field/"))
    assert crew.post("/field/shift", {"on": "yes"}).status_code == 302
    row.refresh_from_db()
    assert row.on_shift


def test_the_way_to_the_place_is_on_the_map(data_dir: object) -> None:
    load_city()
    row = Crew.objects.filter(office__key__startswith="crew.fallback.")[0]
    street = make_street()
    one = open_incident(street, REPAIR).tasks.get()
    Task.objects.filter(pk=one.pk).update(crew_office=row.office, state="accepted")
    type(one.case).objects.filter(pk=one.case_id).update(lon=122.485, lat=30.495)
    drawn = browser(row.office, "crew").get(f"/field/tasks/{one.ref}/way").json()["features"]
    lines = [f for f in drawn if f["properties"]["role"] == "way"]
    assert len(lines) == 1
    assert lines[0]["geometry"]["coordinates"][-1] == [122.485, 30.495]
    assert lines[0]["properties"]["minutes"] > 0
