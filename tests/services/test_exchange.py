"""Items go out and come in again without loss; one mistake and nothing is taken, with its line, column and remedy."""

import csv
import io
import json
from datetime import UTC, datetime

import msgspec
import pytest
from django.test import Client

from liangwang.base import packs
from liangwang.base.models import AuditEntry, Declaration
from liangwang.services import exchange, exchange_csv, exchange_jsonld

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CARD = "social_security:social_card"
# Classes and properties of the context that SEMIC publishes with CPSV-AP 3.2.0.
CPSV_AP = {
    "cpsv:PublicService",
    "cpsv:produces",
    *(
        f"cv:{name}"
        for name in (
            "BusinessEvent Channel Cost EvidenceType LifeEvent Output PublicOrganisation Requirement currency hasChannel"
            " hasCompetentAuthority hasCost hasInputType hasLegalResource hasRelatedService hasValue holdsRequirement"
            " isGroupedBy processingTime thematicArea"
        ).split()
    ),
}


def changed(place: str, value: str, key: str = CARD) -> str:
    """The table of one item with one cell changed."""
    rows = list(csv.reader(io.StringIO(exchange.exported("csv", key).removeprefix("\ufeff"))))
    rows[1][[cell.rsplit(" ", 1)[-1] for cell in rows[0]].index(place)] = value
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("form", ["csv", "jsonld"])
def test_every_item_comes_in_as_it_went_out(form: str) -> None:
    rows_of = exchange_csv.rows_of if form == "csv" else exchange_jsonld.rows_of
    rows, wrong = rows_of(exchange.exported(form), f"items.{form}")
    assert wrong == []
    read = {f"{row.pack}:{row.raw.get('item') or row.raw['bundle']}": row.raw for row in rows}
    held = {one.ref: one.value for one in packs.declarations("items.yaml")}
    assert set(read) == set(held) and len(held) > 150
    assert [ref for ref, raw in read.items() if msgspec.convert(raw, type(held[ref])) != held[ref]] == []


def test_an_import_of_what_is_in_force_makes_no_version() -> None:
    taken = exchange.take_in(exchange.exported("csv", CARD), "a.csv", at=AT)
    assert taken == ([], [], 1, []) and not Declaration.objects.exists()


def test_a_changed_item_is_a_draft_of_the_desk_and_audited() -> None:
    taken = exchange.take_in(changed("promised_days.days", "9"), "a.csv", at=AT)
    assert taken.changed == [CARD]
    draft = Declaration.objects.get()
    assert (draft.state, draft.origin, draft.body["promised_days"]["days"]) == ("draft", "desk", 9)
    assert b"configure" in bytes(AuditEntry.objects.get().body)


@pytest.mark.parametrize(
    ("place", "value", "column", "said"),
    [
        ("promised_days.days", "three", "承诺办结时限（工作日） promised_days.days", "not a whole number"),
        ("kind", "行政什么", "事项类型 kind", "not known"),
        ("materials", "[{", "申请材料 materials", "not JSON"),
        ("office.department", "social_securty", "department (H)", "there is no 'social_securty'"),
        ("materials", '[{"type": "moon_rock", "role": "applicant"}]', "type (", "there is no 'moon_rock'"),
        ("conditions.en", "One\nTwo\nThree\nFour\nFive\nSix", "受理条件 conditions.zh", "in English"),
        ("code", "310101", "item (A)", "31 characters"),
        ("basic_code", "310120001000", "item (A)", "20 in a basic code, not 01"),
        ("key", "social_card", "事项标识 key", "is not the name of an item"),
        ("key", "nowhere:social_card", "事项标识 key", "there is no 'nowhere'"),
        ("label.zh", "", "label", "zh"),
    ],
)
def test_a_mistake_is_told_with_line_column_and_remedy(
    place: str, value: str, column: str, said: str
) -> None:
    good, bad = exchange.exported("csv", "public_security:passport"), changed(place, value)
    both = good + bad.split("\r\n", 1)[1]
    taken = exchange.take_in(both, "a.csv", at=AT)
    [problem] = taken.problems
    at = len(list(io.StringIO(good))) + 1
    assert problem.file == "a.csv" and problem.line == at and problem.key.startswith(column)
    assert said in problem.message["en"] and problem.remedy["zh"] and problem.remedy["en"]
    assert not Declaration.objects.exists()


def test_a_foreign_table_or_service_is_refused_in_words() -> None:
    [unknown, _] = exchange.take_in("名称\n护照\n", "a.csv", at=AT).problems
    assert (unknown.line, unknown.key) == (1, "名称")
    foreign = {"@graph": [{"@type": "PublicService", "identifier": "x:y"}]}
    [bare] = exchange.take_in(json.dumps(foreign), "a.jsonld", at=AT).problems
    assert "declaration" in bare.message["en"]
    assert exchange.take_in("{", "a.jsonld", at=AT).problems[0].key == "@graph"


def test_linked_data_uses_words_of_the_profile_only() -> None:
    document = json.loads(exchange.exported("jsonld"))
    terms = document["@context"]
    own = {t["@id"] if isinstance(t, dict) else t for t in terms.values()}
    assert {place for place in own if str(place).startswith(("cv:", "cpsv:"))} == CPSV_AP

    def words(node: object) -> set[str]:
        if isinstance(node, list):
            return {word for one in node for word in words(one)}
        if not isinstance(node, dict):
            return set()
        inner = [
            v for k, v in node.items() if k not in ("declaration",) and "@language" not in str(terms.get(k))
        ]
        return set(node) | {word for one in inner for word in words(one)}

    assert words(document["@graph"]) <= set(terms)
    kinds = {
        k
        for node in document["@graph"]
        for k in ([node["type"]] if isinstance(node["type"], str) else node["type"])
    }
    assert kinds <= set(terms)
    names = {node["id"] for node in document["@graph"]}
    events = [node for node in document["@graph"] if node["type"] in ("LifeEvent", "BusinessEvent")]
    assert len(events) >= 14 and all(set(event["hasRelatedService"]) <= names for event in events)


def test_items_are_open_data() -> None:
    client = Client()
    table = client.get("/api/v1/items.csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert len(list(csv.reader(io.StringIO(table.content.decode())))) > 150
    one = client.get("/api/v1/items/social_security/social_card.jsonld").json()
    service = next(node for node in one["@graph"] if node["identifier"] == CARD)
    assert service["type"] == ["PublicService", "GovernmentService"] and service["processingTime"].startswith(
        "P"
    )
    assert client.get("/api/v1/items/context.jsonld").json()["@context"]["cv"]
    assert client.get("/api/v1/items/social_security/nothing.csv").status_code == 404
