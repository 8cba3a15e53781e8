"""Emergency and routine: two persons open, nothing happens outside an order, and its data is erased with proof."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from liangwang.base.errors import NotFound
from liangwang.base.models import AuditEntry, Event
from liangwang.hub import actions as hub
from liangwang.hub import attributes, derive, jobs, queries
from liangwang.hub.actions import Order, OrderGone, TwoPersons
from liangwang.hub.orders import OutsideOrder
from liangwang.services import code_tokens, codes, emergency, gate_list, gate_log, gates
from tests.hub import factories as make

pytestmark = pytest.mark.django_db
AT = make.AT
NAME = gate_list.STATUS_ATTRIBUTE


@pytest.fixture(autouse=True)
def fresh(data_dir: Path) -> Iterator[Path]:
    code_tokens.forget_keys()
    gate_log.seen.close()
    gate_list.forget()
    make.place()
    gate_list.open_gate(key="east", name={"zh": "东门", "en": "East gate"})
    yield data_dir
    gate_log.seen.close()
    gate_log.log.close()
    gate_list.forget()


def proposed() -> Order:
    return emergency.propose(
        actor=make.officer("one"),
        number="演示〔2020〕1号",
        title={"zh": "一级响应", "en": "Level I response"},
        basis="演示",
        starts_at=AT,
        ends_at=AT + timedelta(days=30),
        at=AT,
    )


def in_force() -> Order:
    return emergency.sign(proposed(), actor=make.officer("two"), at=AT)


def erased_files(folder: Path) -> list[str]:
    """Everything below DATA that speaks of the pack."""
    return [p.as_posix() for p in folder.rglob("*") if p.is_file() and "city_code" in p.as_posix()]


def test_an_order_has_no_force_until_another_person_signs() -> None:
    order = proposed()
    assert queries.order_in_force("city_code", AT) is None
    with pytest.raises(TwoPersons):
        emergency.sign(order, actor=make.officer("one"), at=AT)
    emergency.sign(order, actor=make.officer("two"), at=AT)
    assert queries.order_in_force("city_code", AT) == order
    with pytest.raises(OrderGone):
        emergency.sign(order, actor=make.officer("three"), at=AT)


def test_only_a_duty_officer_opens_and_ends() -> None:
    with pytest.raises(NotFound):
        emergency.propose(
            actor=make.officer("clerk", role="clerk"),
            number="x",
            title={"zh": "x", "en": "x"},
            basis="x",
            starts_at=AT,
            ends_at=AT + timedelta(days=1),
            at=AT,
        )


@pytest.mark.parametrize("days", [-1, 0])
def test_an_order_ends_after_it_starts(days: int) -> None:
    with pytest.raises(hub.BadTerm):
        hub.propose_order(
            actor=make.officer("one"),
            number="x",
            title={"zh": "x", "en": "x"},
            basis="",
            packs=["city_code"],
            starts_at=AT,
            ends_at=AT + timedelta(days=days),
            at=AT,
        )


def test_outside_an_order_nothing_is_taken_computed_shown_or_asked() -> None:
    person = make.person(1)
    in_force()
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="high")))
    derive.run(NAME, None, AT)
    late = AT + timedelta(days=31)
    with pytest.raises(OutsideOrder):
        hub.receive(b"x", source="travel", name="", actor=make.officer("two"), at=late)
    with pytest.raises(OutsideOrder):
        derive.run(NAME, None, late)
    with pytest.raises(OutsideOrder):
        derive.why(NAME, person.pk, late)
    assert queries.status_of(NAME, person.pk, late) is None
    assert codes.mint(person.pk, person.name, late).status is None
    gate_list.write_state(late)
    said = gates.check(codes.mint(person.pk, person.name, late).text, "east", late)
    assert (said["ok"], said["status"]) == (True, None)


def test_ending_voids_coloured_codes_and_withdraws_the_status_at_once() -> None:
    person = make.person(1)
    order = in_force()
    derive.run(NAME, None, AT)
    gate_list.write_state(AT)
    code = codes.mint(person.pk, person.name, AT)
    later = AT + timedelta(minutes=2)
    emergency.end(order, actor=make.officer("two"), reason="解除", at=later)
    gate_list.write_state(later)
    assert attributes.current(NAME) is None
    assert gates.check(code.text, "east", later)["reason"] == "revoked"
    assert gates.check(code.handle, "east", later)["reason"] == "revoked"
    assert codes.mint(person.pk, person.name, later).status is None


def test_data_is_erased_on_its_day_and_the_proof_counts_what_was_held_and_what_is_left(fresh: Path) -> None:
    make.person(1)
    order = in_force()
    bad = make.trip(2, risk="?")
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="high"), make.trip(1, no="T2"), bad))
    hub.settle_and_derive("city_code", None, AT)
    emergency.end(order, actor=make.officer("two"), reason="解除", at=AT + timedelta(days=1))
    order.refresh_from_db()
    assert order.erase_on is not None
    assert (order.erase_on - AT.date()).days == 31
    assert erased_files(fresh)
    proof = emergency.erase(order, at=AT + timedelta(days=31))
    assert proof["held"]["city_code"]["rows"] == 6  # 2 taken, 1 in quarantine, and 3 values settled from them
    assert proof["left"] == {"city_code": {"files": 0, "map_files": 0}}
    assert erased_files(fresh) == []
    assert queries.known(1) == []
    entry = AuditEntry.objects.latest("id")
    assert '"outcome":"erased"' in bytes(entry.body).decode()
    assert queries.batches().get().state == "erased"


def test_the_same_file_can_be_delivered_under_a_later_order() -> None:
    make.person(1)
    raw = make.sheet("travel", make.trip(1))
    order = in_force()
    first = make.delivered("travel", raw)
    emergency.end(order, actor=make.officer("two"), reason="解除", at=AT)
    emergency.erase(order, at=AT)
    make.order(AT + timedelta(minutes=5), number="演示〔2020〕2号")
    again = make.delivered("travel", raw, AT + timedelta(minutes=5))
    assert again.pk != first.pk
    assert again.good == 1


def test_the_clock_ends_an_order_whose_term_is_over_and_erases_on_the_day() -> None:
    order = in_force()
    late = AT + timedelta(days=30)
    assert jobs.end_expired(late) == 1
    order.refresh_from_db()
    assert order.end_reason.startswith("期满")
    assert Event.objects.filter(type="order.ended").count() == 1
    jobs.tick(late + timedelta(days=30))
    jobs.tick(late + timedelta(days=30))
    assert Event.objects.filter(key=f"hub.chore/erase/{order.ref}").count() == 1
