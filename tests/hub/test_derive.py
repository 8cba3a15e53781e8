"""Deriving: the rule over all subjects at once, until-dates asked of the rule, atomic publication, and why."""

from datetime import date, timedelta

import numpy as np
import pytest
from django.test import override_settings

from liangwang.base.models import AuditEntry, Event
from liangwang.hub import actions, attributes, derive, queries
from liangwang.hub.attributes import AttributeMap, write_version
from liangwang.hub.models import AttributeVersion
from liangwang.hub.orders import OutsideOrder

from . import factories as make

pytestmark = pytest.mark.django_db
NAME = "city_code:health_status"


@pytest.fixture(autouse=True)
def under_order(data_dir: object) -> None:
    make.place()
    for n in range(6):
        make.person(n)
    make.order()


def subject(n: int) -> int:
    from liangwang.base.subjects import person_by_identity

    found = person_by_identity(make.identity_number(n))
    assert found is not None
    return found.pk


def judge() -> None:
    derive.run(NAME, None, make.AT)


def value(n: int) -> tuple[str, date | None]:
    found = queries.status_of(NAME, subject(n), make.AT)
    assert found is not None
    return found.verdict, found.until


def test_three_sources_make_a_status_with_reason_and_until_date() -> None:
    until = make.TODAY + timedelta(days=3)
    make.delivered(
        "fever_clinics",
        make.sheet(
            "fever_clinics", make.visit(1, result="positive"), make.visit(2, result="pending", days_ago=2)
        ),
    )
    make.delivered(
        "travel", make.sheet("travel", make.trip(3, risk="high", days_ago=4), make.trip(0, risk="low"))
    )
    make.delivered("community", make.sheet("community", make.registration(4, until=until)))
    judge()
    assert value(0) == ("green", None)
    assert value(1) == ("red", None)  # a positive result stands until another one comes
    assert value(2) == ("yellow", make.TODAY + timedelta(days=4))
    assert value(3) == ("red", make.TODAY + timedelta(days=9))
    assert value(4) == ("red", until)
    assert value(5) == ("green", None)


def test_only_changed_subjects_are_judged_again_and_the_rest_keep_their_value() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(3, risk="high")))
    judge()
    batch = make.delivered("travel", make.sheet("travel", make.trip(1, risk="medium")))
    actions.settle_and_derive(
        "city_code", actions.subjects_of(batch).tolist(), make.AT + timedelta(minutes=1)
    )
    newest = AttributeVersion.objects.latest("id")
    assert newest.changed == 1
    assert (value(1)[0], value(3)[0]) == ("yellow", "red")
    assert attributes.worsened(NAME, newest.version).tolist() == [subject(1)]


def test_a_later_delivery_of_the_same_key_replaces_what_was_said() -> None:
    make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1, result="pending")))
    judge()
    assert value(1)[0] == "yellow"
    make.delivered("fever_clinics", make.sheet("fever_clinics", make.visit(1, result="negative")))
    judge()
    assert value(1)[0] == "green"


def test_the_newest_visit_counts_and_a_negative_one_asks_for_nothing() -> None:
    visits = [
        make.visit(1, result="positive", days_ago=5),
        make.visit(1, no="F2", result="negative", days_ago=1),
        make.visit(2, result="negative", days_ago=5),
        make.visit(2, no="F3", result="pending", days_ago=1),
        make.visit(3, result="negative", days_ago=1),
    ]
    make.delivered("fever_clinics", make.sheet("fever_clinics", *visits))
    judge()
    assert value(1) == ("green", None)
    assert value(2) == ("yellow", make.TODAY + timedelta(days=5))
    assert value(3) == ("green", None)
    assert [r["result"] for r in derive.why(NAME, subject(1), make.AT)["records"]] == ["negative", "positive"]


def test_publication_is_audited_and_told_and_names_rule_and_order() -> None:
    judge()
    assert Event.objects.filter(type="attribute.published").count() == 1
    entry = AuditEntry.objects.latest("id")
    assert "沪府应急〔2020〕1号" in bytes(entry.body).decode()


def test_outside_an_order_nothing_is_computed() -> None:
    with pytest.raises(OutsideOrder):
        derive.run(NAME, None, make.AT + timedelta(days=365))
    assert not attributes.folder_of(NAME).exists()


def test_a_value_is_not_shown_after_its_order() -> None:
    judge()
    assert queries.status_of(NAME, subject(0), make.AT) is not None
    assert queries.status_of(NAME, subject(0), make.AT + timedelta(days=60)) is None


def test_why_gives_the_case_its_conditions_and_the_rows_behind_them() -> None:
    make.delivered("travel", make.sheet("travel", make.trip(3, risk="high", days_ago=4)))
    judge()
    found = derive.why(NAME, subject(3), make.AT)
    assert found["verdict"] == "red"
    assert found["because"]["zh"].startswith("近期离开高风险地区")
    said = {line["expression"]: line for line in found["trace"]}
    assert said["since_high_risk < observation_days"]["verdict"] is True
    assert said["since_high_risk"]["value"] == 4
    assert [(r["source"], r["from_region"]) for r in found["records"]] == [("travel", "演示市")]
    assert "identity_sealed" not in found["records"][0]


def test_whole_and_incremental_judgement_agree() -> None:
    make.delivered(
        "travel", make.sheet("travel", *(make.trip(n, risk=r) for n, r in enumerate(["high", "medium"])))
    )
    rule = derive.rule_of(NAME)
    everybody = derive._people(None)
    whole = derive.judged(rule, everybody, make.AT, whole=True).rows().to_pylist()
    one_by_one = [
        derive.judged(rule, np.array([s]), make.AT).rows().to_pylist()[0] for s in everybody.tolist()
    ]
    assert whole == one_by_one


def test_a_lookup_outside_the_map_is_nobody(data_dir: object) -> None:
    judge()
    held = attributes.current(NAME)
    assert held is not None
    assert held.lookup(10**9) == 0
    assert held.value(-1) is None


def test_a_map_of_a_million_subjects_is_read_by_position(tmp_path: object) -> None:
    values = np.zeros(1_000_001, attributes.RECORD)
    values["verdict"] = np.arange(1_000_001) % 4
    meta = {
        "name": "x:y",
        "version": "1",
        "rule_hash": "",
        "at": make.AT,
        "order": None,
        "starts_at": None,
        "ends_at": None,
        "verdicts": ["green", "yellow", "red"],
        "because": [{"zh": "因", "en": "why"}],
    }
    with override_settings(DATA=tmp_path):
        held = AttributeMap(write_version(meta, values, np.empty(0)))
    assert [held.lookup(n) for n in (0, 1, 2, 3, 999_999)] == [0, 1, 2, 3, 3]
