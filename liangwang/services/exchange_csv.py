"""Items as a table: the elements of the national list of items (实施清单), one row an item, nothing lost on the way."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from liangwang.base.declare import Problem
from liangwang.base.labels import Label

from .declare import Bundle, Item

Sort = Literal["text", "number", "truth", "list", "lines", "kind", "serves", "level", "json"]
KINDS = {
    "行政许可": "licence",
    "行政确认": "confirmation",
    "行政给付": "grant",
    "行政奖励": "award",
    "行政裁决": "ruling",
    "行政征收": "levy",
    "其他行政权力": "other_power",
    "公共服务": "public_service",
}
SERVES = {"自然人": "person", "法人": "company"}
LEVELS = {"市级": "city", "区级": "district", "街镇": "street"}
WORDS: dict[str, dict[str, str]] = {"kind": KINDS, "serves": SERVES, "level": LEVELS}
TRUE, FALSE = "是", "否"
ASSIGNED = "由国家平台赋码"
"""What stands for a number that nobody here may make up; read again, it is no number."""
GIVEN = ("code", "basic_code")
SAID = ("serves", "trips", "citywide", "apply")


class Column(NamedTuple):
    """One element: its name in the list, its place in the declaration (the header is both), and how its cells read.

    `lines` is a list of labels: one a line, this column holding the language that the place ends in.
    """

    zh: str
    place: str
    sort: Sort = "text"

    @property
    def header(self) -> str:
        return f"{self.zh} {self.place}"


class Row(NamedTuple):
    """One item of a table that was read: its pack, its raw declaration, its line, and the column of every place."""

    pack: str
    raw: dict[str, Any]
    line: int
    columns: dict[tuple[str | int, ...], int]


KEY = Column("事项标识", "key")
COLUMNS: tuple[Column, ...] = (
    Column("事项名称", "label.zh"),
    Column("事项名称（英文）", "label.en"),
    Column("实施编码", "code"),
    Column("基本编码", "basic_code"),
    Column("事项类型", "kind", "kind"),
    Column("服务对象", "serves", "serves"),
    Column("实施主体", "office.department"),
    Column("行使层级", "office.level", "level"),
    Column("办事指南", "guide.zh"),
    Column("办事指南（英文）", "guide.en"),
    Column("受理条件", "conditions.zh", "lines"),
    Column("受理条件（英文）", "conditions.en", "lines"),
    Column("法定办结时限（工作日）", "legal_days.days", "number"),
    Column("法定时限依据", "legal_days.basis.zh"),
    Column("法定时限依据（英文）", "legal_days.basis.en"),
    Column("法定时限出处", "legal_days.source"),
    Column("法定时限待核", "legal_days.unverified", "truth"),
    Column("承诺办结时限（工作日）", "promised_days.days", "number"),
    Column("承诺时限依据", "promised_days.basis.zh"),
    Column("承诺时限依据（英文）", "promised_days.basis.en"),
    Column("承诺时限出处", "promised_days.source"),
    Column("承诺时限待核", "promised_days.unverified", "truth"),
    Column("到办事现场次数", "trips", "number"),
    Column("必须现场办理原因", "visit.zh"),
    Column("必须现场办理原因（英文）", "visit.en"),
    Column("全市通办", "citywide", "truth"),
    Column("办理地点", "counters.zh", "lines"),
    Column("办理地点（英文）", "counters.en", "lines"),
    Column("主题", "theme"),
    Column("别名", "aliases", "list"),
    Column("申请人", "apply", "list"),
    Column("办理对象", "subject"),
    Column("停办日期", "ends_on"),
    Column("改办事项", "instead"),
    Column("本平台组合", "ours", "truth"),
    Column("设定依据", "basis", "json"),
    Column("申请材料", "materials", "json"),
    Column("审批结果", "outputs", "json"),
    Column("结果（不是证照的）", "result.zh"),
    Column("结果（英文）", "result.en"),
    Column("收费", "fees", "json"),
    Column("送达方式", "delivery", "json"),
    Column("办理流程", "steps", "json"),
    Column("情形", "questions", "json"),
    Column("表单", "fields", "json"),
    Column("重复填写", "groups", "json"),
    Column("相关人", "roles", "json"),
    Column("授权", "consents", "json"),
    Column("共同填写", "parts", "json"),
    Column("合并事项", "joins", "json"),
)
BY_PLACE = {column.place: column for column in (KEY, *COLUMNS)}


def sheet(found: Iterable[tuple[str, Item | Bundle]]) -> str:
    """The items, by `pack:key`, as CSV in UTF-8 with a mark that lets spreadsheet programs read Chinese."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.header for column in (KEY, *COLUMNS))
    for ref, one in found:
        # A list of items says whom it serves and how often one has to come, also where that is as usual.
        usual = {name: getattr(one, name) for name in SAID if hasattr(one, name)}
        raw = plain(usual) | (dict.fromkeys(GIVEN, ASSIGNED) if isinstance(one, Item) else {}) | plain(one)
        writer.writerow([ref, *(_cell(column, _at(raw, column)) for column in COLUMNS)])
    return "\ufeff" + out.getvalue()


