"""The grey zone: masked sides, blind labels, every look and decision on record, undone without a trace in the values."""

from datetime import timedelta
from typing import Any

import pytest

from liangwang.base import access, clock, hats
from liangwang.base.audit import body_of
from liangwang.base.errors import NotFound
from liangwang.base.events import run_due
from liangwang.base.models import AuditEntry, AuditSubject, Guardian, Party, Person
from liangwang.base.subjects import person_by_identity
from liangwang.base.transactions import write
from liangwang.hub import actions, attributes, link_model, merges, queries, review
from liangwang.hub.models import LateLink, LinkReview, Merge
from liangwang.hub.orders import OutsideOrder
from liangwang.hub.review import Doubt
from liangwang.worker import next_job

from . import factories as make

pytestmark = pytest.mark.django_db
PACK = "city_code"


@pytest.fixture(autouse=True)
def under_order(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    attributes.forget()
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    make.order()
    link_model.switch_off()  # the doubts are these tests' own


@pytest.fixture
def engineer() -> hats.Actor:
    return make.officer("engineer", "data_engineer")


def of_subjects(left: Person, right: Person, score: float = 0.6) -> LinkReview:
    agreement = {"name": (5, 6), "birth": (0, 7), "phone": (-1, 4), "address": (2, 5)}
    doubt = Doubt(left=left.pk, right=right.pk, score=score, model="m1", agreement=agreement)
    review.open_for_pairs([doubt], make.AT)
    return LinkReview.objects.latest("pk")


def of_row(n: int) -> LinkReview:
    """A stored row without a subject, and person n as the likely one."""
    row = make.registration(n, identity="", phone=make.phone_number(77), until=make.TODAY + timedelta(days=5))
    batch = make.delivered("community", make.sheet("community", row))
    person = person_by_identity(make.identity_number(n))
    assert person is not None
    review.open_for_rows(batch, [Doubt(row=1, right=person.pk, score=0.5, model="m1")], make.AT)
    return LinkReview.objects.latest("pk")


def decided(one: LinkReview, verdict: str, actor: hats.Actor) -> LinkReview:
    with write():
        return actions.decide_review(one, verdict, actor=actor, at=make.AT)


def undone(one: LinkReview, actor: hats.Actor) -> LinkReview:
    with write():
        return actions.undo_review(one, actor=actor, at=make.AT)


def values(person: Person) -> list[Any]:
    actions.resettle([person.pk], make.AT)
    return [(row["attribute"], row["value"], row["state"]) for row in queries.known(person.pk, PACK)]


def test_sides_are_masked_until_revealed_and_nothing_pushes_the_reviewer(engineer: hats.Actor) -> None:
    one = of_subjects(make.person(1), make.person(2, name="欧阳娜娜"))
    seen = queries.review_pair(engineer, one, make.AT)
    assert sorted(side["name"] for side in seen["sides"]) == ["张*", "欧***"]
    assert {side["birth"] for side in seen["sides"]} == {1990}
    assert (seen["score"], seen["model"]) == (None, None)
    assert {c["field"]: c["words"]["en"] for c in seen["comparisons"]} == {
        "name": "the same",
        "birth": "different",
        "phone": "not given on one side",
        "address": "close",
    }
    assert make.phone_number(1) not in str(seen)
    shown = queries.review_pair(engineer, one, make.AT, reveal=True)
    assert {side["name"] for side in shown["sides"]} == {"张二", "欧阳娜娜"}
    outcomes = [
        body_of(e)["outcome"] for e in AuditEntry.objects.order_by("pk") if body_of(e)["thing"] == "review"
    ]  # type: ignore[index]
    assert outcomes == ["masked", "revealed"]
    assert AuditSubject.objects.filter(subject=one.left_id).count() == 2


def test_which_side_is_the_register_is_not_told() -> None:
    people = [make.person(n, name=f"李{n}") for n in range(12)]
    engineer = make.officer("engineer", "data_engineer")
    firsts = set()
    for one in (of_subjects(people[n], people[n + 6]) for n in range(6)):
        one.ref = f"{one.pk:026d}"
        firsts.add(
            queries.review_pair(engineer, one, make.AT, reveal=True)["sides"][0]["name"]
            == one.left.person.name
        )
    assert firsts == {True, False}


def test_a_row_gets_its_subject_and_loses_it_again(engineer: hats.Actor) -> None:
    person = make.person(1)
    before = values(person)
    one = of_row(1)
    side = next(
        s for s in queries.review_pair(engineer, one, make.AT, reveal=True)["sides"] if s["sex"] is None
    )
    assert (side["name"], side["birth"].isoformat()) == ("张二", "1990-05-15")
    decided(one, "same", engineer)
    assert LateLink.objects.get().subject_id == person.pk
    assert ("phone", make.phone_number(77), "single") in values(person)
    undone(one, engineer)
    assert values(person) == before
    assert LateLink.objects.get().ended_at is not None
    decided(one, "apart", engineer)
    assert values(person) == before
    assert LateLink.objects.count() == 1


def test_when_one_is_turned_down_the_next_likely_one_is_offered(engineer: hats.Actor) -> None:
    people = [make.person(n) for n in (1, 2, 3, 4)]
    row = make.registration(9, identity="", phone=make.phone_number(77))
    batch = make.delivered("community", make.sheet("community", row))
    agreement = {"name": (5, 6)}
    further = [
        Doubt(right=person.pk, score=score, model="m1", agreement=agreement)
        for person, score in zip(people[1:], (0.4, 0.05, 0.01), strict=True)
    ]
    first = Doubt(row=1, right=people[0].pk, score=0.5, model="m1", others=tuple(further))
    review.open_for_rows(batch, [first], make.AT)
    decided(LinkReview.objects.get(), "apart", engineer)
    second = LinkReview.objects.get(state="open")
    assert (second.right_id, second.row, second.score) == (people[1].pk, 1, 0.8)
    assert second.agreement == {"name": [5, 6]}
    assert [(one["subject_id"], one["score"]) for one in second.others] == [
        (people[2].pk, 0.1),
        (people[3].pk, 0.02),
    ]
    decided(second, "same", engineer)
    assert LateLink.objects.get().subject_id == people[1].pk
    undone(second, engineer)
    decided(second, "apart", engineer)
    third = LinkReview.objects.get(state="open")
    assert (third.right_id, third.score) == (people[2].pk, 0.5)
    decided(third, "apart", engineer)
    assert not LinkReview.objects.filter(state="open").exists(), "0.02 / 0.5 is too little to ask about"


def test_of_two_subjects_the_one_in_doubt_meets_the_next_candidate(engineer: hats.Actor) -> None:
    one, other, fresh = (make.person(n) for n in (1, 2, 3))
    further = Doubt(right=other.pk, score=0.4, model="m1")
    doubt = Doubt(left=fresh.pk, right=one.pk, score=0.5, model="m1", others=(further,))
    assert review.open_for_pairs([doubt], make.AT) == 1
    decided(LinkReview.objects.get(), "apart", engineer)
    offered = LinkReview.objects.get(state="open")
    assert {offered.left_id, offered.right_id} == {other.pk, fresh.pk}


def test_two_subjects_become_one_and_two_again(engineer: hats.Actor) -> None:
    older, younger = make.person(1), make.person(2)
    one = of_subjects(younger, older)
    decided(one, "same", engineer)
    assert merges.aliases() == {younger.pk: older.pk}
    assert Merge.objects.get().by_id == engineer.party_id
    undone(one, engineer)
    assert merges.aliases() == {}
    assert list(Merge.objects.order_by("pk").values_list("kind", flat=True)) == ["merge", "split"]
    assert LinkReview.objects.get().state == "open"


@pytest.mark.django_db(transaction=True)
def test_the_worker_settles_what_a_decision_changes(
    engineer: hats.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make.person(1)
    one = of_row(1)
    decided(one, "same", engineer)
    work()
    assert queries.known(person.pk, PACK)
    monkeypatch.setattr(clock, "now", lambda: make.AT + timedelta(minutes=1))
    undone(one, engineer)
    work()
    assert not queries.known(person.pk, PACK)


def work() -> None:
    while run_due(clock.now()) or next_job(clock.now()):
        pass


def test_of_two_reviewers_one_decides(engineer: hats.Actor) -> None:
    one = of_subjects(make.person(1), make.person(2))
    same = LinkReview.objects.get(pk=one.pk)
    decided(one, "apart", engineer)
    with pytest.raises(review.DecidedAlready):
        decided(same, "same", make.officer("second", "data_engineer"))
    undone(one, engineer)
    with pytest.raises(review.NotDecided):
        undone(one, engineer)


def test_nobody_decides_about_herself_or_her_child(engineer: hats.Actor) -> None:
    me, child, other = make.person(1), make.person(2), make.person(3)
    Party.objects.filter(pk=engineer.party_id).update(subject=me.subject)
    actor = make.officer("engineer", "data_engineer")
    Guardian.objects.create(guardian=me.subject, ward=child.subject, since=make.AT)
    for one in (of_subjects(me, other), of_subjects(child, other)):
        with pytest.raises(review.OwnRecord):
            decided(one, "same", actor)
        with pytest.raises(review.OwnRecord):
            queries.review_pair(actor, one, make.AT)


def test_only_the_data_office_sees_pairs(engineer: hats.Actor) -> None:
    one = of_subjects(make.person(1), make.person(2))
    for role in ("clerk", "duty_officer", "auditor", "system_admin"):
        with pytest.raises(NotFound):
            queries.review_pair(make.officer(role, role), one, make.AT)
    rows = LinkReview.objects.all()
    assert list(access.visible(engineer, "read", "review", rows)) == [one]
    assert not access.visible(make.officer("clerk", "clerk"), "read", "review", rows)


def test_the_list_is_by_score_and_by_key(engineer: hats.Actor) -> None:
    people = [make.person(n) for n in range(8)]
    scores = [0.4, 0.9, 0.9, 0.7]
    made = [of_subjects(people[n], people[n + 4], score) for n, score in enumerate(scores)]
    ordered = [made[1], made[2], made[3], made[0]]
    assert queries.reviews() == ordered
    assert queries.reviews(limit=2) == ordered[:2]
    assert queries.reviews(after=ordered[1].ref, limit=2) == ordered[2:]


def test_a_decided_pair_is_not_asked_about_again(engineer: hats.Actor) -> None:
    left, right = make.person(1), make.person(2)
    decided(of_subjects(left, right), "apart", engineer)
    for pair in ((left, right), (right, left)):
        assert (
            review.open_for_pairs([Doubt(left=pair[0].pk, right=pair[1].pk, score=0.9, model="m2")], make.AT)
            == 0
        )


def test_pairs_of_an_emergency_pack_rest_in_routine(engineer: hats.Actor) -> None:
    make.person(1)
    one = of_row(1)
    late = make.AT + timedelta(days=400)
    assert review.listed(at=make.AT) == [one]
    assert review.listed(at=late) == []
    with pytest.raises(NotFound):
        queries.review_pair(engineer, one, late)
    with write(), pytest.raises(OutsideOrder):
        actions.decide_review(one, "same", actor=engineer, at=late)


def test_pairs_and_late_links_go_with_their_order(engineer: hats.Actor) -> None:
    person = make.person(1)
    decided(of_row(1), "same", engineer)
    order = queries.orders().get()
    with write():
        actions.end_order(order, actor=engineer, reason="over", erase_on=make.TODAY, at=make.AT)
    proof = actions.erase(order, make.AT)
    assert proof["held"][PACK]["links"] == 2
    assert not LinkReview.objects.exists() and not LateLink.objects.exists()
    actions.resettle([person.pk], make.AT)
