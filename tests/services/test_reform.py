"""Re-engineering: every part of "before" has one fate, levers promise what a what-if gives, nothing is written."""

import io
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.services import catalogue, queries, reform, spreadsheet
from liangwang.services.compiled import Bound, Source
from liangwang.services.declare import Bundle, Delivery, Field, Material, Output
from liangwang.services.levers import levers
from liangwang.services.plan import critical_path, in_order, longest_chain
from liangwang.services.queries.reform import known_concepts
from liangwang.services.refusals import UnknownPart
from liangwang.services.report import Side
from liangwang.services.whatif import Act, Catalogue, Change, changed, read_change
from tests.tries import tries

from .test_compile import WORDS, bundle, item, label, step

PARTS = ("materials", "fields", "steps", "trips")
BUNDLES = [bound.key for bound in catalogue.every_bound() if isinstance(bound.head, Bundle)]


@pytest.mark.parametrize("key", BUNDLES)
def test_every_part_of_before_has_one_fate_and_what_is_left_is_after(key: str) -> None:
    one = queries.reform_study(key)
    for part in PARTS:
        rows = getattr(one, part)
        assert len(rows) == getattr(one.report.before, part), part
        assert sum(row.left for row in rows) == getattr(one.report.after, part), part
    assert sum(row.proof for row in one.materials) == one.report.before.proofs
    assert sum(row.proof and row.left for row in one.materials) == one.report.after.proofs


@pytest.mark.parametrize("key", BUNDLES)
def test_the_charts_are_as_long_as_the_report_says(key: str) -> None:
    one = queries.reform_study(key)
    serial, parallel = reform.serial(one), reform.parallel(one)
    assert serial[-1].start + serial[-1].days == one.report.before.days
    assert max(span.start + span.days for span in parallel) == one.report.after.days
    critical = [span for span in parallel if span.critical]
    assert sum(span.days for span in critical) == one.report.after.days


@pytest.mark.parametrize("key", BUNDLES)
def test_knowing_everything_never_leaves_more(key: str) -> None:
    one = queries.reform_study(key)
    for name in Side.__struct_fields__:
        assert getattr(one.known, name) <= getattr(one.report.after, name) <= getattr(one.report.before, name)


def test_the_whole_catalogue_is_the_sum_of_its_lines() -> None:
    total = queries.reform_total()
    assert {line.key for line in total.bundles} == set(BUNDLES) and not total.broken
    assert total.of_bundles.before.days == sum(line.before.days for line in total.bundles)
    assert total.of_items.items == len(total.items)


# --- the workbook ----------------------------------------------------------------------------------------

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(content: bytes) -> dict[str, list[list[str]]]:
    """The cells of a workbook by sheet, as a spreadsheet program would read them."""
    book = zipfile.ZipFile(io.BytesIO(content))
    texts = ["".join(run.itertext()) for run in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))]
    names = [
        one.get("name", "")
        for one in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{SHEET}sheet")
    ]
    found = {}
    for number, name in enumerate(names, start=1):
        rows = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{SHEET}row")
        found[name] = [[_cell(cell, texts) for cell in row.iter(f"{SHEET}c")] for row in rows]
    return found


def _cell(cell: Any, texts: list[str]) -> str:
    value = cell.find(f"{SHEET}v")
    if value is None:
        return ""
    return texts[int(value.text)] if cell.get("t") == "s" else str(value.text)


def test_the_workbook_has_every_part_and_two_flow_charts() -> None:
    one = queries.reform_study("birth:birth")
    lines, of = queries.reform_situations("birth:birth", 5)
    content = spreadsheet.of_study(one, lines, of, "zh")
    found = sheets(content)
    assert set(found) == {"总表", "流程图数据", "材料", "填写", "环节", "跑动", "各情形"}
    for part, name in (("materials", "材料"), ("fields", "填写"), ("steps", "环节"), ("trips", "跑动")):
        assert len(found[name]) == 1 + getattr(one.report.before, part)
    days = next(row for row in found["总表"] if row and row[0] == "时间")
    assert days[1:3] == [str(one.report.before.days), str(one.report.after.days)]
    charts = [n for n in zipfile.ZipFile(io.BytesIO(content)).namelist() if n.startswith("xl/charts/chart")]
    assert len(charts) == 2
    assert of > 5 and any("5" in row[0] for row in found["各情形"][-1:])