def cells_of(one: Item | Bundle) -> dict[Column, str]:
    """Every element that a declaration says, as its cell reads."""
    raw = plain(one)
    return {column: cell for column in COLUMNS if (cell := _cell(column, _at(raw, column)))}


def plain(value: Any) -> Any:
    """A declaration as plain data, without what is as it is by default: what stands in a pack's file."""
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: plain(inner)
            for field in msgspec.structs.fields(value)
            if (inner := getattr(value, field.name)) != _usual(field) or field.required
        }
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, tuple) else msgspec.to_builtins(value)


def _usual(field: msgspec.structs.FieldInfo) -> Any:
    """What a value is where a declaration does not say it."""
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def _at(raw: dict[str, Any], column: Column) -> Any:
    if column.sort == "lines":
        name, _, lang = column.place.partition(".")
        return [label[lang] for label in raw.get(name, [])]
    value: Any = raw
    for part in column.place.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _cell(column: Column, value: Any) -> str:
    if value is None or value == []:
        return ""
    if column.sort == "truth":
        return TRUE if value else FALSE
    if column.sort == "lines":
        return "\n".join(value)
    if column.sort == "list":
        return ";".join(value)
    if column.sort in WORDS:
        said = {code: zh for zh, code in WORDS[column.sort].items()}
        return ";".join(said[one] for one in ([value] if isinstance(value, str) else value))
    return msgspec.json.encode(value).decode() if column.sort == "json" else str(value)


