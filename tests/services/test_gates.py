"""Gates: what passes, what gets a red cross and why, and what is left behind."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liangwang.base import clock
from liangwang.base.hats import ANONYMOUS
from liangwang.engines.sign import ALPHABET, Signer
from liangwang.hot import HotRequest
from liangwang.hub import derive, store
from liangwang.hub.passes import pass_counts
from liangwang.services import code_tokens, codes, gate_list, gate_log, gates, jobs_codes
from tests.hub import factories as make
from tests.tries import tries

pytestmark = pytest.mark.django_db
AT = make.AT
GATE = "east"


@pytest.fixture(autouse=True)
def gate(data_dir: object) -> Iterator[None]:
    code_tokens.forget_keys()
    gate_log.seen.close()
    gate_log.log.close()
    make.place()
    gate_list.open_gate(key=GATE, name={"zh": "东门", "en": "East gate"})
    gate_list.open_gate(key="west", name={"zh": "西门", "en": "West gate"})
    gate_list.write_state(AT)
    yield
    gate_log.seen.close()
    gate_log.log.close()
    code_tokens.forget_keys()
    gate_list.forget()


def red_person() -> codes.Code:
    person = make.person(1)
    make.order()
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="high", days_ago=4)))
    derive.run(gate_list.STATUS_ATTRIBUTE, None, AT)
    gate_list.write_state(AT)
    return codes.mint(person.pk, person.name, AT)


def test_in_routine_both_forms_pass_with_identity_and_no_colour() -> None:
    code = codes.mint(make.person(1).pk, "张一", AT)
    for form in (code.text, code.handle):
        said = gates.check(form, GATE, AT)
        assert (said["ok"], said["status"], said["until"], said["reason"]) == (True, None, None, None)


def test_under_an_order_both_forms_show_the_colour_and_until_date() -> None:
    code = red_person()
    for form in (code.text, code.handle):
        said = gates.check(form, GATE, AT)
        assert (said["ok"], said["status"], said["until"]) == (False, "red", "2020-04-21")
        assert said["reason"] is None  # why she is red is on her own page


def test_a_person_without_a_status_is_checked_by_hand() -> None:
    make.order()
    gate_list.write_state(AT)
    said = gates.check(codes.mint(make.person(1).pk, "张一", AT).text, GATE, AT)
    assert (said["ok"], said["reason"]) == (False, "no_status")


def test_expired_early_forged_and_foreign_codes_get_a_cross_with_the_reason() -> None:
    code = codes.mint(make.person(1).pk, "张一", AT)
    later, sooner = AT + timedelta(minutes=12), AT - timedelta(minutes=2)
    changed = code.text[:-1] + ALPHABET[(ALPHABET.index(code.text[-1]) + 1) % 45]
    foreign = Signer.of(ec.generate_private_key(ec.SECP256R1()), code_tokens.PREFIX).mint(
        {4: 9, 6: 1, 7: b"x"}
    )
    reasons = [
        gates.check(form, GATE, at)["reason"]
        for form, at in [
            (code.text, later),
            (code.handle, later),
            (code.text, sooner),
            (code.handle, sooner),
            (foreign, AT),
            ("0" * 26, AT),
            ("HELLO", AT),
        ]
    ]
    assert reasons == ["expired", "expired", "early", "early", "unknown_key", "forged", "unreadable"]
    assert gates.check(changed, GATE, AT)["reason"] in {"forged", "unreadable"}


def test_a_code_shown_again_at_the_same_gate_is_replayed_but_a_double_scan_is_not() -> None:
    code = codes.mint(make.person(1).pk, "张一", AT)
    for form in (code.text, code.handle):
        assert gates.check(form, GATE, AT)["ok"]
        assert gates.check(form, GATE, AT + timedelta(seconds=3))["ok"]
        assert gates.check(form, GATE, AT + timedelta(seconds=30))["reason"] == "replayed"
        assert gates.check(form, "west", AT + timedelta(seconds=40))["ok"]


def test_another_process_notices_the_replay_too() -> None:
    code = codes.mint(make.person(1).pk, "张一", AT)
    assert gates.check(code.text, GATE, AT)["ok"]
    own = gate_log.seen._own(gate_log.folder() / "seen")
    own.rename(own.with_name(f"{gate_log.seen.slot}-1"))  # as if process 1 had written it
    gate_log.seen.close()
    assert gates.check(code.text, GATE, AT + timedelta(seconds=30))["reason"] == "replayed"


def test_a_worse_status_voids_living_codes() -> None:
    person = make.person(1)
    make.order()
    derive.run(gate_list.STATUS_ATTRIBUTE, None, AT)
    gate_list.write_state(AT)
    green = codes.mint(person.pk, person.name, AT)
    assert gates.check(green.text, GATE, AT)["status"] == "green"
    later = AT + timedelta(minutes=1)
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="high", days_ago=4)), later)
    version = derive.run(gate_list.STATUS_ATTRIBUTE, [person.pk], later)
    assert version is not None
    from liangwang.base.models import Event

    jobs_codes.void_worse(Event.objects.get(ref=version.version))
    gate_list.write_state(later)
    assert gates.check(green.text, "west", later)["reason"] == "revoked"
    assert gates.check(green.handle, "west", later)["status"] == "red"


def test_the_hot_route_answers_and_says_what_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT)
    code = codes.mint(make.person(1).pk, "张一", AT)

    def asked(body: bytes) -> tuple[int, dict[str, object]]:
        got = gates.handle(HotRequest(ANONYMOUS, body, "application/json", {}, ""))
        return got.status, json.loads(got.body)

    status, said = asked(json.dumps({"code": code.text, "gate": GATE}).encode())
    assert (status, said["ok"]) == (200, True)
    assert asked(b"{")[0] == 422
    assert asked(b'{"code": 5}')[1]["reason"] == "malformed"
    assert asked(json.dumps({"code": code.text, "gate": "nowhere"}).encode())[1]["reason"] == "unknown_gate"


def test_passes_flow_back_without_a_person_and_once(data_dir: Path) -> None:
    code = red_person()
    gates.check(code.text, GATE, AT)
    gates.check("HELLO", GATE, AT)
    lines = "".join(path.read_text() for path in (gate_log.folder() / "log").iterdir())
    assert lines.splitlines() == [
        f"{GATE}\t{int(AT.timestamp())}\tred",
        f"{GATE}\t{int(AT.timestamp())}\tcross",
    ]
    kept = next((gate_log.folder() / "log").iterdir())
    content, name = kept.read_text(), kept.name
    assert gate_log.collect(AT, before_slot=10**12) == 2
    kept.write_text(content)  # as if the worker had died before it removed the file
    assert gate_log.collect(AT, before_slot=10**12) == 0
    assert pass_counts(AT - timedelta(minutes=1), GATE) == {"red": 1, "cross": 1}
    columns = store.read(store.in_force("passes")[0]).column_names
    assert (columns, name.partition("-")[0].isdigit()) == (["gate", "at", "colour"], True)


def test_offline_passes_are_taken_within_a_day() -> None:
    at_s = AT.timestamp()
    passes = [(at_s - 60, "green"), (at_s - 90_000, "green"), (at_s + 3600, "green")]
    assert gates.take_offline(GATE, passes, AT) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=tries(200), deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_scanned_the_gate_answers(text: str) -> None:
    assert gates.check(text, GATE, AT)["ok"] is False
