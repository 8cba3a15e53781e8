"""Items go out as a table or as linked data and come in again: whole or not at all, as drafts that the office publishes."""

import sys
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from liangwang.base import audit, clock, pack_versions, packs
from liangwang.base.access import Thing
from liangwang.base.declare import Problem, mentions, read, schemas
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.base.mistakes import did_you_mean
from liangwang.base.transactions import write
from liangwang.base.yaml import Document

from . import catalogue, exchange_csv, exchange_jsonld, item_drafts
from .compile import compile_bound
from .compiled import Bound, Proved, Source
from .declare import Bundle, Item
from .exchange_csv import Row, plain
from .merge import questions

FILE = "items.yaml"


class Taken(NamedTuple):
    """What an import would do, or has done: items by `pack:key`, and every mistake; with one, nothing is taken."""

    fresh: list[str]
    changed: list[str]
    same: int
    problems: list[Problem]


def exported(form: str, key: str | None = None) -> str:
    """Every item in force, or the one called `key`, as "csv" or "jsonld"; raises NotFound."""
    return _made(form, key, tuple(one.version_hash for one in packs.declarations(FILE)))


@lru_cache(maxsize=8)
def _made(form: str, key: str | None, versions: tuple[str, ...]) -> str:
    """The text once for the versions in force: everybody may ask for it."""
    found = [(one.ref, one.value) for one in packs.declarations(FILE) if key in (None, one.ref)]
    if not found:
        raise NotFound
    return exchange_csv.sheet(found) if form == "csv" else exchange_jsonld.text(found)


def take_in(text: str, file: str, *, at: datetime, publish: bool = False, by: Actor | None = None) -> Taken:
    """Reads items from the text of a .csv or .jsonld file; all become drafts of the desk, or with `publish` are in force.

    `by` is who brings the file on a page; None is the command. One mistake anywhere and nothing is taken. An item that
    says what is in force already makes no version.
    """
    rows, wrong = (exchange_jsonld.rows_of if file.endswith("jsonld") else exchange_csv.rows_of)(text, file)
    read_rows = [(row, value) for row in rows if (value := _typed(row, file, wrong)) is not None]
    wrong += _doubles(rows, file)
    if not wrong:
        wrong += _unresolved(read_rows, file)
    if not wrong:
        wrong += _contradictions(read_rows, file)
    if wrong:
        return Taken([], [], 0, sorted(wrong, key=lambda one: one.line))
    held = {one.ref: one.value for one in packs.declarations(FILE)}
    new = [(row, value) for row, value in read_rows if held.get(_ref(row)) != value]
    with write():
        for row, value in new:
            _keep(row, value, at, file=file, publish=publish, by=by)
    names = [_ref(row) for row, _ in new]
    changed = [name for name in names if name in held]
    return Taken([n for n in names if n not in held], changed, len(read_rows) - len(new), [])


def _keep(
    row: Row, value: Item | Bundle, at: datetime, *, file: str, publish: bool, by: Actor | None
) -> None:
    """A published version is never touched: what comes in is a new one."""
    key = value.item if isinstance(value, Item) else value.bundle
    draft = pack_versions.edit(row.pack, FILE, key, plain(value), at)
    item_drafts.keep(draft, by=by, file=file, line=row.line, at=at)
    if publish:
        pack_versions.publish(draft, at)
    thing = Thing(kind="item", ref=f"{row.pack}:{key}")
    body = {"version": draft.version, "hash": draft.hash, "published": publish}
    audit.record(by or platform(row.pack), "configure", thing, at=at, body=body)


def _ref(row: Row) -> str:
    return f"{row.pack}:{row.raw.get('item') or row.raw.get('bundle')}"


def _typed(row: Row, file: str, wrong: list[Problem]) -> Item | Bundle | None:
    """The declaration of a row, or its mistakes, each with the column that it stands in."""
    # `read` says at which "line" of the document a value stands: here that is the column of the table.
    reading = read("", FILE, schemas()[FILE], Document([row.raw], row.columns, []))
    wrong += [_placed(row, file, one.line, one.message, one.remedy, one.key) for one in reading.problems]
    return reading.entries[0].value if reading.entries and not reading.problems else None


def _placed(
    row: Row, file: str, column: int, message: Label, remedy: Label, key: str, rule: str = "declaration"
) -> Problem:
    """A mistake in words: `key` names the part, and the column where the file has columns."""
    where = f"{key} ({_letter(column)})" if file.endswith(".csv") and column else key
    return Problem(file=file, line=row.line, key=where, message=message, remedy=remedy, rule=rule)