def rows_of(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    """Every row as a raw declaration, and everything that cannot be read, by line and column; other columns are refused."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(reader, [])
    columns = [BY_PLACE.get(cell.rsplit(" ", 1)[-1].strip()) for cell in header]
    wrong = [
        _problem(file, 1, cell, "不认识的列", "unknown column", "用导出的表头", "use the header of an export")
        for cell, column in zip(header, columns, strict=True)
        if column is None
    ]
    if KEY not in columns:
        zh, en = f"缺少“{KEY.header}”列", f"the column '{KEY.header}' is missing"
        wrong.append(_problem(file, 1, KEY.header, zh, en, "用导出的表头", "use the header of an export"))
    if wrong:
        return [], wrong
    found, line = [], reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            row = _row(cells, [c for c in columns if c], line, file, wrong)
            found += [row] if row else []
        line = reader.line_num + 1
    return found, wrong


def _row(cells: list[str], columns: list[Column], line: int, file: str, wrong: list[Problem]) -> Row | None:
    if len(cells) != len(columns):
        zh, en = (
            f"有 {len(cells)} 格，应有 {len(columns)} 格",
            f"{len(cells)} cells instead of {len(columns)}",
        )
        wrong.append(
            _problem(file, line, "", zh, en, "内容里有逗号的格子要加引号", "put cells with commas in quotes")
        )
        return None
    by_column = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    pack, _, key = by_column[KEY].partition(":")
    if not pack or not key:
        zh, en = f"“{by_column[KEY]}”不是事项标识", f"'{by_column[KEY]}' is not the name of an item"
        wrong.append(_problem(file, line, KEY.header, zh, en, "写成 应用:事项", "write pack:key"))
        return None
    raw: dict[str, Any] = {"bundle" if by_column.get(BY_PLACE["joins"]) else "item": key}
    before = len(wrong)
    for place, value in _values(by_column, line, file, wrong):
        _put(raw, place.split("."), value)
    if len(wrong) > before:
        return None
    numbers = {tuple(c.place.split(".")): n for n, c in enumerate(columns, 1)}
    places: dict[tuple[str | int, ...], int] = {(0, *place): n for place, n in numbers.items()}
    places |= {(0, place[0]): n for place, n in numbers.items() if (0, place[0]) not in places}
    return Row(pack, raw, line, {(0,): 1, **places})


def _values(
    cells: dict[Column, str], line: int, file: str, wrong: list[Problem]
) -> Iterator[tuple[str, Any]]:
    for column, cell in cells.items():
        name, _, lang = column.place.partition(".")
        # Both languages of a list of labels are read at the Chinese column.
        english = cells.get(BY_PLACE[f"{name}.en"], "") if column.sort == "lines" and lang == "zh" else ""
        cell = "" if cell == ASSIGNED else cell
        if column is KEY or not (cell or english) or (column.sort == "lines" and lang == "en"):
            continue
        try:
            if column.sort == "lines":
                yield name, _labels(cell, english)
            else:
                yield column.place, _value(column, cell)
        except _Unread as odd:
            wrong.append(_problem(file, line, column.header, *odd.args))


class _Unread(Exception):
    """A cell that does not say what its column holds: (zh, en, remedy_zh, remedy_en)."""


def _labels(zh: str, en: str) -> list[dict[str, str]]:
    chinese, english = zh.splitlines(), en.splitlines()
    if len(chinese) != len(english):
        raise _Unread(
            f"中文 {len(chinese)} 行，英文 {len(english)} 行",
            f"{len(chinese)} lines in Chinese, {len(english)} in English",
            "两列逐行对应",
            "give both columns the same number of lines",
        )
    return [{"zh": one, "en": other} for one, other in zip(chinese, english, strict=True)]


def _value(column: Column, cell: str) -> Any:
    if column.sort == "number":
        if not cell.isdecimal():
            raise _Unread(
                f"“{cell}”不是整数", f"'{cell}' is not a whole number", "写数字", "write digits only"
            )
        return int(cell)
    if column.sort == "truth":
        return _word(cell, {TRUE: True, FALSE: False, "yes": True, "no": False})
    if column.sort in WORDS:
        words = WORDS[column.sort] | {code: code for code in WORDS[column.sort].values()}
        found = [_word(one.strip(), words) for one in cell.replace("；", ";").split(";")]
        return found if column.sort == "serves" else found[0]
    if column.sort == "list":
        return [one.strip() for one in cell.replace("；", ";").split(";") if one.strip()]
    return _json(cell) if column.sort == "json" else cell


def _word(cell: str, words: dict[str, Any]) -> Any:
    if cell not in words:
        known = "、".join(words)
        raise _Unread(f"不认识“{cell}”", f"'{cell}' is not known", f"写：{known}", f"write one of {known}")
    return words[cell]


def _json(cell: str) -> Any:
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError as error:
        raise _Unread(
            "这一格不是 JSON", f"this cell is not JSON: {error}", "从导出的表里照抄", "copy it from an export"
        ) from error


def _put(raw: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        raw = raw.setdefault(part, {})
    raw[path[-1]] = value


def _problem(file: str, line: int, key: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> Problem:
    message: Label = {"zh": zh, "en": en}
    return Problem(file=file, line=line, key=key, message=message, remedy={"zh": remedy_zh, "en": remedy_en})
