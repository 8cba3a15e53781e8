"""What `liangwang check` stands on: rules registered for a file, and the rules that hold for every file."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .declare import Level, Problem, did_you_mean, schemas
from .labels import Label
from .packs import Declared, Pack, declarations, line_of, packs
from .units import UNITS

Places = tuple[str | int, ...]

# A list that ends in "and other documents" has no end (国务院: 兜底性要求 are to be removed).
CATCH_ALL = re.compile(
    "|".join(
        (
            r"其[他它](?:有关|相关|必要|所需|应当提交的|需要提交的|需要的)?(?:证明)?(?:材料|文件|证明|资料)",
            r"等(?:相关|有关|其他)(?:证明|材料|文件|资料)",
            r"(?:法律|法规|规章)(?:[、和](?:法规|行政法规|规章))*规定的其[他它]",
            r"(?:需要|要求)(?:提供|提交)的其[他它]",
            r"\bother (?:relevant |necessary |required |supporting )?(?:materials|documents|papers|proofs?)\b",
            r"\bother (?:things|items) (?:required|prescribed) by law\b",
        )
    ),
    re.IGNORECASE,
)
HAN = re.compile(r"[\u3400-\u9fff]")
PACK_FILES = {"pack.toml", "logic.py", "demo.py", "README.md", "__init__.py"}
# What a pack's own Python may import: the façade, the standard library's pure parts, columns and tables.
ALLOWED_IMPORTS = {
    "liangwang.pack", "__future__", "collections", "collections.abc", "dataclasses", "datetime", "functools",
    "itertools", "math", "random", "statistics", "typing", "numpy", "ibis", "json", "csv", "io", "re", "zlib",
    "hashlib", "string",
}  # fmt: skip


class Look:
    """What a rule sees of the packs: every declaration, and where each value stands."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root

    def all(self, file: str) -> list[Declared]:
        """Every declaration of a file that has a schema; none for a file that nobody has registered."""
        return declarations(file, self.root) if file in schemas() else []

    def packs(self) -> list[Pack]:
        return packs(self.root)

    def names(self, file: str) -> set[str]:
        """The keys of a file's declarations, as `pack:key` and, of the shared words, as `key`."""
        found = {one.ref for one in self.all(file)}
        return found | {ref.removeprefix("vocabulary:") for ref in found if ref.startswith("vocabulary:")}

    def problem(
        self, one: Declared, path: Places, rule: str, message: Label, remedy: Label, level: Level = "error"
    ) -> Problem:
        """A problem at a value of a declaration."""
        line = line_of(one, *path, root=self.root)
        return Problem(
            file=one.file, line=line, key=one.key, message=message, remedy=remedy, level=level, rule=rule
        )


Rule = Callable[[Declared, Look], Iterable[Problem]]
_rules: list[tuple[str, Rule]] = []


def inspect(file: str) -> Callable[[Rule], Rule]:
    """Registers a rule for every declaration of a file; a storey's own rules live beside its schemas."""

    def registered(rule: Rule) -> Rule:
        _rules.append((file, rule))
        return rule

    return registered


def run_rules(look: Look) -> Iterator[Problem]:
    """What the registered rules find."""
    for file, rule in _rules:
        for one in look.all(file):
            yield from rule(one, look)


class Text(NamedTuple):
    """A label found in a declaration: where, and its two texts."""

    path: Places
    label: dict[str, Any]


def labels(raw: Any, path: Places = ()) -> Iterator[Text]:
    """Every label inside a raw declaration."""
    if isinstance(raw, dict):
        if raw.keys() & {"zh", "en"} and all(isinstance(raw.get(k, ""), str) for k in ("zh", "en")):
            yield Text(path, {lang: raw[lang] for lang in ("zh", "en") if lang in raw})
        for key, value in raw.items():
            yield from labels(value, (*path, key))
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from labels(value, (*path, index))


