"""What a list shows is exactly what may be seen one by one: the policy as SQL against the policy as a decision."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liangwang.base import access
from liangwang.base.access import PURPOSES, ROLES, VERBS, may, thing_of, visible
from liangwang.base.hats import ANONYMOUS, Actor
from liangwang.base.models import Office, Place, Subject
from tests import factories
from tests.factories import About
from tests.tries import tries

pytestmark = pytest.mark.django_db
CODES = [
    factories.CITY,
    factories.DISTRICT,
    factories.SIBLING,
    factories.STREET,
    factories.OTHER_STREET,
    factories.SIBLING_STREET,
    factories.COMMITTEE,
]
KINDS = sorted(access._kinds)
POSTS = [role for role in ROLES if role not in {"anonymous", "resident", "company", "source", "platform"}]
HATS = ["post", "self", "company", "guardian", "proxy", "assisted", "source", "platform", "anonymous"]


class City:
    """Things of one kind all over the small city, and those who may look at them."""

    def __init__(self) -> None:
        self.places: list[Place] = [factories.place(code) for code in CODES]
        self.offices: list[Office] = [
            factories.office(code, department) for code in CODES for department in ("subdistrict", "health")
        ]
        self.subjects: list[Subject] = [factories.person(code).subject for code in (factories.STREET, None)]
        self.subjects.append(factories.company().subject)

    def things(self, kind: str, n: int, seed: int) -> list[Any]:
        """`n` things with and without place, office and subject."""
        pick = random.Random(seed)
        about = [
            About(
                pick.choice([None, *self.places]),
                pick.choice([None, *self.offices]),
                pick.choice([None, *self.subjects]),
            )
            for _ in range(n)
        ]
        made = {obj.pk: obj for obj in (factories.sample(kind, one) for one in about)}
        return list(made.values())

    def actor(self, hat: str, role: str, where: int, whose: int) -> Actor:
        office = self.offices[where % len(self.offices)]
        label: Any = {"zh": role, "en": role}
        fields: dict[str, Any] = {"hat": hat, "role": role, "label": label, "key": hat, "assurance": "strong"}
        if hat == "anonymous":
            return ANONYMOUS
        if hat in {"post", "assisted", "source"}:
            fields |= {
                "level": office.level,
                "place_code": office.place.code,
                "office_id": office.pk,
                "department": office.department,
            }
        if hat not in {"post", "source", "platform"}:
            fields["for_subject_id"] = self.subjects[whose % len(self.subjects)].pk
        return Actor(**fields)


ROLES_OF = {
    "post": POSTS,
    "assisted": ["counter", "committee"],
    "company": ["company"],
    "source": ["source"],
    "platform": ["platform"],
    "anonymous": ["anonymous"],
}


@st.composite
def hats(draw: st.DrawFn) -> tuple[str, str, int, int]:
    hat = draw(st.sampled_from(HATS))
    role = draw(st.sampled_from(ROLES_OF.get(hat, ["resident"])))
    return hat, role, draw(st.integers(0, 13)), draw(st.integers(0, 2))


@pytest.fixture
def city(db: None) -> Iterator[City]:
    yield City()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sample(kind: str, city: City) -> None:
    assert city.things(kind, 1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_shows_what_may_be_seen_one_by_one(kind: str, city: City) -> None:
    things = city.things(kind, 40, 1)
    manager = type(things[0])._default_manager
    rows = manager.filter(pk__in=[obj.pk for obj in things])
    seen = [(obj, thing_of(kind, obj)) for obj in rows]
    allowed_once: set[bool] = set()

    @settings(
        max_examples=tries(150),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        database=None,
    )
    @given(hats(), st.sampled_from(VERBS), st.sampled_from(PURPOSES))
    def compare(hat: tuple[str, str, int, int], verb: str, purpose: str) -> None:
        actor = city.actor(*hat)
        expected = sorted(obj.pk for obj, thing in seen if may(actor, verb, thing, purpose).allowed)
        shown = sorted(obj.pk for obj in visible(actor, verb, kind, rows, purpose))
        assert shown == expected, f"{actor} {verb} {kind} ({purpose}): shown {shown}, may {expected}"
        allowed_once.add(bool(expected))

    compare()
    for role in POSTS:  # every role at least once, in every office, for the verb that lists use
        for where in range(len(city.offices)):
            actor = city.actor("post", role, where, 0)
            expected = sorted(obj.pk for obj, thing in seen if may(actor, "read", thing).allowed)
            assert sorted(obj.pk for obj in visible(actor, "read", kind, rows)) == expected, actor
