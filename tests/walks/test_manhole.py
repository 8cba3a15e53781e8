"""A sensor reading to a closed incident: posted, judged, guarded, repaired, failed once, passed, closed, on the board."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from liangwang.base import clock, events
from liangwang.base.hats import issue_source_key
from liangwang.base.models import AuditEntry, Event, Notice, Office, Party, Post, PurposeGrant
from liangwang.base.transactions import write
from liangwang.cases.models import Case, Task
from liangwang.operations import actions, boards, datastreams, jobs, readings
from liangwang.operations.live import Live
from liangwang.operations.models import Signal
from tests.operations.factories import STREET, load_city

pytestmark = pytest.mark.django_db(transaction=True)

DAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday, 9:00 in the city
KEY = "the covers' key"
BACKEND = settings.AUTHENTICATION_BACKENDS[0]


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def until(minutes: float) -> None:
    """Moves the house's clock; the pages ask it what time it is."""
    clock.shift(at(minutes) - datetime.now(UTC))


@pytest.fixture
def city(data_dir: Path) -> Iterator[Path]:
    """Testville with one cover of the storm-drain office, whose sensor may post."""
    datastreams.forget()
    readings.close_log()
    until(0)
    with write():
        load_city()
        cover = actions.NewAsset(
            key="YS-0412",
            kind="cover",
            lon=122.481,
            lat=30.491,
            owner="rain",
            label={"zh": "雨 0412", "en": "rain 0412"},
        )
        actions.register_assets("manholes", [cover], at=DAY)
        office = Office.objects.get(key="operations.90")
        issue_source_key(KEY, name="covers", office=office, sources=["manholes:covers"])
    yield data_dir
    readings.close_log()
    datastreams.forget()
    clock.shift(timedelta())


def browser(office: Office, role: str, name: str = "") -> Client:
    """Someone signed in with a post in an office."""
    login = f"{role}@{office.key}{name}"
    party, made = Party.objects.get_or_create(
        login_name=login, defaults={"label": {"zh": login, "en": login}}
    )
    if made:
        Post.objects.create(party=party, office=office, role=role)
    client = Client(headers={"accept-language": "en"})
    client.force_login(party, backend=BACKEND)
    return client


