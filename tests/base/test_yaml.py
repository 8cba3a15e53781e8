"""The YAML loader has none of YAML's traps, and knows where everything stands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base import yaml
from liangwang.base.export import dump
from tests.tries import tries


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "n", "No", "1:30", "0o17", "0x1f", "010", "1_000"]
)
def test_a_word_stays_a_word(word: str) -> None:
    assert yaml.load(f"a: {word}").data == {"a": word}


@pytest.mark.parametrize("text", ["2020-04-12", "2020-04-12T08:00:00Z", "310105", "12:30:45"])
def test_dates_and_times_are_not_guessed(text: str) -> None:
    found = yaml.load(f"a: {text}").data["a"]
    assert found == (310105 if text == "310105" else text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
    ],
)
def test_the_core_schema_is_read(text: str, value: object) -> None:
    assert yaml.load(f"a: {text}").data == {"a": value}


def test_a_quoted_number_is_text() -> None:
    assert yaml.load("a: '12'\nb: \"true\"").data == {"a": "12", "b": "true"}


def test_every_value_keeps_its_line() -> None:
    document = yaml.load("- rule: a\n  label:\n    zh: 甲\n    en: A\n  list:\n    - 1\n    - 2\n- rule: b\n")
    assert document.line((0, "label", "en")) == 4
    assert document.line((0, "list", 1)) == 7
    assert document.line((1,)) == 8
    assert document.line((1, "nothing", "here")) == 8


def test_a_doubled_key_is_told_with_both_lines() -> None:
    document = yaml.load("a: 1\nb: 2\na: 3\n")
    assert document.data == {"a": 1, "b": 2}
    (fault,) = document.faults
    assert (fault.line, fault.key) == (3, "a")
    assert "line 1" in fault.en
    assert "第 1 行" in fault.zh


def test_aliases_are_refused_so_a_bomb_stays_small() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for left, right in zip("bcdefghij", "abcdefghi", strict=True):
        bomb += f"{left}: &{left} [{', '.join([f'*{right}'] * 9)}]\n"
    document = yaml.load(bomb)
    assert len(document.faults) == 10 + 9 * 9
    assert len(repr(document.data)) < 2000


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    document = yaml.load("[" * 5000 + "]" * 5000)
    assert document.data is None
    assert "levels deep" in document.faults[0].en


def test_tags_and_second_documents_are_refused() -> None:
    (fault,) = yaml.load("a: !!python/object:os.system {}\n").faults
    assert "python/object:os.system" in fault.en
    assert yaml.load("a: 1\n---\nb: 2\n").faults[0].line == 2


@pytest.mark.parametrize("text", ["a: [1\nb: 2", "a: b: c", "\t- a", "'open"])
def test_broken_text_gives_a_line_and_a_reason(text: str) -> None:
    document = yaml.load(text)
    assert document.data is None
    assert document.faults[0].line >= 1
    assert document.faults[0].zh != document.faults[0].en


TRAPS = [
    "yes",
    "010",
    "1e3",
    "2020-04-12",
    "1:30",
    "0x1",
    "~",
    "null",
    ".5",
    "+1",
    "-",
    "#a",
    "1_0",
    "=",
    "<<",
    "a:b",
]
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXT | st.sampled_from(TRAPS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=tries(400), deadline=None)
@given(VALUES)
def test_what_export_writes_the_loader_reads(value: object) -> None:
    document = yaml.load(dump(value))
    assert document.faults == []
    assert document.data == [value]


@settings(max_examples=tries(300), deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_too_strange_to_be_read_or_told(text: str) -> None:
    document = yaml.load(text)
    for fault in document.faults:
        assert 1 <= fault.line <= text.count("\n") + text.count("\r") + text.count("\x85") + 9
        assert fault.zh and fault.en and fault.remedy_zh and fault.remedy_en
