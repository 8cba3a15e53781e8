"""The city code walk: three offices' records become a status at a gate, and nothing of it is left when the order ends."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from liangwang import worker
from liangwang.base import clock, events, hats
from liangwang.base.models import AuditEntry, Office, Party, Post
from liangwang.base.subjects import person_by_identity
from liangwang.cases.models import Case
from liangwang.engines.sign import Signer
from liangwang.hub import attributes, queries
from liangwang.services import code_tokens, gate_list, gate_log
from tests.hub import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "walk-key-" + "x" * 32
NUMBER = "演示应急令〔2020〕1号"


@pytest.fixture(autouse=True)
def city(data_dir: Path) -> Iterator[Path]:
    """A neighbourhood, offices, four people, a gate, and the clock at noon of 12 April 2020."""
    code_tokens.forget_keys()
    gate_log.seen.close()
    gate_log.log.close()
    gate_list.forget()
    until(make.AT)
    city = make.place("31", "city", "city")
    district = make.place("310105", "district", "district")
    street = make.place("310105012", "street", "street")
    home = make.place()
    make.office()
    for key, department, place in [("health-d", "health", district), ("centre", "operations", street)]:
        kind = "operations_centre" if department == "operations" else "department"
        name = {"zh": key, "en": key}
        Office.objects.create(
            key=key, name=name, department=department, kind=kind, level=place.level, place=place
        )
    for n in range(4):
        make.person(n, home=home)
    gate_list.open_gate(key="east", name={"zh": "东门", "en": "East gate"}, place=city)
    gate_list.write_state(clock.now())
    hats.issue_source_key(KEY, name="exchange", office=make.office(), sources=["*"])
    yield data_dir
    clock.shift(timedelta())
    gate_log.seen.close()
    gate_log.log.close()
    code_tokens.forget_keys()
    gate_list.forget()


def until(at: datetime) -> None:
    """Moves the clock to an instant; it runs on from there."""
    clock.shift(at - datetime.now(UTC))


def work() -> None:
    """What the worker does until nothing is left: effects and long jobs."""
    while events.run_due(clock.now()) or worker.next_job(clock.now()):
        pass


def signed_in(login: str, role: str = "", n: int | None = None) -> Client:
    """A browser in which someone is signed in: an officer of the health office, or person number n."""
    party, _ = Party.objects.get_or_create(login_name=login)
    if n is not None:
        person = person_by_identity(make.identity_number(n))
        assert person is not None
        party.subject = person.subject
        party.save()
    elif not party.posts.exists():
        Post.objects.create(party=party, office=make.office(), role=role)
    client = Client()
    client.force_login(party)
    return client


def push(source: str, *rows: list[Any], encoding: str = "utf-8", key: str = KEY) -> Any:
    body = make.sheet(source, *rows, encoding=encoding)
    return Client().post(
        f"/api/v1/batches/{source}", body, content_type="text/csv", headers={"Authorization": f"Bearer {key}"}
    )


def reported(answer: Any) -> dict[str, Any]:
    report: dict[str, Any] = (
        Client().get(answer.json()["report"], headers={"Authorization": f"Bearer {KEY}"}).json()
    )
    return report


def gate(code: str) -> dict[str, Any]:
    """An unattended gate asks."""
    body = json.dumps({"code": code, "gate": "east"})
    asked = Client().post(
        "/twin/gate/check", body, content_type="application/json", headers={"Authorization": f"Bearer {KEY}"}
    )
    assert asked.status_code == 200, asked.content
    said: dict[str, Any] = asked.json()
    return said


def opened_order() -> None:
    """Two officers on the workbench put an order into force."""
    first, second = signed_in("officer-1", "duty_officer"), signed_in("officer-2", "duty_officer")
    ends = (clock.now() + timedelta(days=30)).date().isoformat()
    first.post("/staff/orders/open", {"number": NUMBER, "basis": "演示", "ends_on": ends})
    order = queries.orders().get()
    first.post(f"/staff/orders/{order.ref}/sign")
    assert queries.order_in_force("city_code", clock.now()) is None  # the one who proposed it cannot sign it
    second.post(f"/staff/orders/{order.ref}/sign")
    assert queries.order_in_force("city_code", clock.now()) == order
    work()


def code_of(client: Client) -> dict[str, Any]:
    """What the person's code page holds."""
    page = client.get("/code/")
    assert page.status_code == 200
    code: dict[str, Any] = page.context["code"]
    return code


