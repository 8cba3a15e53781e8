"""Reconciling: the state of each value, conflicts as events, and closing them when sources agree again."""

from datetime import timedelta

import pytest

from liangwang.base import clock
from liangwang.base.models import Event
from liangwang.base.subjects import person_by_identity
from liangwang.hub import queries, reconcile, store
from liangwang.hub.models import Disagreement

from . import factories as make

pytestmark = pytest.mark.django_db
PACK = "city_code"


@pytest.fixture(autouse=True)
def under_order(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    make.person(1)
    make.person(2)
    make.order()


def state(n: int, attribute: str) -> tuple[str, str, list[str]]:
    person = person_by_identity(make.identity_number(n))
    assert person is not None
    found = {row["attribute"]: row for row in queries.known(person.pk, PACK)}[attribute]
    return found["state"], found["value"], found["sources"]


def test_states_single_verified_majority_and_conflict() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(1), make.trip(2, name="张错")))
    reconcile.settle(None, make.AT, PACK)
    assert state(1, "name") == ("single", "张二", ["city_code:travel"])
    make.delivered("community", make.sheet("community", make.registration(1), make.registration(2)))
    reconcile.settle(None, make.AT + timedelta(minutes=1), PACK)
    assert state(1, "name")[0] == "verified"
    assert state(2, "name")[0] == "conflict"
    make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(2)))
    reconcile.settle(None, make.AT + timedelta(minutes=2), PACK)
    assert state(2, "name") == ("majority", "张三", ["city_code:community", "city_code:fever_clinics"])


def test_a_conflict_is_an_event_once_and_is_closed_when_it_is_corrected() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(2, name="张错")))
    make.delivered("community", make.sheet("community", make.registration(2)))
    reconcile.settle(None, make.AT, PACK)
    reconcile.settle(None, make.AT + timedelta(minutes=1), PACK)
    assert Event.objects.filter(type="hub.conflict").count() == 1
    assert queries.disagreements().get().attribute == "name"
    make.delivered("travel", make.sheet("travel", make.trip(2)))
    reconcile.settle(None, make.AT + timedelta(minutes=2), PACK)
    assert Disagreement.objects.get().ended_at is not None
    assert state(2, "name")[0] == "verified"


def test_settling_some_leaves_the_others_as_they_were() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(1), make.trip(2)))
    reconcile.settle(None, make.AT, PACK)
    make.delivered("community", make.sheet("community", make.registration(1)))
    one = person_by_identity(make.identity_number(1))
    assert one is not None
    reconcile.settle([one.pk], make.AT + timedelta(minutes=1), PACK)
    assert (state(1, "name")[0], state(2, "name")[0]) == ("verified", "single")


def test_an_identifier_is_settled_by_its_blind_index_and_read_only_by_unsealing() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(1)))
    reconcile.settle(None, make.AT, PACK)
    on_disk = store.read(store.in_force("settled", PACK)[0]).to_pylist()
    assert make.phone_number(1) not in str(on_disk)
    assert state(1, "phone")[1] == make.phone_number(1)


def test_what_an_emergency_pack_was_told_serves_no_other_purpose() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(1)))
    reconcile.settle(None, make.AT, PACK)
    person = person_by_identity(make.identity_number(1))
    assert person is not None
    assert queries.known(person.pk) == []
