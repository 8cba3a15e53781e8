"""Declarations: every mistake at once, each with its line, what is wrong and what to do."""

from typing import Annotated, Literal

import msgspec
import pytest

from liangwang.base import declare
from liangwang.base.declare import Problem, Schema
from liangwang.base.labels import Label


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    step: str
    days: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule: str
    label: Label
    when: str
    plan: Annotated[str, declare.reference("plans.yaml")] | None = None
    level: Literal["red", "yellow"] = "red"
    steps: tuple[Step, ...] = ()
    also: list[Annotated[str, declare.reference("rules.yaml")]] = []
    quick: bool = False

    def __post_init__(self) -> None:
        if self.when == "never":
            raise ValueError("从不成立的规则 | a rule that never holds")


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    group: str
    joins: tuple[str, ...]


RULES = Schema("rules.yaml", "tests", (Rule,), False)
BOTH = Schema("rules.yaml", "tests", (Rule, Group), False)


def told(text: str, file: str = "packs/x/rules.yaml", schema: Schema = RULES) -> list[Problem]:
    return declare.read(text, file, schema).problems


def test_an_unknown_key_is_told_with_file_line_and_remedy() -> None:
    (problem,) = told("- rule: a\n  label: {zh: 甲, en: A}\n  when: x > 1\n  plann: b\n")
    assert str(problem) == "packs/x/rules.yaml:4: unknown key 'plann' (did you mean 'plan'?)"
    assert problem.remedy["zh"] == "是否想写“plan”?"


def test_every_mistake_is_told_not_only_the_first() -> None:
    text = """\
- rule: a
  label: {zh: 甲, enn: A}
  when: 3
  level: redd
  steps:
  - step: b
    days: -1
  - stepp: c
- rule: d
  label: {zh: 丁, en: D}
  quick: yes
"""
    found = [(p.line, p.message["en"], p.remedy["en"]) for p in told(text)]
    assert found == [
        (2, "unknown key 'enn'", "did you mean 'en'?"),
        (2, "'en' is missing", "add en:"),
        (3, "expected str, got int", 'put it in quotes: "3"'),
        (4, "there is no choice 'redd'", "did you mean 'red'?"),
        (7, "Expected `int` >= 0", "write it in the expected form"),
        (8, "unknown key 'stepp'", "did you mean 'step'?"),
        (8, "'step' is missing", "add step:"),
        (9, "'when' is missing", "add when:"),
        (11, "expected bool, got str", "write true or false"),
    ]


def test_right_entries_are_kept_beside_wrong_ones() -> None:
    text = "- {rule: a, label: {zh: 甲, en: A}, when: x}\n- {rule: b}\n"
    reading = declare.read(text, "packs/x/rules.yaml", RULES)
    assert [entry.key for entry in reading.entries] == ["a"]
    assert len(reading.problems) == 2


def test_a_schemas_own_complaint_speaks_both_languages() -> None:
    (problem,) = told("- {rule: a, label: {zh: 甲, en: A}, when: never}\n")
    assert problem.message == {"zh": "从不成立的规则", "en": "a rule that never holds"}


def test_a_key_declared_twice_is_told_with_the_first_line() -> None:
    row = "- {rule: a, label: {zh: 甲, en: A}, when: x}\n"
    (problem,) = told(row + "\n" + row)
    assert (problem.line, problem.message["en"]) == (3, "'a' is declared at line 1")


def test_an_entry_is_what_its_first_key_says() -> None:
    text = "- {rule: a, label: {zh: 甲, en: A}, when: x}\n- {group: g, joins: [a]}\n- {group: h, join: [a]}\n"
    reading = declare.read(text, "packs/x/rules.yaml", BOTH)
    assert [type(entry.value) for entry in reading.entries] == [Rule, Group]
    assert [p.message["en"] for p in reading.problems] == ["unknown key 'join'", "'joins' is missing"]


def test_references_are_found_with_their_path() -> None:
    text = "- {rule: a, label: {zh: 甲, en: A}, when: x, plan: 'p:q', also: [b, c]}\n"
    (entry,) = declare.read(text, "packs/x/rules.yaml", RULES).entries
    found = list(declare.mentions(entry.value, Rule))
    assert [(m.target, m.text, m.path) for m in found] == [
        ("plans.yaml", "p:q", ("plan",)),
        ("rules.yaml", "b", ("also", 0)),
        ("rules.yaml", "c", ("also", 1)),
    ]


def test_tables_are_read_by_the_same_schema() -> None:
    text = "rule,label.zh,label.en,when,also,quick\na,甲,A,x,b; c,yes\n\n# a note,,,,,\nb,乙,,x,,no\nc,丙,C\n"
    reading = declare.read(text, "packs/x/rules.csv", RULES)
    (entry,) = reading.entries
    assert (entry.value.also, entry.value.quick, entry.line) == (["b", "c"], True, 2)
    found = [(p.line, p.message["en"]) for p in reading.problems]
    assert found == [(6, "the row has 3 cells, the header 6"), (5, "'en' is missing")]


def test_settings_are_read_with_lines() -> None:
    schema = Schema("pack.toml", "tests", (Step,), True)
    (problem,) = declare.read("# a\nstep = 'a'\ndayss = 3\n", "packs/x/pack.toml", schema).problems
    assert str(problem) == "packs/x/pack.toml:3: unknown key 'dayss' (did you mean 'days'?)"
    (problem,) = declare.read("step = \n", "packs/x/pack.toml", schema).problems
    assert problem.line == 1


def test_one_file_has_one_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, "_schemas", {})
    declare.declaration_file("a.yaml", tuple_of=Rule, owner="rules")
    declare.declaration_file("a.yaml", tuple_of=Rule, owner="rules")
    with pytest.raises(ValueError, match="belongs to rules"):
        declare.declaration_file("a.yaml", tuple_of=Group, owner="hub")
    declare.declaration_file("tests/*.yaml", tuple_of=Rule, owner="rules")
    shared = declare.declaration_file("tests/*.yaml", tuple_of=Group, owner="hub")
    assert (shared.kinds, shared.owner) == ((Rule, Group), "rules, hub")


def test_a_list_is_expected_and_said() -> None:
    (problem,) = told("rule: a\n")
    assert problem.message["en"] == "the file should be a list of entries"