def test_the_workbook_of_the_catalogue_lists_each_bundle_and_item() -> None:
    total = queries.reform_total()
    found = sheets(spreadsheet.of_total(total, [queries.reform_study(BUNDLES[0])], "en"))
    assert len(found["Items"]) == 2 + len(total.items)
    names = [row[0] for row in found["Summary"] if row]
    assert all(line.label["en"] in names for line in total.bundles)


def test_a_label_is_never_a_formula() -> None:
    bad = item("a", materials=(Material(type="card", role="=1+1"),))
    bound = bundle(bad, roles={"=1+1": label("=cmd()")})
    one = reform.study(bound, {}, WORDS, frozenset())
    content = spreadsheet.of_study(one, [], 0, "zh")
    raw = zipfile.ZipFile(io.BytesIO(content))
    assert not any(b"<f>" in raw.read(n) for n in raw.namelist() if "worksheets/sheet" in n)


# --- what if ---------------------------------------------------------------------------------------------


def chain() -> list[Bound]:
    """Two items, the second waiting for the first's card and asking both for a photo."""
    photo = Material(type="photo", role="x")
    first = item(
        "first",
        steps=(step("check", 2), step("issue", 4, after=("check",))),
        materials=(photo,),
        outputs=(Output(certificate="card", role="x"),),
    )
    second = item(
        "second",
        steps=(step("do", 3, uses=("x.card",)), step("pay", 1, after=("do",))),
        materials=(photo, Material(type="card", role="x")),
        fields=(Field(concept="person.name", role="x"),),
        delivery=(Delivery(ways=("collect",), label=label("取")),),
    )
    sources = [Source(f"p:{one.item}", one) for one in (first, second)]
    return [bundle(first, second), *(Bound(s.key, s.item, (s,)) for s in sources)]


def effect(*changes: Change) -> Any:
    """What the changes do to the bundle of `chain`."""
    return Catalogue(chain(), WORDS, frozenset()).effects(list(changes))[0]


@pytest.mark.parametrize(
    ("act", "part", "value", "dimension", "now", "then"),
    [
        ("days", "do", "1", "days", 10, 8),
        ("days", "do", "9", "days", 10, 16),
        ("drop", "x.card", "", "days", 10, 10),
        ("field", "x.person.name", "", "fields", 1, 0),
        ("post", "", "", "trips", 1, 0),
    ],
)
def test_a_change_shows_at_once(act: Act, part: str, value: str, dimension: str, now: int, then: int) -> None:
    one = effect(Change(act=act, item="p:second", part=part, value=value))
    assert (getattr(one.now.after, dimension), getattr(one.then.after, dimension)) == (now, then)


def test_a_paper_that_two_items_ask_goes_only_when_both_drop_it() -> None:
    one, two = (Change(act="drop", item=key, part="x.photo") for key in ("p:first", "p:second"))
    assert effect(one).then.after.materials == effect(two).then.after.materials == 1
    assert effect(one, two).then.after.materials == 0


def test_not_waiting_any_more_needs_the_paper_dropped_too() -> None:
    free = Change(act="free", item="p:second", part="do", value="x.card")
    drop = Change(act="drop", item="p:second", part="x.card")
    assert effect(free).then.after.days == 10  # the paper is still asked for, so it is still waited for
    assert effect(free, drop).then.after.days == 6


def test_data_and_commitments_help_whoever_is_known() -> None:
    show = [
        Change(act="show", item=f"p:{k}", part="x.photo", value="person.name") for k in ("first", "second")
    ]
    promise = [Change(act="promise", item=f"p:{k}", part="x.photo") for k in ("first", "second")]
    for changes in (show, promise):
        one = effect(*changes)
        assert one.then.after.materials == one.now.after.materials == 1
        assert (one.now.known.materials, one.then.known.materials) == (1, 0)


