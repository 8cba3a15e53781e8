"""The inspector: each of its rules fires on a planted mistake, with the line, and is silent on the clean pack."""

# ruff: noqa: E501  (the table of planted mistakes is long on purpose)

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from liangwang import check, settings
from liangwang.base import packs
from liangwang.base.inspection import CATCH_ALL

ITEM = """\
- item: card
  label: {zh: 证, en: Card}
  guide: {zh: 怎么办, en: How}
  office: {department: power, level: district}
  kind: public_service
  promised_days: {days: 3, basis: {zh: 承诺, en: Promise}, unverified: true}
  fields:
    - {concept: person.name, role: applicant}
  materials:
    - {type: identity_card, role: applicant, hint: {zh: 原件, en: Original}}
  outputs:
    - {certificate: identity_card, role: applicant}
  steps:
    - {step: decide, label: {zh: 审, en: Decide}, working_days: 1, by: {department: power, level: district}}
  theme: household
  aliases: [补证]
  conditions:
    - {zh: 有户口, en: Registered}
  counters:
    - {zh: 派出所, en: Police station}
  basis:
    - {law: {zh: 条例, en: Regulations}, unverified: true}
  legal_days: {days: 3, basis: {zh: 条例, en: Regulations}, unverified: true}
"""
BUNDLE = """\
- bundle: both
  label: {zh: 一件事, en: One thing}
  guide: {zh: 怎么办, en: How}
  office: {department: power, level: district}
  joins:
    - {item: 'a:card'}
"""
LIMIT = """\
- limit: depth
  label: {zh: 水深, en: Depth}
  value: 15
  unit: cm
  since: "2020-01-01"
  basis: {zh: 依据, en: Basis}
  unverified: true
"""
PLAN = """\
- plan: mend
  label: {zh: 修, en: Mend}
  tasks:
    - {task: guard, label: {zh: 守, en: Guard}, by: {anyone: true}, within: {minutes: 15}}
    - {task: repair, label: {zh: 修, en: Repair}, by: {crew: {skill: cover_repair}}, needs: [guard]}
"""

