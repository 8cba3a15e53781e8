"""A paper is not asked for where its own office's register says the same (decision 0009)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from liangwang.base.hats import platform
from liangwang.hub import actions, reconcile
from liangwang.hub.queries import known as known_of
from liangwang.services.compiled import Evidence, Proved
from liangwang.services.declare import Material
from liangwang.services.provable import _of_hub
from tests.hub import factories as hub

from .test_compile import compiled, item, label

PAPER = Material(type="card", role="mother", shown_by={"person.marital_status": "married"})


def way(**known: Any) -> str:
    evidence = Evidence(source=label("局"), **{"value": "married", **known})
    return compiled(
        item("a", materials=(PAPER,)), proved=Proved(values={"mother.marital_status": evidence})
    ).needs[0].supply.way  # fmt: skip


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"state": "verified"}, "attribute"),
        ({"state": "single", "of_office": True}, "attribute"),
        ({"state": "single"}, "ask"),
        ({"state": "majority", "of_office": True}, "ask"),
        ({"state": "conflict", "of_office": True}, "ask"),
        ({"state": "disputed", "of_office": True}, "ask"),
        ({"state": "single", "of_office": True, "value": "divorced"}, "ask"),
    ],
)
def test_only_its_own_office_alone_and_undisputed(known: dict[str, Any], expected: str) -> None:
    assert way(**known) == expected


@pytest.mark.django_db
def test_the_register_of_civil_affairs_answers_for_a_marriage(data_dir: Path) -> None:
    hub.place()
    person = hub.person(1)
    row = f"J1,{hub.identity_number(1)},{person.name},{person.sex},married,2019-05-20"
    sheet = f"证书字号,身份证号,姓名,性别,婚姻状况,登记日期\n{row}\n".encode()
    batch, _ = actions.receive(
        sheet,
        source="civil_affairs:marital_states",
        name="marriages.csv",
        actor=platform("civil_affairs"),
        at=hub.AT,
    )
    assert actions.load(batch, hub.AT).linked == 1
    reconcile.settle([person.pk], hub.AT + timedelta(minutes=1), "")
    known = _of_hub("mother", known_of(person.pk))
    assert known["mother.marital_status"].value == "married"
    assert known["mother.marital_status"].state == "single" and known["mother.marital_status"].of_office
    # A name comes from many sources and no single one of them answers for it alone.
    assert not any(one.of_office for key, one in known.items() if key == "mother.name")