def post_readings(*rows: tuple[float, float]) -> dict[str, Any]:
    """The sensor posts (minutes, tilt) as NDJSON, over the Django twin of POST /api/v1/readings."""
    body = "\n".join(
        json.dumps({"datastream": "YS-0412.tilt", "at": round(at(m).timestamp() * 1e6), "value": v, "seq": n})
        for n, (m, v) in enumerate(rows)
    )
    answer = Client().post(
        "/twin/readings",
        body,
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def photo() -> SimpleUploadedFile:
    raw = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(raw, "JPEG")
    return SimpleUploadedFile("cover.jpg", raw.getvalue(), "image/jpeg")


def press(client: Client, task: Task, verb: str, *, status: int = 302, **fields: Any) -> str:
    """Presses a button of the field page."""
    answer = client.post(f"/field/tasks/{task.ref}/{verb}", fields)
    assert answer.status_code == status, answer.content.decode()[-2000:]
    return str(answer.content.decode())


def work() -> None:
    """What the worker does until nothing is left."""
    while events.run_due(clock.now()):
        pass


def opened(live: Live) -> Case:
    """The cover tilts for more than a minute; the live process judges and opens the incident."""
    for tenth in range(50):
        until(tenth / 10)
        if tenth in {0, 5, 10, 15, 20}:
            sent = post_readings((tenth / 10, 40 if tenth else 2))
            assert sent == {"accepted": 1, "rejected": []}
        live.turn(at(tenth / 10))
    return Case.objects.get()


def task(case: Case, node: str) -> Task:
    return Task.objects.select_related("crew_office").get(case=case, node=node)


def crew_of(case: Case, node: str, name: str = "") -> Client:
    office = task(case, node).crew_office
    assert office is not None
    return browser(office, "crew", name)


def handle(client: Client, one: Task, *kinds: str) -> None:
    """Photos, then the report."""
    for kind in kinds:
        press(client, one, "photo", kind=kind, photo=photo(), lon="122.481", lat="30.491")
    press(client, one, "report", note="已复位")


def test_from_a_reading_to_a_closed_incident(city: Path) -> None:
    live = Live()
    case = opened(live)
    assert (case.level, case.state, case.stage, case.source) == ("red", "accepted", "dispatch", "rule")
    assert case.place is not None and case.place.code == STREET
    assert case.title["zh"] == "井盖移位 · 雨 0412"

    # the nearest anyone guards, the owner's crew repairs, and both know why
    guard, repair = task(case, "guard"), task(case, "repair")
    assert guard.state == repair.state == "assigned"
    assert repair.crew_office is not None and repair.crew_office.owner_of == ["rain"]
    assert repair.because["minutes"] > 0 and len(repair.because["others"]) == 3
    assert PurposeGrant.objects.get(case_ref=case.ref).ended_at is None

    until(6)
    guards, crew = crew_of(case, "guard"), crew_of(case, "repair")
    assert (
        "雨 0412" in crew.get("/field/").content.decode()
        or "rain 0412" in crew.get("/field/").content.decode()
    )
    press(guards, guard, "accept")
    press(crew, repair, "accept")
    press(crew, repair, "accept", status=409)  # a double click

    until(14)
    press(guards, guard, "arrive")
    handle(guards, guard, "photo_before")
    until(20)
    press(crew, repair, "arrive")
    press(crew, repair, "photo", kind="photo_before", photo=photo())
    assert "photo" in press(crew, repair, "report", status=422).lower()  # the photo after is missing
    until(40)
    handle(crew, repair, "photo_after")
    assert task(case, "repair").state == "reported"

    # nobody of the crew may verify; the grid's supervisor fails it, the clock goes on
    mate = crew_of(case, "repair", " mate")
    press(mate, repair, "verify", status=403, passed="yes")
    assert task(case, "repair").state == "reported"
    street = Office.objects.get(key=f"subdistrict.{STREET}")
    supervisor = browser(street, "supervisor")
    due = task(case, "repair").due_at
    press(supervisor, repair, "verify", passed="no", note="盖框还有缝")
    assert (task(case, "repair").state, task(case, "repair").due_at) == ("accepted", due)
    until(55)
    handle(crew, task(case, "repair"), "photo_before", "photo_after")
    press(supervisor, repair, "verify", passed="yes")
    assert task(case, "repair").state == "done" and task(case, "repair").attempt == 2

    # the duty officer, who neither did nor verified it, closes; minutes are on the board
    centre = Office.objects.get(key=f"operations.{STREET}")
    until(60)
    assert browser(street, "supervisor").post(f"/staff/incidents/{case.ref}/close").status_code in (403, 404)
    duty = browser(centre, "duty_officer")
    assert duty.post(f"/staff/incidents/{case.ref}/close", {"close_note": "已恢复"}).status_code in (200, 302)
    case.refresh_from_db()
    assert case.state == "closed"
    assert PurposeGrant.objects.get(case_ref=case.ref).ended_at is not None
    assert set(case.tasks.values_list("state", flat=True)) == {"done"}
    row = boards.board("90", at(61))["closed"][0]
    assert row["ref"] == case.ref
    minutes = row["minutes"]
    assert minutes["detect"] is not None and 0.5 <= minutes["detect"] <= 3
    assert minutes["assign"] == 0 and minutes["arrive"] is not None and 10 < minutes["arrive"] < 14
    assert minutes["close"] is not None and 56 < minutes["close"] < 60
    stages = [s for s in case.events.order_by("id").values_list("stage", flat=True) if s]
    assert list(dict.fromkeys(stages)) == [
        "report", "confirm", "accept", "file", "dispatch", "handle", "feedback", "verify", "close",
    ]  # fmt: skip

    # every act left its audit leaf, and each event was sent once
    assert AuditEntry.objects.count() >= 15
    kinds = list(Event.objects.filter(body__case=case.ref).values_list("type", flat=True))
    assert kinds.count("case.closed") == 1 and kinds.count("task.failed") == 1
    live.close()


def test_a_late_task_climbs_street_district_city_and_each_is_told_once(city: Path) -> None:
    live = Live()
    case = opened(live)
    for minutes, level in (
        (10, ""),
        (20, "street"),
        (21, "street"),
        (36, "district"),
        (52, "city"),
        (90, "city"),
    ):
        with write():
            jobs.tick(at(minutes))
        assert task(case, "guard").climbed == level, minutes
    told = Notice.objects.filter(template="task.late", key__startswith=task(case, "guard").ref).order_by("id")
    assert [notice.office.key for notice in told if notice.office] == [
        f"operations.{STREET}", f"operations.{STREET[:6]}", "operations.90",
    ]  # fmt: skip
    live.close()


def test_the_cover_that_tilts_again_is_the_same_incident(city: Path) -> None:
    live = Live()
    case = opened(live)
    for half_minutes in range(10, 20):
        until(half_minutes / 2)
        post_readings((half_minutes / 2, 2 if half_minutes < 12 else 40))
        live.turn(at(half_minutes / 2))
    assert Signal.objects.filter(case_ref=case.ref).count() == 2
    assert Case.objects.get().pk == case.pk
    live.close()


def test_a_report_from_a_neighbour_is_confirmed_first(city: Path) -> None:
    from liangwang.operations.actions import report
    from tests.cases.factories import make_actor

    committee = make_actor(
        Office.objects.filter(key__startswith="committee.").order_by("key")[0], "committee"
    )
    with write():
        row = report(
            actor=committee,
            at=DAY,
            kind="manholes:broken",
            point=(122.4805, 30.4917),
            text="井盖裂了",
            channel="field",
        )
    case = row.case
    assert (case.state, case.stage) == ("open", "report")
    centre = Office.objects.get(key=f"operations.{case.place.code if case.place else ''}")
    duty = browser(centre, "duty_officer")
    answer = duty.post(f"/staff/incidents/{case.ref}/confirm", {"confirmed": "yes"})
    assert answer.status_code in (200, 302)
    work()
    case.refresh_from_db()
    assert case.state == "accepted"
    assert task(case, "guard").state == "assigned"
    fallback = task(case, "repair").crew_office
    assert fallback is not None and fallback.owner_of == ["*"], (
        "the owner is not known: the street's fallback crew"
    )