def test_a_change_may_mend_a_contradiction() -> None:
    short = item("a", fields=(Field(concept="person.name", role="x", max_length=4),))
    long = item("b", fields=(Field(concept="person.name", role="x", min_length=5),))
    everything = Catalogue([bundle(short, long)], WORDS, frozenset())
    (one,) = everything.effects([Change(act="field", item="p:b", part="x.person.name")])
    assert one.now is None and one.problem and "p:a" in one.problem.message("zh")
    assert one.then and one.then.after.fields == 1


@pytest.mark.parametrize("text", ["", "fly|p:first|x", "drop||x"])
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(UnknownPart):
        read_change(text)


@pytest.mark.parametrize(
    "change",
    [
        Change(act="drop", item="p:first", part="x.nothing"),
        Change(act="days", item="p:first", part="check", value="-1"),
        Change(act="days", item="p:first", part="check", value="100000"),
        Change(act="free", item="p:second", part="do", value="nobody"),
        Change(act="drop", item="p:third", part="x.photo"),
    ],
)
def test_a_part_that_is_not_there_does_not_apply(change: Change) -> None:
    assert not Catalogue(chain(), WORDS, frozenset()).applies(change)


@given(
    st.lists(
        st.sampled_from(
            [
                Change(act="drop", item="p:first", part="x.photo"),
                Change(act="drop", item="p:second", part="x.photo"),
                Change(act="days", item="p:first", part="issue", value="1"),
                Change(act="days", item="p:second", part="do", value="0"),
                Change(act="free", item="p:second", part="do", value="x.card"),
                Change(act="promise", item="p:second", part="x.card"),
                Change(act="field", item="p:second", part="x.person.name"),
                Change(act="post", item="p:second"),
            ]
        ),
        unique=True,
    ),
    st.randoms(),
)
@settings(max_examples=tries(60), deadline=None)
def test_changes_add_up_in_any_order_and_each_is_taken_back_alone(changes: list[Change], random: Any) -> None:
    bounds = chain()
    shuffled = list(changes)
    random.shuffle(shuffled)
    assert changed(bounds[0], changes) == changed(bounds[0], shuffled)
    assert [read_change(one.written()) for one in changes] == changes
    everything = Catalogue(bounds, WORDS, frozenset())
    before = everything.line(bounds[0])
    everything.effects(changes)
    assert everything.line(bounds[0]) == before  # a thought changes nothing that is declared


def test_every_lever_brings_what_it_promises() -> None:
    bounds, words = catalogue.every_bound(), catalogue.words()
    everything = Catalogue(bounds, words, known_concepts())
    found = [one for one in levers(bounds, words) if one.kind != "material" and one.days]
    assert found
    for lever in found:
        brought = everything.effects(list(lever.changes))
        saved = sum(
            e.now.after.days - e.then.after.days
            for e in brought
            if e.now and e.then and e.label in lever.bundles
        )
        assert saved == lever.days, (lever.what, lever.detail)


def test_the_levers_name_those_who_act() -> None:
    departments = {node.department for bound in catalogue.every_bound() for node in _nodes(bound)}
    assert all(lever.who and lever.who[-1] in departments for lever in queries.reform_levers())


def _nodes(bound: Bound) -> Any:
    return reform.study(bound, reform.usual(bound), catalogue.words(), frozenset()).compiled.nodes


# --- paths -----------------------------------------------------------------------------------------------


def test_steps_that_take_no_day_are_still_in_order() -> None:
    last = item("last", steps=(step("c", 0, uses=("x.b",)),))
    middle = item(
        "middle", steps=(step("b", 0, uses=("x.a",)),), outputs=(Output(certificate="b", role="x"),)
    )
    first = item("first", steps=(step("a", 0),), outputs=(Output(certificate="a", role="x"),))
    nodes = reform.study(bundle(last, middle, first), {}, WORDS, frozenset()).compiled.nodes
    assert longest_chain(nodes) == ["first.a", "middle.b", "last.c"]
    assert [node.key for node in in_order(nodes)] == ["first.a", "middle.b", "last.c"]
    assert critical_path(nodes) == []
