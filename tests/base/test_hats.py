"""One session is one person in one hat; an ended hat is gone at the next request."""

from datetime import date, datetime, timedelta

import pytest

from liangwang.base import hats, subjects
from liangwang.base.models import Guardian, Mandate, Office, Party, Place, Post

pytestmark = pytest.mark.django_db


@pytest.fixture
def mother(at: datetime) -> Party:
    person = subjects.register_person(name="林晓", sex="f", birth_on=date(1992, 3, 4), at=at)
    return Party.objects.create_user("lin", subject=person.subject)


@pytest.fixture
def office(at: datetime) -> Office:
    place = Place.objects.create(
        subject=subjects.new_subject("place", at=at),
        code="990101",
        kind="district",
        level="district",
        name={"zh": "东区", "en": "East District"},
    )
    return Office.objects.create(
        key="police-east",
        name={"zh": "东区公安分局", "en": "East District Police"},
        department="public_security",
        kind="department",
        level="district",
        place=place,
    )


def test_a_post_carries_office_place_and_department(mother: Party, office: Office, at: datetime) -> None:
    post = Post.objects.create(party=mother, office=office, role="approver")
    actor = hats.wear(mother, f"post:{post.ref}", at)
    assert (actor.role, actor.place_code, actor.department) == ("approver", "990101", "public_security")
    assert [a.key for a in hats.hats_of(mother, at)] == ["self", f"post:{post.ref}"]


def test_an_ended_post_is_gone_at_once(mother: Party, office: Office, at: datetime) -> None:
    post = Post.objects.create(party=mother, office=office, role="approver")
    Post.objects.filter(pk=post.pk).update(ended_at=at)
    with pytest.raises(hats.HatGone):
        hats.wear(mother, f"post:{post.ref}", at)


def test_a_guardian_acts_for_the_ward_only_while_it_lasts(mother: Party, at: datetime) -> None:
    child = subjects.register_person(name="陈安", sex="m", birth_on=date(2026, 11, 1), at=at).subject
    row = Guardian.objects.create(guardian=mother.subject, ward=child, since=at)
    actor = hats.wear(mother, f"guardian:{child.ref}", at)
    assert (actor.subject_id, actor.for_subject_id) == (mother.subject_id, child.pk)
    Guardian.objects.filter(pk=row.pk).update(ended_at=at)
    with pytest.raises(hats.HatGone):
        hats.wear(mother, f"guardian:{child.ref}", at)


@pytest.mark.parametrize(
    ("hours", "revoked", "works"), [(1, False, True), (25, False, False), (1, True, False)]
)
def test_a_mandate_ends_by_time_or_revocation(
    mother: Party, at: datetime, hours: int, revoked: bool, works: bool
) -> None:
    giver = subjects.register_person(name="林爱华", sex="f", birth_on=date(1949, 5, 1), at=at).subject
    mandate = Mandate.objects.create(
        giver=giver,
        taker=mother,
        scope=["birth:birth"],
        starts_at=at,
        ends_at=at + timedelta(days=1),
        revoked_at=at if revoked else None,
    )
    wear = lambda: hats.wear(mother, f"proxy:{mandate.ref}", at + timedelta(hours=hours))  # noqa: E731
    if works:
        assert wear().for_subject_id == giver.pk
    else:
        with pytest.raises(hats.HatGone):
            wear()


def test_only_a_counter_or_committee_may_assist(mother: Party, office: Office, at: datetime) -> None:
    elder = subjects.register_person(name="林爱华", sex="f", birth_on=date(1949, 5, 1), at=at).subject
    approver = Post.objects.create(party=mother, office=office, role="approver")
    counter = Post.objects.create(party=mother, office=office, role="counter")
    with pytest.raises(hats.HatGone):
        hats.wear(mother, f"assisted:{approver.ref}:{elder.ref}", at)
    assert hats.wear(mother, f"assisted:{counter.ref}:{elder.ref}", at).for_subject_id == elder.pk


def test_a_machine_is_known_by_the_hash_of_its_key(office: Office) -> None:
    row = hats.issue_source_key("a-long-random-key", name="covers", office=office, sources=["manholes:tilt"])
    assert "a-long-random-key" not in str(row.__dict__)
    actor = hats.source_hat("a-long-random-key")
    assert actor is not None and actor.role == "source" and actor.scope == ("manholes:tilt",)
    assert hats.source_hat("another-key") is None