def languages(one: Declared, look: Look) -> Iterator[Problem]:
    """Both languages everywhere, each in its own script."""
    for path, label in labels(one.raw):
        zh, en = str(label.get("zh", "")).strip(), str(label.get("en", "")).strip()
        if not zh or not en:
            message: Label = {"zh": "中英文都要写", "en": "both languages are needed"}
        elif not _codes_only(zh) and not HAN.search(zh):
            message = {"zh": f"zh 里没有汉字：“{zh[:30]}”", "en": f"zh has no Chinese character: '{zh[:30]}'"}
        elif len(HAN.findall(en)) > len(en) / 4:
            message = {"zh": f"en 里是中文：“{en[:30]}”", "en": f"en is Chinese: '{en[:30]}'"}
        else:
            continue
        remedy: Label = {"zh": "写成 {zh: …, en: …}", "en": "write {zh: …, en: …}"}
        yield look.problem(one, path, "languages", message, remedy)


def catch_all(one: Declared, look: Look) -> Iterator[Problem]:
    """No list of materials may end in "and other documents": the item is named."""
    for path, label in labels(one.raw):
        for text in label.values():
            if found := CATCH_ALL.search(text):
                message: Label = {
                    "zh": f"“{one.key}” 有兜底材料：“{found[0]}”",
                    "en": f"'{one.key}' has a catch-all: '{found[0]}'",
                }
                remedy: Label = {
                    "zh": "逐项列出材料，或删去这一句",
                    "en": "list each document, or drop the phrase",
                }
                yield look.problem(one, path, "catch_all", message, remedy)


def units(one: Declared, look: Look) -> Iterator[Problem]:
    """Every number of a limit has a unit that is known, and says on what it rests."""
    unit = one.raw.get("unit") if isinstance(one.raw, dict) else None
    if unit is not None and unit not in UNITS:
        message: Label = {"zh": f"不认识的单位“{unit}”", "en": f"unknown unit '{unit}'"}
        yield look.problem(one, ("unit",), "units", message, did_you_mean(str(unit), UNITS))


def unverified(raw: Any) -> int:
    """How many legal bases of a declaration say that nobody has checked them."""
    if isinstance(raw, dict):
        return int(raw.get("unverified") is True) + sum(unverified(value) for value in raw.values())
    return sum(unverified(value) for value in raw) if isinstance(raw, list) else 0


def stray_files(pack: Pack, look: Look) -> Iterator[Problem]:
    """A file that no storey reads is a typing mistake that nobody would notice."""
    known = set(schemas()) | {name.replace(".yaml", ".csv") for name in schemas()} | PACK_FILES
    for path in sorted(pack.path.iterdir()):
        if path.is_file() and path.name not in known and not path.name.startswith("."):
            message: Label = {"zh": f"没有谁读“{path.name}”", "en": f"nobody reads '{path.name}'"}
            names = {name for name in known if "*" not in name}
            yield _at(pack, path, 1, "stray_file", message, did_you_mean(path.name, names))


def python_files(pack: Pack, look: Look) -> Iterator[Problem]:
    """A pack's Python imports the façade and nothing else of the kernel, nor another pack."""
    for path in sorted(pack.path.glob("*.py")):
        for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in _imported(found):
                if name not in ALLOWED_IMPORTS:
                    message: Label = {
                        "zh": f"应用里不能 import {name}",
                        "en": f"a pack may not import {name}",
                    }
                    remedy: Label = {"zh": "只用 liangwang.pack", "en": "use liangwang.pack"}
                    yield _at(pack, path, getattr(found, "lineno", 1), "imports", message, remedy)


def _imported(found: ast.AST) -> list[str]:
    if isinstance(found, ast.Import):
        return [alias.name for alias in found.names]
    return [found.module or "."] if isinstance(found, ast.ImportFrom) else []


def _at(pack: Pack, path: Path, line: int, rule: str, message: Label, remedy: Label) -> Problem:
    shown = path.relative_to(pack.path.parent.parent).as_posix()
    return Problem(file=shown, line=line, key=path.name, message=message, remedy=remedy, rule=rule)


def _codes_only(text: str) -> bool:
    """True for a name that is the same in both languages, such as `PM2.5` or `ETC`."""
    return len(text) <= 12