def test_records_become_a_status_at_a_gate_and_leave_no_trace_when_the_order_ends(city: Path) -> None:
    # Routine: the office cannot deliver, and the code shows identity without a colour.
    refused = push("fever_clinics", make.visit(1))
    assert (refused.status_code, refused.json()["error"]) == (409, "outside_order")
    resident = signed_in("resident-3", n=3)
    routine = code_of(resident)
    assert (routine["status"], routine["order"]) == (None, None)
    said = gate(routine["text"])
    assert (said["ok"], said["status"], said["until"], said["name"]) == (True, None, None, "张*")

    # Under an order three sources deliver; one has bad rows, told with every reason; good rows are kept.
    until(make.AT + timedelta(minutes=20))
    opened_order()
    wrong = make.visit(2, identity="310105199005150021", temperature="99", result="?")
    visits = [make.visit(1, result="pending", days_ago=2), wrong, ["x"], make.visit(0), make.visit(3)]
    first = push("fever_clinics", *visits, encoding="gb18030")
    assert first.status_code == 202
    assert push("travel", make.trip(3, risk="high", days_ago=4), make.trip(0)).status_code == 202
    assert push("community", make.registration(2, identity=""), make.registration(9)).status_code == 202
    work()
    report = reported(first)
    assert "refusal" not in report, report
    assert (report["state"], report["accepted"], report["linked"], report["rejected_total"]) == (
        "loaded",
        3,
        3,
        2,
    )
    reasons = {row["row"]: [why["code"] for why in row["reasons"]] for row in report["rejected"]}
    assert reasons == {2: ["check_digit", "above", "unknown_code"], 3: ["cells"]}
    again = push("fever_clinics", *visits, encoding="gb18030")
    assert (again.status_code, again.json()["batch"]) == (200, first.json()["batch"])
    assert push("travel", make.trip(1), key="wrong").status_code == 401

    # Linked and reconciled: two sources agree on the phone of person 3.
    person = person_by_identity(make.identity_number(3))
    assert person is not None
    known = {row["attribute"]: row for row in queries.known(person.pk, "city_code")}
    assert (known["phone"]["state"], known["phone"]["sources"]) == (
        "verified",
        ["city_code:fever_clinics", "city_code:travel"],
    )

    # The person's page: colour, reason, until-date; the code in the QR; and why.
    code = code_of(resident)
    assert (code["status"], code["until"].isoformat()) == ("red", "2020-04-21")
    assert code["reason"]["zh"] == "近期离开高风险地区，观察期未满"
    why = resident.get("/code/why/").context["chain"]
    assert [row["source"] for row in why["records"]] == ["fever_clinics", "travel"]
    assert code_of(signed_in("resident-1", n=1))["status"] == "yellow"
    assert code_of(signed_in("resident-0", n=0))["status"] == "green"

    # The gate: verified, and the forged, the expired and the replayed get a red cross.
    said = gate(code["text"])
    assert (said["ok"], said["status"], said["until"]) == (False, "red", "2020-04-21")
    assert "reason" in said and "高风险" not in json.dumps(said, ensure_ascii=False)
    assert gate(code["handle"])["status"] == "red"
    stranger = Signer.of(ec.generate_private_key(ec.SECP256R1()), code_tokens.PREFIX)
    posing = Signer(code_tokens.PREFIX, code_tokens.signer().kid, stranger.key, stranger.cose)
    now = int(clock.now().timestamp())
    assert gate(posing.mint({4: now + 600, 6: now, 7: b"8 bytes!", -70001: 1}))["reason"] == "forged"
    clock.shift(clock.now() - datetime.now(UTC) + timedelta(seconds=30))
    assert gate(code["text"])["reason"] == "replayed"
    clock.shift(clock.now() - datetime.now(UTC) + timedelta(minutes=12))
    assert gate(code["text"])["reason"] == "expired"
    assert gate(code["handle"])["reason"] == "expired"

    # The gate's own phone has what it needs to verify offline.
    keeper = signed_in("keeper", "gatekeeper")
    assert "东门" in keeper.get("/gate/").content.decode()
    assert keeper.get("/gate/list").json()["list"].startswith(code_tokens.LIST_PREFIX)
    brought = {
        "gate": "east",
        "key": "phone-1-0001",
        "passes": [{"at": clock.now().timestamp(), "colour": "green"}],
    }
    for _ in range(2):
        assert keeper.post("/gate/passes", brought, content_type="application/json").json() == {"taken": 1}

    # An appeal opens a case.
    resident.post("/code/appeal/", {"text": "我四月没有离开过上海"})
    case = Case.objects.get(pack="city_code")
    assert case.subject_id == person.pk
    assert case.kind == "application"

    # The data desk shows sources, batches, reasons and the published attribute.
    desk = signed_in("engineer", "data_engineer")
    for path in (
        "/data/",
        "/data/batches/",
        "/data/sources/city_code:travel/",
        "/data/conflicts/",
        "/data/attributes/",
    ):
        assert desk.get(path).status_code == 200, path
    page = desk.get(f"/data/batches/{first.json()['batch']}/").content.decode()
    assert "体温大于 43" in page
    assert make.identity_number(2) not in page

    # Passes have flowed back without a person.
    assert gate_log.collect(clock.now(), before_slot=10**12) >= 4
    assert set(queries_passes()) >= {"red", "cross", "green", "routine"}

    # The order ends: no colour anywhere, at once; a code of before is void.
    last = code_of(resident)
    officer = signed_in("officer-2", "duty_officer")
    order = queries.orders().get()
    clock.shift(clock.now() - datetime.now(UTC) + timedelta(seconds=5))
    officer.post(f"/staff/orders/{order.ref}/end", {"reason": "响应解除"})
    work()
    assert gate(last["text"])["reason"] == "revoked"
    assert code_of(resident)["status"] is None
    assert gate(code_of(resident)["text"])["status"] is None
    assert attributes.current(gate_list.STATUS_ATTRIBUTE) is None
    assert push("travel", make.trip(1, no="T9")).status_code == 409

    # On its day the data is erased, and that is proved.
    clock.shift(clock.now() - datetime.now(UTC) + timedelta(days=31))
    worker.tick(clock.now())
    work()
    order.refresh_from_db()
    assert order.erased_at is not None
    assert order.erasure["left"] == {"city_code": {"files": 0, "map_files": 0}}
    assert order.erasure["held"]["city_code"]["rows"] > 5
    assert [p for p in city.rglob("*city_code*") if p.is_file()] == []
    erased = [e for e in AuditEntry.objects.all() if e.body and b'"erased"' in bytes(e.body)]
    assert len(erased) == 1


def queries_passes() -> dict[str, int]:
    from liangwang.hub.passes import pass_counts

    return pass_counts(clock.now() - timedelta(days=1))
