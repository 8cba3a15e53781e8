"""The inspector: everything that can be known of a pack before it acts, with file, line and remedy."""

import json as jsonlib
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from liangwang.base import inspection, packs
from liangwang.base.declare import Problem, did_you_mean, schemas
from liangwang.base.inspection import Look, inspect
from liangwang.base.labels import Label
from liangwang.base.packs import Declared, Pack
from liangwang.cases.declare import PlanDeclaration, faults_of, problem_of
from liangwang.services.checks import ELEMENTS, lacking
from liangwang.services.declare import Bundle, Item

STOREYS = ("rules", "hub", "cases", "services", "operations")


class Report(NamedTuple):
    """One pack's result: how much it declares, what is wrong, and its grade.

    `lacking` counts by element what the national list has of an item and the pack's items do not say.
    """

    pack: str
    declared: int
    tests: int
    unverified: int
    errors: int
    advice: int
    lacking: dict[str, int]
    grade: str


def main(packs: Sequence[str] = (), json: bool = False) -> int:
    """The command: 0 when no pack has an error."""
    started = time.monotonic()
    problems, reports = check(only=packs)
    took = time.monotonic() - started
    if json:
        rows = [_as_json(problem) for problem in problems]
        found = {"problems": rows, "packs": [r._asdict() for r in reports], "seconds": round(took, 2)}
        sys.stdout.write(jsonlib.dumps(found, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(table(problems, reports, took))
    return 1 if any(problem.level == "error" for problem in problems) else 0


def check(root: Path | None = None, only: Iterable[str] = ()) -> tuple[list[Problem], list[Report]]:
    """Every problem of the packs under `root` (default: this city's), and a report for each pack."""
    load_schemas()
    look = Look(root)
    found = [*packs.problems(root), *_of_every_declaration(look), *inspection.run_rules(look)]
    for pack in look.packs():
        found += [*inspection.stray_files(pack, look), *inspection.python_files(pack, look)]
        found += _needs(pack, look)
    found += _tests(look)
    chosen = set(only) or {pack.key for pack in look.packs()} | {_pack_of(p) for p in found}
    told = {(p.file, p.line, p.message["en"]): p for p in found if _pack_of(p) in chosen}
    found = [told[place] for place in sorted(told)]
    return found, [_report(pack, look, found) for pack in look.packs() if pack.key in chosen]


def load_schemas() -> None:
    """Lets every storey register its files and its rules."""
    for storey in STOREYS:
        for part in ("declare", "certificate_layouts", "checks", "pack_tests"):
            if find_spec(f"liangwang.{storey}.{part}"):
                import_module(f"liangwang.{storey}.{part}")


def table(problems: Sequence[Problem], reports: Sequence[Report], took: float) -> str:
    """The report as people read it."""
    lines = []
    for p in problems:
        mark = "✗" if p.level == "error" else "·"
        lines.append(f"{mark} {p.file}:{p.line}: {p.message['zh']}({p.remedy['zh']})")
        lines.append(f"    {p.message['en']} ({p.remedy['en']}) [{p.rule}]")
    lines.append(
        f"{'应用 pack':<22}{'声明':>6}{'测试':>6}{'待核':>6}{'缺要素':>5}{'错误':>6}{'建议':>6}  等级"
    )
    for r in reports:
        row = f"{r.declared:>8}{r.tests:>8}{r.unverified:>8}{sum(r.lacking.values()):>8}{r.errors:>8}{r.advice:>8}"
        lines.append(f"{r.pack:<22}{row}    {r.grade}")
    if said := _lacking(reports):
        lines.append(said)
    errors = sum(p.level == "error" for p in problems)
    mark = "✗" if errors else "✓"
    lines.append(
        f"{mark} {len(reports)} 个应用,{errors} 个错误 · {len(reports)} packs, {errors} errors, {took:.1f} s"
    )
    return "\n".join(lines) + "\n"


def _lacking(reports: Sequence[Report]) -> str:
    """Which elements of the national list are missing, and in how many items."""
    found = sum((Counter(r.lacking) for r in reports), Counter())
    zh = "、".join(f"{ELEMENTS[name][0]['zh']} {n}" for name, n in found.most_common())
    en = ", ".join(f"{ELEMENTS[name][0]['en']} {n}" for name, n in found.most_common())
    return f"缺要素：{zh} · elements missing: {en}" if found else ""


# ---- rules of single declarations


def _of_every_declaration(look: Look) -> Iterator[Problem]:
    for file in schemas():
        for one in look.all(file):
            if "*" not in file:
                yield from inspection.languages(one, look)
            if file in ("items.yaml", "materials.csv"):
                yield from inspection.catch_all(one, look)
            if file == "limits.yaml":
                yield from inspection.units(one, look)


@inspect("plans.yaml")
def plans(one: Declared, look: Look) -> Iterator[Problem]:
    """A plan is a graph without cycles, and asks for skills and departments that the city has."""
    plan: PlanDeclaration = one.value
    skills, departments = look.names("skills.csv"), look.names("departments.csv")
    for fault in faults_of(plan, skills=skills, departments=departments):
        path: tuple[str | int, ...] = ()
        for index, task in enumerate(plan.tasks):
            if task.task in fault.nodes:
                path = ("tasks", index)
        yield problem_of(fault, file=one.file, line=packs.line_of(one, *path, root=look.root), key=one.key)


@inspect("items.yaml")
def words_of_items(one: Declared, look: Look) -> Iterator[Problem]:
    """Concepts, document types and departments that an item names are words of the vocabulary."""
    departments = look.names("departments.csv")
    if isinstance(one.value, Bundle):
        yield from _named(one, look, ("office", "department"), one.value.office.department, departments)
        return
    item: Item = one.value
    concepts, materials = look.names("concepts.csv"), look.names("materials.csv")
    yield from _named(one, look, ("office", "department"), item.office.department, departments)
    for n, field in enumerate(item.fields):
        yield from _named(one, look, ("fields", n, "concept"), field.concept, concepts)
    for n, group in enumerate(item.groups):
        for m, field in enumerate(group.fields):
            inside = ("groups", n, "fields", m, "concept")
            yield from _named(one, look, inside, field.concept, concepts)
    for n, material in enumerate(item.materials):
        yield from _named(one, look, ("materials", n, "type"), material.type, materials)
    for n, output in enumerate(item.outputs):
        if output.certificate:
            yield from _named(one, look, ("outputs", n, "certificate"), output.certificate, materials)
    for n, step in enumerate(item.steps):
        if step.by:
            path = ("steps", n, "by", "department")
            yield from _named(one, look, path, step.by.department, departments)


@inspect("items.yaml")
def asks_again(one: Declared, look: Look) -> Iterator[Problem]:
    """No field asks under another name for what the hub can supply; the compiler drops those under the same."""
    if not isinstance(one.value, Item):
        return
    supplied = {}
    for attribute in look.all("attributes.csv"):
        if attribute.value.concept:
            for lang in ("zh", "en"):
                supplied[attribute.value.label[lang].lower()] = attribute.value.concept
    for n, field in enumerate(one.value.fields):
        for text in (field.label or {}).values():
            concept = supplied.get(str(text).strip().lower())
            if concept and concept != field.concept and field.concept.split(".")[0] == concept.split(".")[0]:
                message: Label = {
                    "zh": f"表单又问了“{text}”，数据中心已有",
                    "en": f"the form asks for '{text}' again, which the hub can supply",
                }
                remedy: Label = {"zh": f"改用 concept: {concept}", "en": f"use concept: {concept}"}
                yield look.problem(one, ("fields", n), "asks_again", message, remedy)


@inspect("sources.yaml")
def words_of_sources(one: Declared, look: Look) -> Iterator[Problem]:
    """What a source's columns say is a word of the vocabulary or an attribute."""
    known = look.names("concepts.csv") | look.names("attributes.csv")
    for name, column in getattr(one.value, "columns", {}).items():
        if column.says:
            yield from _named(one, look, ("columns", name, "says"), column.says, known)


def _named(
    one: Declared, look: Look, path: tuple[str | int, ...], name: str, known: set[str]
) -> Iterator[Problem]:
    if name not in known and f"{one.pack}:{name}" not in known:
        message: Label = {"zh": f"没有“{name}”这个词", "en": f"there is no word '{name}'"}
        yield look.problem(one, path, "reference", message, did_you_mean(name, known))


# ---- rules of whole packs


def _needs(pack: Pack, look: Look) -> Iterator[Problem]:
    """A pack names the packs that it refers to."""
    known = {pack.key, packs.SHARED, *pack.meta.needs}
    for bundle in look.all("items.yaml"):
        if bundle.pack != pack.key or not isinstance(bundle.value, Bundle):
            continue
        for n, joined in enumerate(bundle.value.joins):
            other = joined.item.partition(":")[0] if ":" in joined.item else pack.key
            if other not in known:
                message: Label = {
                    "zh": f"没有声明需要应用“{other}”",
                    "en": f"the pack '{other}' is not in 'needs'",
                }
                remedy: Label = {"zh": f"在 pack.toml 的 needs 里加上 {other}", "en": f"add {other} to needs"}
                yield look.problem(bundle, ("joins", n), "needs", message, remedy)


def _tests(look: Look) -> Iterator[Problem]:
    """Runs the packs' own tests where a storey has a runner: `pack_tests.problems(look)`."""
    for storey in STOREYS:
        if find_spec(f"liangwang.{storey}.pack_tests"):
            runner = getattr(import_module(f"liangwang.{storey}.pack_tests"), "problems", None)
            if runner:
                yield from runner(look)


def _report(pack: Pack, look: Look, problems: Sequence[Problem]) -> Report:
    mine = [problem for problem in problems if _pack_of(problem) == pack.key]
    levels = Counter(problem.level for problem in mine)
    files = [file for file in schemas() if file != "pack.toml"]
    ours = [(file, one) for file in files for one in look.all(file) if one.pack == pack.key]
    tests = sum("*" in file for file, _ in ours)
    waiting = sum(inspection.unverified(one.raw) for _, one in ours)
    items = [one.value for file, one in ours if file == "items.yaml" and isinstance(one.value, Item)]
    absent = dict(Counter(name for item in items for name in lacking(item)))
    grade = _grade(levels["error"], levels["advice"], waiting + len(absent))
    counted = (len(ours) - tests, tests, waiting, levels["error"], levels["advice"])
    return Report(pack.key, *counted, absent, grade)


def _grade(errors: int, advice: int, waiting: int) -> str:
    """A: nothing to say; B: legal bases to be checked, or numbers that the platform has to give; C: advice; D: errors."""
    if errors:
        return "D"
    if advice:
        return "C"
    return "B" if waiting else "A"


def _pack_of(problem: Problem) -> str:
    parts = problem.file.split("/")
    return parts[1] if len(parts) > 2 else ""


def _as_json(problem: Problem) -> dict[str, object]:
    return {name: getattr(problem, name) for name in problem.__struct_fields__}
