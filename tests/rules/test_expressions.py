"""The condition language: what it reads, how it refuses, and that its two back ends say the same."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.rules.errors import RuleError
from liangwang.rules.explain import explain, verdict_of
from liangwang.rules.ibis_backend import expression
from liangwang.rules.language import Variable
from liangwang.rules.numpy_backend import Column, verdict
from liangwang.rules.parse import parse, parse_condition
from tests.tries import tries

NAMES = {
    "tilt": Variable("number", "deg"),
    "depth": Variable("number", "cm"),
    "owner": Variable("text"),
    "open": Variable("truth"),
}
LIMITS = {"open_tilt": (15.0, "deg"), "brim": (250.0, "cm")}


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("tilt > opn_tilt", "name", 8),
        ("tilt > brim", "unit", 8),
        ("tilt // 2 > 1", "not_allowed", 1),
        ("tilt % 2 > 1", "not_allowed", 1),
        ("tilt ** 2 > 1", "not_allowed", 1),
        ("owner > 3", "kind", 1),
        ("owner == 3", "kind", 10),
        ("not tilt", "kind", 5),
        ("tilt > 15deg", "quantity_unit", 8),
        ("tilt > 5min", "not_allowed", 8),
        ("rat(tilt, 5min) > 3", "function", 1),
        ("rate(tilt, 5) > 3", "arguments", 12),
        ("rate(tilt + 1, 5min) > 3", "arguments", 6),
        ("between(22, 6) and open", "arguments", 9),
        ("between(22:00, 25:00)", "clock", 0),
        ("tilt.real > 3", "not_allowed", 1),
        ("__import__('os')", "function", 1),
        ("tilt if open else depth", "not_allowed", 1),
        ("[x for x in y]", "not_allowed", 1),
        ("  ", "empty", 0),
        ("tilt + 1", "condition", 1),
        ("owner in ['rain', 3]", "kind", 19),
        ("tilt is depth", "not_allowed", 1),
    ],
)
def test_what_is_not_on_the_list_is_refused_with_its_column(text: str, code: str, column: int) -> None:
    with pytest.raises(RuleError) as refused:
        parse_condition(text, NAMES, LIMITS)
    assert (refused.value.code, refused.value.column) == (code, column)
    assert refused.value.message("zh") != refused.value.message("en")


def test_half_an_expression_is_refused() -> None:
    with pytest.raises(RuleError, match="not a complete expression"):
        parse("tilt >", NAMES, LIMITS)


def test_a_misspelt_name_is_told_what_was_probably_meant() -> None:
    with pytest.raises(RuleError, match="did you mean 'open_tilt'"):
        parse("tilt > opn_tilt", NAMES, LIMITS)


def test_columns_count_characters_even_after_chinese_text() -> None:
    with pytest.raises(RuleError) as refused:
        parse("owner == '雨水' and tlt > 1", NAMES, LIMITS)
    assert refused.value.column == 19


def test_unknown_never_fires_and_one_false_settles_an_and() -> None:
    node = parse("tilt > open_tilt and depth > brim", NAMES, LIMITS)
    assert verdict_of(node, {"tilt": 20.0}) is None
    assert verdict_of(node, {"tilt": 1.0}) is False
    assert verdict_of(parse("tilt > 1 or depth > 1", NAMES), {"tilt": 2.0}) is True
    assert verdict_of(parse("tilt / depth > 1", NAMES), {"tilt": 2.0, "depth": 0.0}) is None


def test_an_explanation_names_every_part_with_its_value() -> None:
    lines = explain(parse("tilt > open_tilt and owner == 'rain'", NAMES, LIMITS), {"tilt": 20.0})
    by = {line["expression"]: line for line in lines}
    assert by["tilt > open_tilt"]["verdict"] is True
    assert by["tilt"] == {"expression": "tilt", "value": 20.0, "verdict": None, "unit": "deg"}
    assert by["open_tilt"]["value"] == 15.0
    assert by["owner == 'rain'"]["verdict"] is None


numbers = st.one_of(
    st.sampled_from(["x", "y"]), st.integers(-3, 3).map(str), st.sampled_from(["0.5", "1e308", "-2.5"])
)
arithmetic = st.recursive(
    numbers,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner) | inner.map("(-{})".format)
    ),
    max_leaves=5,
)
comparisons = st.one_of(
    st.builds(
        "({} {} {})".format, arithmetic, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), arithmetic
    ),
    st.builds("({} < {} <= {})".format, arithmetic, arithmetic, arithmetic),
    st.sampled_from(
        ["(s == 'a')", "(s != 'b')", "(s in ['a', 'b'])", "(s not in ['c'])", "(x in [1, 2])", "b"]
    ),
)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | inner.map("(not {})".format)
    ),
    max_leaves=6,
)
values = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 1e308, -1e308]), st.floats(-1e6, 1e6)
)
rows = st.lists(
    st.tuples(values, values, st.sampled_from([None, "a", "b", "c"]), st.sampled_from([None, True, False])),
    min_size=1,
    max_size=8,
)
KINDS = {"x": Variable("number"), "y": Variable("number"), "s": Variable("text"), "b": Variable("truth")}


@given(text=conditions, table=rows)
@settings(max_examples=tries(150), deadline=None)
def test_the_two_back_ends_say_the_same(text: str, table: list[tuple[object, ...]]) -> None:
    node = parse_condition(text, KINDS)
    columns = {}
    frame = {}
    for name, cells, filler in zip("xysb", zip(*table, strict=True), (0.0, 0.0, "", False), strict=True):
        null = np.array([cell is None for cell in cells])
        columns[name] = Column(np.array([filler if cell is None else cell for cell in cells]), null)
        dtype = {"x": "Float64", "y": "Float64", "s": "string", "b": "boolean"}[name]
        frame[name] = pd.array(list(cells), dtype=dtype)
    true, unknown = verdict(node, columns, len(table))
    by_numpy = [None if u else bool(t) for t, u in zip(true, unknown, strict=True)]
    memory = ibis.memtable(pd.DataFrame(frame)).mutate(n=ibis.row_number())
    found = memory.select("n", verdict=expression(node, memory)).order_by("n").execute()["verdict"]
    by_ibis = [None if pd.isna(cell) else bool(cell) for cell in found]
    assert by_numpy == by_ibis, text
    by_row = [verdict_of(node, dict(zip("xysb", row, strict=True))) for row in table]
    assert by_row == by_numpy, text
