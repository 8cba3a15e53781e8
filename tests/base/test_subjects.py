"""Subjects have one id space, and what identifies a person is sealed."""

from datetime import date, datetime

import pytest
from cryptography.exceptions import InvalidTag

from liangwang.base import keys, subjects
from liangwang.base.errors import NotFound
from liangwang.base.models import Person, Subject, new_ref

pytestmark = pytest.mark.django_db


def make_person(at: datetime, identity: str = "310105199203040021") -> Person:
    return subjects.register_person(
        name="林晓", sex="f", birth_on=date(1992, 3, 4), identity=identity, phone="13800000000", at=at
    )


def test_a_ref_is_random_and_fits_in_an_address() -> None:
    refs = {new_ref() for _ in range(1000)}
    assert len(refs) == 1000
    assert all(len(r) == 26 and r.isalnum() and r == r.lower() for r in refs)


def test_identity_is_sealed_at_rest_and_found_by_blind_index(at: datetime) -> None:
    person = make_person(at)
    stored = Person.objects.get(pk=person.pk)
    assert b"310105199203040021" not in bytes(stored.identity_sealed)
    assert "310105199203040021" not in str(stored.identity_blind)
    assert subjects.identity_of(stored) == "310105199203040021"
    assert subjects.person_by_identity("310105199203040021") == person
    assert subjects.person_by_identity("31010519920304003X") is None


def test_a_sealed_field_cannot_be_moved_to_another_person(at: datetime) -> None:
    one, other = make_person(at), make_person(at, identity="310105199203040048")
    other.identity_sealed = one.identity_sealed
    with pytest.raises(InvalidTag):
        subjects.identity_of(other)


def test_blind_indexes_of_two_fields_never_meet() -> None:
    assert keys.blind("13800000000", "phone") != keys.blind("13800000000", "identity")


def test_a_merged_subject_leads_to_the_one_that_remains(at: datetime) -> None:
    kept, gone = subjects.new_subject("person", at=at), subjects.new_subject("person", at=at)
    Subject.objects.filter(pk=gone.pk).update(merged_into=kept)
    assert subjects.subject_by_ref(gone.ref) == kept
    with pytest.raises(NotFound):
        subjects.subject_by_ref(new_ref())
