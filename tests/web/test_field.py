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


def test_a_committee_worker_chooses_what_it_is_and_then_says_where(committee: Client) -> None:
    kinds = said(committee.get("/field/report/"))
    assert "看到了什么" in kinds and "?what=street_order:rubbish" in kinds
    assert "暴露垃圾" in said(committee.get("/field/report/?what=street_order:rubbish"))


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


# --- while it is in hand ---------------------------------------------------------------------------------


@pytest.fixture
def crews(data_dir: object) -> list[Crew]:
    """The crews of the city that may all do the same repair, the nearest first."""
    load_city()
    rows = Crew.objects.filter(repairs=True, office__key__startswith="crew.fallback.").order_by("pk")
    first = rows[0]
    others = Crew.objects.filter(repairs=True).exclude(pk=first.pk).order_by("pk")[:2]
    for row in others:
        row.owners, row.skills = ["*"], first.skills
        row.save()
        Office.objects.filter(pk=row.office_id).update(place=first.office.place)
    return [first, *Crew.objects.filter(pk__in=[row.pk for row in others]).order_by("pk")]


@pytest.fixture
def in_hand(crews: list[Crew]) -> Task:
    """A repair that the first crew has accepted, in its own street."""
    street = make_street()
    case = open_incident(street, REPAIR)
    Case.objects.filter(pk=case.pk).update(lon=122.485, lat=30.495, place=crews[0].office.place)
    one = case.tasks.get()
    Task.objects.filter(pk=one.pk).update(crew_office=crews[0].office, state="accepted", assigned_at=AT)
    return Task.objects.select_related("case").get(pk=one.pk)


@pytest.mark.both_databases
def test_a_task_is_handed_over_only_once_the_other_crew_says_yes(crews: list[Crew], in_hand: Task) -> None:
    first, second, third = (browser(row.office, "crew") for row in crews)
    page = said(first.get(f"/field/tasks/{in_hand.ref}/"))
    assert crews[1].office.key in page and "转交给另一支队伍" in page
    unsaid = first.post(
        f"/field/tasks/{in_hand.ref}/hand-over", {"crew": crews[1].office.key, "relay_note": "差一块盖板"}
    )
    assert unsaid.status_code == 422 and "差一块盖板" in said(unsaid)
    assert (
        press(first, in_hand, "hand-over", why="tools", crew=crews[1].office.key, relay_note="差一块盖板")
        == 302
    )
    in_hand.refresh_from_db()
    assert in_hand.crew_office_id == crews[0].office_id, "asked is not given"
    assert "对方答应前，仍由您办理" in said(first.get(f"/field/tasks/{in_hand.ref}/"))
    offer = said(second.get("/field/"))
    assert "请您接手" in offer and "差一块盖板" in offer
    address = "/field/relays/" + offer.partition("/field/relays/")[2].partition('"')[0]
    assert third.post(address, {"taken": "yes"}).status_code == 404
    assert second.post(address, {"taken": "yes"}).status_code == 302
    in_hand.refresh_from_db()
    assert (in_hand.crew_office_id, in_hand.state) == (crews[1].office_id, "accepted")
    assert first.get(f"/field/tasks/{in_hand.ref}/").status_code == 404
    assert second.post(address, {"taken": "yes"}).status_code == 302  # a double click changes nothing
    assert "已接手（缺工具、材料或人手）" in said(second.get(f"/field/tasks/{in_hand.ref}/"))


@pytest.mark.both_databases
def test_what_was_asked_before_is_recalled_and_a_reported_task_stays(
    crews: list[Crew], in_hand: Task
) -> None:
    first, second, third = (browser(row.office, "crew") for row in crews)
    for row in crews[1:]:
        assert press(first, in_hand, "hand-over", why="tools", crew=row.office.key) == 302
    assert "请您接手" not in said(second.get("/field/"))
    offer = said(third.get("/field/"))
    Task.objects.filter(pk=in_hand.pk).update(state="reported")
    address = "/field/relays/" + offer.partition("/field/relays/")[2].partition('"')[0]
    third.post(address, {"taken": "yes"})
    in_hand.refresh_from_db()
    assert in_hand.crew_office_id == crews[0].office_id


def test_more_time_is_asked_for_and_a_demand_answered_from_the_phone(street: Street, task: Task) -> None:
    crew = browser(street.crew, "crew")
    press(crew, task, "accept")
    day = (AT + timedelta(days=3)).date().isoformat()
    without = crew.post(f"/field/tasks/{task.ref}/defer", {"how": "shelve", "until": day, "defer_note": ""})
    assert without.status_code == 422 and 'role="alert"' in said(without)
    assert press(crew, task, "defer", how="postpone", until=day, defer_note="等盖板到货") == 302
    task.refresh_from_db()
    assert task.state == "accepted" and (task.defer_asked or {})["how"] == "postpone"
    assert "已申请缓办到" in said(crew.get(f"/field/tasks/{task.ref}/"))
    with write():
        actions.supervise_task(
            actor=make_actor(street.centre, "duty_officer"), at=AT, task=task, note="今天要办完"
        )
    shown = said(crew.get(f"/field/tasks/{task.ref}/"))
    demand = task.case.supervisions.get()
    assert "今天要办完" in shown
    assert press(crew, task, "reply", demand=demand.ref, reply="盖板下午到，五点前装好") == 302
    demand.refresh_from_db()
    assert demand.reply == "盖板下午到，五点前装好"
    assert "今天要办完" not in said(crew.get(f"/field/tasks/{task.ref}/")).partition("经过")[0]


