"""Settling as a whole: order and pieces of deliveries do not matter, a part equals the whole, a recall is undone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from liangwang.base import clock, keys
from liangwang.base.models import AuditEntry
from liangwang.hub import actions, attributes, lineage, queries, reconcile, settled, standing, store
from liangwang.hub.lineage import NoSuchRow, NotRecalled, RecalledAlready
from liangwang.hub.models import Batch, Partition, Recall
from liangwang.hub.sources import source_of
from tests.tries import tries

from . import factories as make
from .settle_house import PACK, SOURCES, Said, conflicts, deliver, exact, settle, values

pytestmark = pytest.mark.django_db
STATEMENTS = st.builds(
    Said,
    source=st.sampled_from(SOURCES),
    key=st.integers(0, 10**6),
    person=st.integers(0, 2),
    name=st.sampled_from(["张一", "张乙", "章一"]),
    phone=st.integers(0, 2),
    days_ago=st.integers(0, 3),
)
MANY = st.lists(STATEMENTS, min_size=1, max_size=14, unique_by=lambda said: (said.source, said.key))
QUICK = hypothesis_settings(
    max_examples=tries(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def under_order(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: make.AT)
    make.place()
    for n in range(3):
        make.person(n)
    make.order()


@pytest.fixture
def people() -> list[int]:
    from liangwang.base.models import Person

    return sorted(Person.objects.values_list("pk", flat=True))


class Undone(Exception):
    """Ends an example: what it wrote to the database is taken back."""


def fresh(do: Any) -> Any:
    """What `do` returns in a hub of its own, which is gone afterwards."""
    answer = None
    try:
        with transaction.atomic():
            answer = do()
            raise Undone
    except Undone:
        return answer


def of(rows: list[Said], people: list[int]) -> list[Said]:
    return [row._replace(person=people[row.person]) for row in rows]


@QUICK
@given(rows=MANY, data=st.data())
def test_neither_order_nor_pieces_of_deliveries_matter(
    people: list[int], rows: list[Said], data: Any
) -> None:
    rows = of(rows, people)
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))

    def at_once() -> Any:
        deliver(rows)
        settle()
        return values(), conflicts()

    def in_pieces() -> Any:
        deliver(shuffled[cut:])
        deliver(shuffled[:cut])
        settle()
        return values(), conflicts()

    assert fresh(at_once) == fresh(in_pieces)


@pytest.mark.slow
@QUICK
@given(before=MANY, later=MANY)
def test_settling_what_a_batch_touches_equals_settling_everything(
    people: list[int], before: list[Said], later: list[Said]
) -> None:
    def piecewise() -> Any:
        deliver(of(before, people))
        settle()
        for n, batch in enumerate(deliver(of(later, people)), start=1):
            settle(actions.subjects_of(batch).tolist(), minutes=n)
        part = exact(), conflicts()
        settle(minutes=9)
        return part, (exact(), conflicts())

    part, whole = fresh(piecewise)
    assert part == whole


@pytest.mark.slow
@QUICK
@given(rows=MANY, later=MANY, data=st.data())
def test_a_recall_undone_is_as_if_it_had_not_been(
    people: list[int], rows: list[Said], later: list[Said], data: Any
) -> None:
    def act() -> Any:
        deliver(of(rows, people))
        batches = deliver(of(later, people))
        settle()
        before = exact()
        batch = data.draw(st.sampled_from(batches))
        some = data.draw(st.one_of(st.none(), st.just([1])))
        made = actions.recall_rows(batch, some, reason="错", actor=make.officer(), at=make.AT)
        settle(lineage.touched_by(made).tolist(), minutes=1)
        cells = exact()
        used = {(s["batch"], s["row"]) for cell in cells for s in [*cell["support"], *cell["against"]]}
        settle(minutes=2)
        assert exact() == cells
        actions.undo_recall(made, actor=make.officer(), at=make.AT)
        settle(lineage.touched_by(made).tolist(), minutes=3)
        gone = {(b, r) for b, r in used if b == batch.pk and (some is None or r in some)}
        return before, exact(), gone

    before, after, gone = fresh(act)
    assert before == after
    assert not gone


def test_a_correction_that_names_another_person_takes_the_value_from_the_first(people: list[int]) -> None:
    deliver([Said("travel", 1, people[0], "张一", 1, 0)])
    settle()
    batch = deliver([Said("travel", 1, people[1], "张一", 1, 0)])[0]
    settle(actions.subjects_of(batch).tolist(), minutes=1)
    assert {cell["subject_id"] for cell in exact()} == {people[1]}
    assert settled.cells_of(people[0], PACK) == []


def test_a_source_that_copies_another_is_no_second_witness(
    people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver([Said("travel", 1, people[0], "张一", 1, 0), Said("community", 1, people[0], "张一", 1, 0)])
    settle()
    states = {cell["attribute"]: cell["state"] for cell in exact()}
    assert states["name"] == "verified"
    declared = {one.key: one for one in reconcile.heard(PACK)}
    copying = declared["community"].value.__class__
    fields = {f: getattr(declared["community"].value, f) for f in copying.__struct_fields__}
    copy = declared["community"]._replace(value=copying(**{**fields, "copies": "travel"}))
    heard = [copy if one.ref == copy.ref else one for one in reconcile.heard(PACK)]
    monkeypatch.setattr(reconcile, "heard", lambda domain: heard)
    settle(minutes=1)
    assert {cell["attribute"]: cell["state"] for cell in exact()}["name"] == "single"


def test_a_newer_phone_beats_an_older_one_without_a_conflict(people: list[int]) -> None:
    deliver(
        [Said("fever_clinics", 1, people[0], "张一", 1, 5), Said("community", 1, people[0], "张一", 2, 0)]
    )
    settle()
    phone = next(cell for cell in exact() if cell["attribute"] == "phone")
    assert phone["value"] == keys.blind(make.phone_number(2), "phone")
    assert (phone["state"], len(phone["against"])) == ("single", 1)
    assert conflicts() == set()


def test_a_kill_between_settling_and_publishing_leaves_the_old_values(
    people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver([Said("travel", 1, people[0], "张一", 1, 1)])
    settle()
    before = exact()
    batch = deliver([Said("travel", 2, people[0], "章一", 2, 0)])[0]
    with monkeypatch.context() as killed:
        killed.setattr(settled, "published", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            settle(actions.subjects_of(batch).tolist(), minutes=1)
    assert exact() == before
    settle(actions.subjects_of(batch).tolist(), minutes=1)
    assert next(cell for cell in exact() if cell["attribute"] == "name")["value"] == "章一"
    orphans = list((store.folder() / PACK / "settled").iterdir())
    known = Partition.objects.filter(kind="settled").count()
    assert len(orphans) == known + 1  # what the killed one wrote is swept later


def test_small_files_lie_over_a_large_one_and_are_made_into_one(
    people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "SMALL_ROWS", 0)
    monkeypatch.setattr(settled, "MOST_LAYERS", 3)
    deliver([Said("travel", n, person, "张一", 1, 5) for n, person in enumerate(people)])
    settle()
    for n in range(6):
        batch = deliver([Said("travel", 10 + n, people[n % 3], f"张{n}", n, 4 - n % 4)])[0]
        settle(actions.subjects_of(batch).tolist(), minutes=n + 1)
        layered = exact()
        assert len(store.in_force(Partition.Kind.SETTLED, PACK)) <= 4
    settle(minutes=9)
    assert exact() == layered
    assert len(store.in_force(Partition.Kind.SETTLED, PACK)) == 1


# --- lineage -------------------------------------------------------------------------------------------


def test_behind_a_value_stand_its_statements_winning_and_losing(people: list[int]) -> None:
    rows = [
        Said("fever_clinics", 1, people[0], "张一", 1, 1),
        Said("community", 1, people[0], "张一", 1, 2),
        Said("travel", 1, people[0], "章一", 1, 3),
    ]
    deliver(rows)
    settle()
    found = queries.lineage_behind(people[0], "name", PACK)
    assert (found["value"], found["state"], found["rule"]) == ("张一", "majority", "agreement")
    said = {
        one["source"]: (one["role"], one["value"], one["office"], one["row"]) for one in found["statements"]
    }
    assert said == {
        "city_code:fever_clinics": ("wins", "张一", "health", 1),
        "city_code:community": ("wins", "张一", "civil_affairs", 1),
        "city_code:travel": ("loses", "章一", "public_security", 1),
    }
    assert all(one["delivered_at"] == make.AT for one in found["statements"])


def test_a_bad_row_leads_to_every_value_attribute_and_answer_that_used_it(people: list[int]) -> None:
    batch = deliver([Said("travel", 1, people[0], "张一", 1, 1)])[0]
    actions.settle_and_derive(PACK, people, make.AT)
    queries.record_use(make.officer(), people[0], {"name"}, case="C1", pack=PACK, at=make.AT)
    found = queries.lineage_used_by(batch, 1)
    assert found["subjects"] == [people[0]]
    assert {(v["attribute"], v["role"]) for v in found["values"]} == {("name", "wins"), ("phone", "wins")}
    assert [d["name"] for d in found["derived"]] == ["city_code:health_status"]
    assert [(a["verb"], a["purpose"]) for a in found["answers"]] == [("read", "case")]
    assert "张一" not in str([bytes(e.body).decode() for e in AuditEntry.objects.all() if e.body])
    made = actions.recall_rows(batch, [1], reason="他人", actor=make.officer(), at=make.AT)
    answers = actions.follow_recall(made, make.AT + timedelta(minutes=1))
    assert [a["entry"] for a in answers] == [a["entry"] for a in found["answers"]]
    assert settled.cells_of(people[0], PACK) == []
    assert queries.lineage_used_by(batch, 1)["values"][0]["until"] is not None


def test_a_look_at_a_status_is_found_by_the_row_behind_it(
    people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = deliver([Said("travel", 1, people[0], "张一", 1, 1)])[0]
    actions.settle_and_derive(PACK, people, make.AT)
    monkeypatch.setattr(queries, "require", lambda *_: None)
    queries.why(make.officer(), "city_code:health_status", people[0], make.AT)
    (answer,) = queries.lineage_used_by(batch, 1)["answers"]
    assert (answer["thing"], answer["used"][0]["attribute"]) == ("attribute", "city_code:health_status")
    assert (
        queries.why(make.officer(), "name", people[0], make.AT)["statements"] == []
    )  # no routine source says it


def test_a_recalled_row_does_not_judge_anybody(people: list[int]) -> None:
    batch = make.delivered("travel", make.sheet("travel", make.trip(0, risk="high")))
    actions.settle_and_derive(PACK, None, make.AT)
    held = attributes.current("city_code:health_status")
    assert held is not None
    assert held.value(people[0]).verdict == "red"  # type: ignore[union-attr]
    made = actions.recall_rows(batch, None, reason="错批", actor=make.officer(), at=make.AT)
    actions.follow_recall(made, make.AT + timedelta(minutes=1))
    held = attributes.current("city_code:health_status")
    assert held is not None
    assert held.value(people[0]).verdict == "green"  # type: ignore[union-attr]


def test_what_cannot_be_recalled_is_refused(people: list[int]) -> None:
    batch = deliver([Said("travel", 1, people[0], "张一", 1, 1)])[0]
    officer = make.officer()
    with pytest.raises(NoSuchRow):
        actions.recall_rows(batch, [1, 7], reason="x", actor=officer, at=make.AT)
    made = actions.recall_rows(batch, [1], reason="x", actor=officer, at=make.AT)
    with pytest.raises(RecalledAlready):
        actions.recall_rows(batch, [1], reason="x", actor=officer, at=make.AT)
    actions.undo_recall(made, actor=officer, at=make.AT)
    with pytest.raises(NotRecalled):
        actions.undo_recall(made, actor=officer, at=make.AT)
    assert Recall.objects.get().undone_at is not None


# --- quality -------------------------------------------------------------------------------------------


def test_quality_counts_contract_agreement_freshness_and_who_was_right(people: list[int]) -> None:
    deliver([Said("travel", 1, people[0], "章一", 1, 1), Said("community", 1, people[0], "张一", 1, 1)])
    settle()
    Batch.objects.filter(source="travel").update(rows=4, bad=1)
    deliver([Said("travel", 1, people[0], "张一", 1, 1)])
    settle(minutes=1)
    later = make.AT + timedelta(days=2)
    by_source = {
        one.declared.key: one for one in queries.quality_by_source(later) if one.declared.pack == PACK
    }
    travel, community = by_source["travel"], by_source["community"]
    assert (
        travel.contract == pytest.approx(7 / 8)
        if travel.rows == 8
        else travel.contract == pytest.approx(4 / 5)
    )
    assert (travel.right, community.right) == (0.0, 1.0)
    assert travel.freshness == pytest.approx(0.5)
    assert community.agreement == 1.0
    assert community.score == pytest.approx(1.0)
    by_attribute = {one.attribute: one for one in queries.quality_by_attribute(make.AT)}
    assert by_attribute["name"].cells == {"verified": 1, "single": 0, "majority": 0, "conflict": 0}
    assert by_attribute["name"].ended == {"corrected": 1}
    assert by_attribute["name"].verified == 1.0


def test_replaced_rows_are_noted_once_whatever_the_order_of_loading(people: list[int]) -> None:
    first = deliver([Said("travel", 1, people[0], "张一", 1, 1)])[0]
    second = deliver([Said("travel", 1, people[0], "章一", 1, 1)])[0]
    one = source_of("city_code:travel")
    older, newer = Partition.objects.filter(kind="rows").order_by("id")
    Partition.objects.filter(pk=older.pk).update(
        path="moving"
    )  # as if the second batch had been loaded first
    Partition.objects.filter(pk=newer.pk).update(path=older.path, batch=first)
    Partition.objects.filter(pk=older.pk).update(path=newer.path, batch=second)
    con = store.connect()
    standing.note_replaced(con, [one], make.AT)
    standing.note_replaced(con, [one], make.AT)
    assert Partition.objects.filter(kind="replaced").count() == 1
    rows = con.to_pyarrow(standing.Reader(con).rows(one).select("batch", "name")).to_pylist()
    assert rows == [{"batch": second.pk, "name": "章一"}]