SOURCE = """\
- source: list
  label: {zh: 名单, en: List}
  category: {zh: 名单, en: Lists}
  office: power
  key: [number]
  observed: "on"
  fresh_within: 1d
  sharing: conditional
  retention: order
  about: person
  registers: true
  columns:
    number: {label: {zh: 号码, en: Number}, type: identity}
    "on": {label: {zh: 日期, en: Date}, type: date}
"""
OWN_TEST = """\
- application: it asks for one paper
  item: {item}
  expect: {{materials: [applicant.identity_card]}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "packs"
    for key in ("a", "b"):
        (folder / key).mkdir(parents=True)
        (folder / key / "pack.toml").write_text('owner = "power"\nneeds = []\n[name]\nzh = "甲"\nen = "A"\n')
    (folder / "b" / "pack.toml").write_text('owner = "power"\nneeds = ["a"]\n[name]\nzh = "乙"\nen = "B"\n')
    (folder / "a" / "items.yaml").write_text(ITEM)
    (folder / "b" / "items.yaml").write_text(BUNDLE)
    (folder / "a" / "limits.yaml").write_text(LIMIT)
    (folder / "a" / "plans.yaml").write_text(PLAN)
    for key, item in (("a", "card"), ("b", "both")):
        (folder / key / "tests").mkdir()
        (folder / key / "tests" / "items.yaml").write_text(OWN_TEST.format(item=item))
    shutil.copytree(settings.PACKS_DIR / "vocabulary", folder / "vocabulary")
    packs.forget()
    yield folder
    packs.forget()


def found(root: Path) -> list[str]:
    packs.forget()
    problems, _ = check.check(root, only=("a", "b"))
    return [f"{p.rule} {p}" for p in problems]


def planted(root: Path, file: str, old: str, new: str) -> list[str]:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return found(root)


def test_a_clean_pack_is_silent(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("a/items.yaml", "guide:", "guid:", "declaration packs/a/items.yaml:3: unknown key 'guid' (did you mean 'guide'?)"),
        ("a/items.yaml", "en: How", "en: ''", "languages packs/a/items.yaml:3: both languages are needed"),
        ("a/items.yaml", "en: How", "en: 怎么办", "languages packs/a/items.yaml:3: en is Chinese: '怎么办'"),
        ("a/items.yaml", "zh: 怎么办", "zh: How this is done", "languages packs/a/items.yaml:3: zh has no Chinese"),
        ("a/items.yaml", "zh: 原件", "zh: 其他材料", "catch_all packs/a/items.yaml:10: 'card' has a catch-all: '其他材料'"),
        ("a/items.yaml", "zh: 怎么办", "zh: 身份证等相关证明", "catch_all packs/a/items.yaml:3: 'card' has a catch-all"),
        ("a/items.yaml", "person.name", "person.nam", "reference packs/a/items.yaml:8: there is no word 'person.nam' (did you mean 'person.name'?)"),
        ("a/items.yaml", "type: identity_card", "type: identity_cart", "reference packs/a/items.yaml:10: there is no word 'identity_cart'"),
        ("a/items.yaml", "certificate: identity_card", "certificate: card", "reference packs/a/items.yaml:12: there is no word 'card'"),
        ("a/items.yaml", "department: power, level: district}\n  kind", "department: powr, level: district}\n  kind", "reference packs/a/items.yaml:4: there is no word 'powr' (did you mean 'power'?)"),
        ("a/items.yaml", "by: {department: power", "by: {department: tower", "reference packs/a/items.yaml:14: there is no word 'tower'"),
        ("a/items.yaml", "{concept: person.name, role: applicant}", "{concept: person.employer, role: applicant, label: {zh: 居住地址, en: Where you live}}", "asks_again packs/a/items.yaml:8: the form asks for '居住地址' again, which the hub can supply (use concept: person.address)"),
        ("a/items.yaml", ", unverified: true", "", "declaration packs/a/items.yaml:6: "),
        ("a/items.yaml", "  counters:\n    - {zh: 派出所, en: Police station}\n", "", "elements packs/a/items.yaml:1: no counters (write 'counters')"),
        ("a/items.yaml", "kind: public_service", "kind: public_service\n  code: 11650000010183859X2652016013001", "code packs/a/items.yaml:6: the first 18"),
        ("a/limits.yaml", "unit: cm", "unit: cmm", "units packs/a/limits.yaml:4: unknown unit 'cmm' (did you mean 'mm'?)"),
        ("a/limits.yaml", "  unit: cm\n", "", "declaration packs/a/limits.yaml:1: 'unit' is missing"),
        ("a/limits.yaml", "  unverified: true\n", "", "declaration packs/a/limits.yaml:1: "),
        ("a/plans.yaml", "cover_repair", "cover_repare", "plan packs/a/plans.yaml:5: no crew has the skill 'cover_repare'"),
        ("a/plans.yaml", "needs: [guard]", "needs: [gard]", "plan packs/a/plans.yaml:5: 'repair' needs unknown tasks: gard"),
        ("a/plans.yaml", "within: {minutes: 15}", "needs: [repair]", "plan packs/a/plans.yaml:5: tasks wait for each other"),
        ("b/items.yaml", "a:card", "a:cart", "reference packs/b/items.yaml:6: item: there is no 'a:cart'"),
        ("b/pack.toml", '["a"]', "[]", "needs packs/b/items.yaml:6: the pack 'a' is not in 'needs' (add a to needs)"),
        ("b/pack.toml", "power", "powr", "reference packs/b/pack.toml:1: owner: there is no 'powr' (did you mean 'power'?)"),
        ("b/pack.toml", '"B"', '""', "languages packs/b/pack.toml:3: both languages are needed"),
    ],
)  # fmt: skip
def test_each_rule_fires_where_the_mistake_is(root: Path, file: str, old: str, new: str, said: str) -> None:
    told = planted(root, file, old, new)
    assert any(line.startswith(said) for line in told), told


def test_an_item_without_a_test_and_a_test_that_fails_are_told(root: Path) -> None:
    tests = root / "a" / "tests" / "items.yaml"
    tests.write_text(OWN_TEST.format(item="card").replace("identity_card", "passport"))
    assert len(found(root)) == 1
    tests.unlink()
    assert any(line.startswith("untested packs/a/items.yaml:1: 'card' has no test") for line in found(root))


def test_a_source_of_an_emergency_registers_nobody(root: Path) -> None:
    (root / "a" / "sources.yaml").write_text(SOURCE)
    assert not [line for line in found(root) if "outlive" in line]
    told = planted(root, "a/pack.toml", 'owner = "power"', 'owner = "power"\nmode = "emergency"')
    assert [line for line in told if "outlive" in line] == [
        "outlives_order packs/a/sources.yaml:11: 'list' of an emergency pack may not register subjects: "
        "they would outlive the order (remove 'registers', or let a routine pack register them)"
    ]


def test_a_file_that_nobody_reads_is_told(root: Path) -> None:
    (root / "a" / "limit.yaml").write_text(LIMIT)
    assert found(root) == [
        "stray_file packs/a/limit.yaml:1: nobody reads 'limit.yaml' (did you mean 'limits.yaml'?)"
    ]


def test_a_packs_python_stays_inside_the_facade(root: Path) -> None:
    (root / "a" / "logic.py").write_text("import math\nfrom liangwang.pack import quantity\n")
    assert found(root) == []
    (root / "a" / "logic.py").write_text("import math\nfrom liangwang.cases import actions\nimport packs.b\n")
    assert [line.partition(" (")[0] for line in found(root)] == [
        "imports packs/a/logic.py:2: a pack may not import liangwang.cases",
        "imports packs/a/logic.py:3: a pack may not import packs.b",
    ]


@pytest.mark.parametrize(
    "text",
    ["其他材料", "其它相关材料", "等相关证明", "法律法规规定的其他材料", "法律、行政法规规定的其他条件", "需要提供的其他文件", "other relevant documents"],
)  # fmt: skip
def test_catch_alls_are_known_in_their_variants(text: str) -> None:
    assert CATCH_ALL.search(f"身份证、{text}")


@pytest.mark.parametrize(
    "text", ["身份证件", "结婚证等三项", "其他", "父母双方的证明", "材料清单", "another document"]
)
def test_ordinary_words_are_not_catch_alls(text: str) -> None:
    assert not CATCH_ALL.search(text)


def test_grades_say_how_far_a_pack_is(root: Path) -> None:
    packs.forget()
    grades = {report.pack: (report.grade, report.unverified) for report in check.check(root)[1]}
    assert grades["a"] == ("B", 4)
    assert grades["b"] == ("A", 0)
    planted(root, "a/plans.yaml", "cover_repair", "cover_repare")
    assert {r.pack: r.grade for r in check.check(root)[1]}["a"] == "D"


def test_the_citys_own_packs_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    packs.forget()
    code = check.main(json=True)
    report = json.loads(capsys.readouterr().out)
    assert [p for p in report["problems"] if p["level"] == "error"] == []
    assert code == 0
    assert report["seconds"] < 10


def test_the_table_reads_well(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted(root, "a/items.yaml", "guide:", "guid:")
    problems, reports = check.check(root)
    text = check.table(problems, reports, 0.1)
    assert "✗ packs/a/items.yaml:3: 不认识的键“guid”(是否想写“guide”?)" in text
    assert "unknown key 'guid' (did you mean 'guide'?) [declaration]" in text