def test_what_waited_says_when_it_was_done_and_a_wrong_clock_is_not_believed(
    street: Street, task: Task
) -> None:
    crew = browser(street.crew, "crew")
    clock.shift(AT + timedelta(minutes=40) - datetime.now(UTC))
    queued(crew, task, "accept", "key-of-accept", waited_s="1500")
    queued(crew, task, "arrive", "key-of-arrive", waited_s="5")
    queued(crew, task, "photo", "key-of-photo", waited_s="900000", kind="photo_before", photo=photo())
    accepted = task.events.get(what="task.accepted")
    assert datetime.fromisoformat(accepted.body["did_at"]) - AT == pytest.approx(
        timedelta(minutes=15), abs=timedelta(seconds=5)
    )
    assert "did_at" not in task.events.get(what="task.arrived").body
    shown = said(crew.get(f"/field/tasks/{task.ref}/"))
    assert shown.count("在没有信号处已办") == 1
    task.refresh_from_db()
    assert task.accepted_at and task.accepted_at - AT > timedelta(minutes=39), (
        "clocks count from what arrived"
    )
    proof = task.proofs.get()
    assert proof.at - AT > timedelta(minutes=39), "more than three days is not believed"


def test_what_was_declined_in_time_without_a_signal_is_not_late(street: Street, task: Task) -> None:
    crew, reason = browser(street.crew, "crew"), next(iter(actions.DECLINE_REASONS))
    clock.shift(AT + timedelta(minutes=40) - datetime.now(UTC))
    late, said_why = queued(crew, task, "decline", "key-of-late-one", reason=reason)
    assert late == 409 and said_why["message"]
    assert queued(crew, task, "decline", "key-of-decline", reason=reason, waited_s="1200") == (200, {})


def test_a_crew_learns_what_became_of_a_task_that_it_had(street: Street, task: Task) -> None:
    crew, other = browser(street.crew, "crew"), browser(street.other_crew, "crew")
    queued(crew, task, "accept", "key-of-accept")
    Task.objects.filter(pk=task.pk).update(crew_office=street.other_crew)
    told = crew.get(f"/field/tasks/{task.ref}/became?key=key-of-accept").json()
    assert told["done"] and "已交给" in told["message"]
    assert not crew.get(f"/field/tasks/{task.ref}/became?key=key-of-other").json()["done"]
    assert other.get(f"/field/tasks/{task.ref}/became").status_code == 404, "it never had it"
    assert browser(street.grid, "crew").get(f"/field/tasks/{task.ref}/became").status_code == 404


# --- what a picture may carry ----------------------------------------------------------------------------

SCRIPT = b"<script>alert(1)</script>"
PAGE = b"<html><body>" + SCRIPT + b"</body></html>"


def spiked() -> bytes:
    """A JPEG that is also a web page: a script in its comment, its EXIF with a position, and behind its end."""
    import io

    from PIL import Image

    raw, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = SCRIPT.decode()  # description
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[2] = "N", (31.0, 13.0, 5.0)  # where it was taken
    Image.new("RGB", (16, 16), "grey").save(raw, "JPEG", exif=exif, comment=PAGE)
    return raw.getvalue() + PAGE


@pytest.mark.parametrize("name", ["cover.svg", "cover.jpg", "cover.html"])
def test_a_picture_that_is_a_program_is_refused(street: Street, task: Task, name: str) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    crew = browser(street.crew, "crew")
    press(crew, task, "accept")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"
    for raw in (svg, PAGE, b"<?xml version='1.0'?>" + svg):
        wrong = SimpleUploadedFile(name, raw, "image/jpeg")
        assert press(crew, task, "photo", kind="photo_before", photo=wrong) == 415
    assert not task.proofs.exists()


def test_of_a_picture_only_its_pixels_are_kept(street: Street, task: Task) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    raw = spiked()
    assert SCRIPT in raw and b"Exif" in raw
    crew = browser(street.crew, "crew")
    press(crew, task, "accept")
    brought = SimpleUploadedFile("cover.jpg", raw, "image/jpeg")
    assert press(crew, task, "photo", kind="photo_before", photo=brought, lon="121.43", lat="31.22") == 302
    proof = task.proofs.get()
    answer = crew.get(f"/field/tasks/{task.ref}/proofs/{proof.ref}")
    kept = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "image/jpeg" and answer["X-Content-Type-Options"] == "nosniff"
    assert b"script" not in kept and b"Exif" not in kept and kept.startswith(b"\xff\xd8")
    assert (proof.lon, proof.lat) == (121.43, 31.22), "the phone's own word, beside the picture and not in it"
