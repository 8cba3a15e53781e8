"""The city code: identity always, a status only under an order, and the two forms in which it is shown."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from liangwang.base.hats import Actor
from liangwang.base.models import Person
from liangwang.hub import attributes, derive
from liangwang.services import code_tokens, codes, gate_list, gate_log, gates, queries_codes
from liangwang.services.code_tokens import STATUS, UNTIL
from tests.hub import factories as make

pytestmark = pytest.mark.django_db
AT = make.AT


@pytest.fixture(autouse=True)
def fresh(data_dir: object) -> Iterator[None]:
    code_tokens.forget_keys()
    gate_log.seen.close()
    gate_log.log.close()
    gate_list.forget()
    attributes.forget()
    make.place()
    yield
    gate_log.seen.close()
    gate_log.log.close()
    code_tokens.forget_keys()


def holder(person: Person) -> Actor:
    return Actor(
        hat="self",
        role="resident",
        label={"zh": "本人", "en": "myself"},
        subject_id=person.pk,
        for_subject_id=person.pk,
        assurance="strong",
    )


def under_order(*people: Person) -> None:
    make.order()
    derive.run(gate_list.STATUS_ATTRIBUTE, None, AT)


def test_in_routine_a_code_holds_identity_and_no_status() -> None:
    person = make.person(1)
    shown = queries_codes.code_of(holder(person), AT)
    claims = code_tokens.verifier().verify(shown["text"], at_s=int(AT.timestamp()))
    assert STATUS not in claims
    assert UNTIL not in claims
    assert (shown["status"], shown["reason"], shown["until"], shown["order"]) == (None, None, None, None)
    assert shown["name"] == "张*"
    assert len(shown["text"]) <= 221  # QR version 8


def test_under_an_order_it_holds_status_and_until_date() -> None:
    person = make.person(1)
    make.order()
    make.delivered("travel", make.sheet("travel", make.trip(1, risk="high", days_ago=4)))
    derive.run(gate_list.STATUS_ATTRIBUTE, None, AT)
    shown = queries_codes.code_of(holder(person), AT)
    claims = code_tokens.verifier().verify(shown["text"], at_s=int(AT.timestamp()))
    assert (shown["status"], shown["until"]) == ("red", date(2020, 4, 21))
    assert claims[STATUS] == 3
    assert "高风险" in shown["reason"]["zh"]
    assert len(shown["text"]) <= 221


def test_a_code_lives_ten_minutes() -> None:
    code = codes.mint(make.person(1).pk, "张一", AT)
    assert code.expires_at - AT == timedelta(minutes=10)


def test_no_identity_number_or_stable_name_is_in_a_code() -> None:
    person = make.person(1)
    one, two = (
        codes.mint(person.pk, person.name, AT),
        codes.mint(person.pk, person.name, AT + timedelta(minutes=1)),
    )
    read = [code_tokens.verifier().verify(code.text, at_s=int(AT.timestamp())) for code in (one, two)]
    assert read[0][7] != read[1][7]
    assert one.handle != two.handle
    assert person.name not in str(read[0])


def test_a_handle_opens_to_its_subject_and_a_changed_one_does_not() -> None:
    handle = code_tokens.handle(12345, AT)
    opened = code_tokens.open_handle(handle.lower())
    assert opened is not None
    assert (opened.subject_id, opened.issued_s) == (12345, int(AT.timestamp()))
    forged = 0
    for at in range(26):
        for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            changed = handle[:at] + letter + handle[at + 1 :]
            forged += changed != handle and code_tokens.open_handle(changed) is not None
    assert forged == 0


def test_handles_of_one_person_in_one_second_differ() -> None:
    assert len({code_tokens.handle(1, AT) for _ in range(50)}) > 40


def test_a_company_has_no_city_code() -> None:
    from dataclasses import replace

    with pytest.raises(codes.NoPerson):
        codes.holder(replace(holder(make.person(1)), for_subject_id=None))


def test_every_code_that_can_still_be_in_force_can_be_named_for_revocation() -> None:
    person = make.person(1)
    for back in range(0, 660, 7):
        then = AT - timedelta(seconds=back)
        claims = code_tokens.verifier().read(codes.mint(person.pk, person.name, then).text)
        assert claims[7] in code_tokens.living_nonces(person.pk, AT)


def test_the_signed_list_is_no_code_and_a_code_no_list() -> None:
    gate_list.write_state(AT)
    listed = gate_list.signed_list(AT)["list"]
    gates_answer = gates.check(listed, "g", AT)
    assert gates_answer["reason"] == "unreadable"
    renamed = code_tokens.PREFIX + listed[len(code_tokens.LIST_PREFIX) :]
    assert gates.check(renamed, "g", AT)["ok"] is False


def test_whom_an_appeal_may_come_from(at: datetime) -> None:
    person = make.person(1)
    with pytest.raises(codes.NothingToAppeal):
        codes.appeal(actor=holder(person), text="不是我", at=AT)
    assert attributes.current(gate_list.STATUS_ATTRIBUTE) is None


def test_a_code_with_the_new_status_is_not_void_with_those_of_the_old_one() -> None:
    slot = int(AT.timestamp()) // code_tokens.NONCE_SLOT_S
    void = code_tokens.living_nonces(7, AT, below=3)
    assert {code_tokens.nonce(7, slot, status) for status in (0, 1, 2)} <= set(void)
    assert code_tokens.nonce(7, slot, 3) not in void