def _letter(column: int) -> str:
    """The column as spreadsheet programs call it: 1 → A, 28 → AB."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _doubles(rows: list[Row], file: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for row in rows:
        line = first.setdefault(_ref(row), row.line)
        if line != row.line:
            message: Label = {
                "zh": f"第 {line} 行已经有“{_ref(row)}”",
                "en": f"'{_ref(row)}' stands at line {line} already",
            }
            yield _placed(
                row, file, 1, message, {"zh": "留一行", "en": "keep one of them"}, exchange_csv.KEY.header
            )


def _unresolved(rows: list[tuple[Row, Item | Bundle]], file: str) -> Iterator[Problem]:
    """References to packs, offices, words or items that are not there."""
    shelves = {pack.key for pack in packs.packs()}
    incoming = {_ref(row) for row, _ in rows}
    names: dict[str, set[str]] = {}
    for row, value in rows:
        if row.pack not in shelves:
            yield _unknown(row, file, 1, exchange_csv.KEY.header, row.pack, shelves)
        for mention in mentions(value, type(value)):
            target = mention.target if "." in mention.target else f"{mention.target}.csv"
            if target not in names:
                names[target] = {one.ref for one in packs.declarations(target)}
            known = names[target] | (incoming if target == FILE else set())
            said = (mention.text, f"{row.pack}:{mention.text}", f"{packs.SHARED}:{mention.text}")
            if not known.intersection(said):
                column = Document(None, row.columns, []).line((0, *mention.path))
                part = next((str(p) for p in reversed(mention.path) if isinstance(p, str)), "")
                short = {name.removeprefix(f"{packs.SHARED}:") for name in known}
                yield _unknown(row, file, column, part, mention.text, short)


def _unknown(row: Row, file: str, column: int, key: str, name: str, known: set[str]) -> Problem:
    message: Label = {"zh": f"没有“{name}”", "en": f"there is no '{name}'"}
    return _placed(row, file, column, message, did_you_mean(name, known), key, "reference")


def _contradictions(rows: list[tuple[Row, Item | Bundle]], file: str) -> Iterator[Problem]:
    """What does not compile would be a dead end for whoever applies."""
    values = {one.ref: one.value for one in packs.declarations(FILE)} | {_ref(row): v for row, v in rows}
    for row, value in rows:
        bound = _bound(row, value, values)
        try:
            usual = {q.question: q.options[0].option for q in questions(bound)}
            compile_bound(bound, usual, Proved(), catalogue.words())
        except Refusal as error:
            message: Label = {"zh": error.message("zh"), "en": error.message("en")}
            remedy: Label = {"zh": "改后再导入", "en": "change it, then import again"}
            yield _placed(row, file, 0, message, remedy, _ref(row), "compile")


def _bound(row: Row, value: Item | Bundle, values: dict[str, Any]) -> Bound:
    if isinstance(value, Item):
        return Bound(_ref(row), value, (Source(_ref(row), value),))
    names = [
        one.item if one.item in values else f"{row.pack}:{one.item.rpartition(':')[2]}" for one in value.joins
    ]
    return Bound(_ref(row), value, tuple(Source(name, values[name]) for name in names))


def items(act: str, csv: str = "", jsonld: str = "", only: str = "", publish: bool = False) -> int:
    """The command: exports items to files, or imports one file; 1 where an import has mistakes, 2 without a file."""
    files = [("csv", csv)] * bool(csv) + [("jsonld", jsonld)] * bool(jsonld)
    if not files:
        sys.stderr.write("请给出 --csv 或 --jsonld · give --csv or --jsonld\n")
        return 2
    try:
        return _export(files, only or None) if act == "export" else max(_import(n, publish) for _, n in files)
    except (Refusal, OSError, UnicodeDecodeError) as fault:
        said = f"{fault.message('zh')} · {fault.message('en')}" if isinstance(fault, Refusal) else str(fault)
        sys.stderr.write(f"{said}\n")
        return 2


def _export(files: list[tuple[str, str]], only: str | None) -> int:
    for form, name in files:
        Path(name).write_text(exported(form, only), encoding="utf-8", newline="")
        sys.stdout.write(f"{name} ✓\n")
    return 0


def _import(name: str, publish: bool) -> int:
    text = Path(name).read_text(encoding="utf-8")
    taken = take_in(text, Path(name).name, at=clock.now(), publish=publish)
    for one in taken.problems:
        words = f"{one.message['zh']}（{one.remedy['zh']}） · {one.message['en']} ({one.remedy['en']})"
        sys.stdout.write(f"{one.file}:{one.line}: {one.key}: {words}\n")
    if taken.problems:
        sys.stdout.write(
            f"✗ {len(taken.problems)} 处错误，什么都没有导入 · {len(taken.problems)} mistakes, nothing imported\n"
        )
        return 1
    new, changed, same = len(taken.fresh), len(taken.changed), taken.same
    sys.stdout.write(
        f"✓ 新增 {new}，修改 {changed}，不变 {same} · {new} new, {changed} changed, {same} the same\n"
    )
    return 0
