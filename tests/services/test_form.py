"""Answers as people type them: what is read, what is to be changed, and that nothing personal lies open."""

from datetime import date

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from liangwang.services import sealed
from liangwang.services.compiled import Ask
from liangwang.services.form import problems, read_value
from liangwang.services.forms_of_text import is_identity_number
from liangwang.services.vocabulary import Choice
from tests.services.factories import identity_number

TODAY = date(2026, 11, 23)


def ask(kind: str = "text", **fields: object) -> Ask:
    names = {"id": "mother.x", "concept": "x", "role": "mother"}
    label = {"zh": "某项", "en": "Something"}
    return Ask(**{**names, "label": label, "role_label": label, "kind": kind, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("date", "2026-11-08", "2026-11-08"),
        ("date", "2026年11月8日", "2026-11-08"),
        ("date", "２０２６．１１．０８", "2026-11-08"),
        ("whole", " 3250 ", 3250),
        ("number", "50.5", 50.5),
        ("money", "1,234.5", 123450),
        ("money", "0.07元", 7),
        ("yes_no", "no", "no"),
        ("text", " 林晓　", "林晓"),
    ],
)
def test_what_people_type_is_read(kind: str, typed: str, value: object) -> None:
    assert read_value(ask(kind), typed, TODAY) == (value, None)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("date", "2026-02-30"),
        ("date", "明天"),
        ("whole", "3.5"),
        ("money", "1.234"),
        ("yes_no", "maybe"),
        ("text", ""),
    ],
)
def test_what_cannot_be_used_says_what_to_do(kind: str, typed: str) -> None:
    value, message = read_value(ask(kind), typed, TODAY)
    assert value is None and message is not None and "某项" in message["zh"]


def test_a_future_date_of_birth_is_refused() -> None:
    assert read_value(ask("date", not_after_today=True), "2026-11-24", TODAY)[1]
    assert read_value(ask("date", not_after_today=True), "2026-11-23", TODAY)[1] is None


def test_an_optional_question_may_stay_empty() -> None:
    assert problems([ask(required=False)], {}, TODAY) == []


def test_only_listed_options_are_chosen() -> None:
    choices = (Choice(value="m", label={"zh": "男", "en": "m"}),)
    assert read_value(ask("choice", choices=choices), "m", TODAY) == ("m", None)
    assert read_value(ask("choice", choices=choices), "x", TODAY)[1]


@given(st.integers(0, 999), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_of_an_identity_number_is_found(serial: int, place: int, shift: int) -> None:
    number = identity_number(serial)
    assert is_identity_number(number)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not is_identity_number(wrong)


@pytest.mark.parametrize(
    "field", ["mother.identity_number", "applicant.phone", "delivery.address", "mother.bank_account"]
)
def test_personal_values_are_sealed_to_their_row(field: str) -> None:
    kept = sealed.close(field, "310105199001011234", "draft-1")
    assert "310105" not in kept and sealed.read(field, kept, "draft-1") == "310105199001011234"
    with pytest.raises(InvalidTag):
        sealed.read(field, kept, "draft-2")


def test_a_stand_in_is_equal_for_equal_values_and_says_nothing() -> None:
    one, two = (
        sealed.stand_in("child.identity_number", v) for v in ("310105202611180017", "310105202611180025")
    )
    assert one != two and one == sealed.stand_in("child.identity_number", "310105202611180017")
    assert "20261118" not in one
