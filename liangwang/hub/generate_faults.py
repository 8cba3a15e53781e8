"""What goes wrong in deliveries: one cell of a bad row, now and then two, each with the reason that a contract must give."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .declare import Column, Source
from .generate_people import IDENTITY_CHECKS, with_check_digit

TWO = 0.2  # of bad rows have two faults


class Fault(NamedTuple):
    """A way in which a column goes wrong: the reason's code, and what the wrong cells look like."""

    column: str
    code: str
    spoiled: Callable[[pa.Array], pa.Array]


def faults_of(source: Source) -> list[Fault]:
    """Every way in which a row of a source goes wrong."""
    found = [Fault(name, code, spoiled) for name, c in source.columns.items() for code, spoiled in _ways(c)]
    keyed = [source.columns[name] for name in source.key]
    if all(column.type in {"text", "time"} for column in keyed):
        found.append(Fault(source.key[0], "double_key", lambda cells: cells))
    return found


def spoil(
    rows: pa.Table, source: Source, share: float, random: np.random.Generator
) -> tuple[pa.Table, pa.Array]:
    """The rows with a share of them spoiled, and the reasons of each: list<text>[n], empty for a good row.

    A row is never the first to be spoiled by a double key, and the row before one with a double key stays good.
    """
    ways, n = faults_of(source), rows.num_rows
    bad = np.flatnonzero(random.random(n) < share)
    bad = bad[np.diff(bad, prepend=-2) > 1]  # no two neighbours: a double key copies the row before
    bad = bad[bad > 0]
    first = random.integers(0, len(ways), len(bad))
    second = np.where(random.random(len(bad)) < TWO, random.integers(0, len(ways), len(bad)), -1)
    columns = {name: rows[name].combine_chunks() for name in rows.column_names}
    why: dict[int, set[str]] = {}
    for number, way in enumerate(ways):
        hit = bad[(first == number) | ((second == number) & _apart(ways, first, number, source))]
        if not len(hit):
            continue
        for name in source.key if way.code == "double_key" else (way.column,):
            cells = columns[name].take(pa.array(hit - (way.code == "double_key")))
            mask = np.zeros(n, bool)
            mask[hit] = True
            columns[name] = pc.replace_with_mask(columns[name], pa.array(mask), way.spoiled(cells))
        for row in hit.tolist():
            why.setdefault(row, set()).add(f"{way.column}:{way.code}")
    return pa.table(columns), _reasons(why, n)


def _apart(ways: list[Fault], first: np.ndarray, number: int, source: Source) -> np.ndarray:
    """Where a second fault does not touch what the first has touched: two faults of one cell hide each other."""
    touched = [set(source.key) if way.code == "double_key" else {way.column} for way in ways]
    free = np.array([touched[number].isdisjoint(other) for other in touched])
    return np.asarray(free[first])


def _reasons(why: dict[int, set[str]], n: int) -> pa.Array:
    lengths = np.zeros(n, np.int32)
    for row, found in why.items():
        lengths[row] = len(found)
    flat = [reason for row in sorted(why) for reason in sorted(why[row])]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int32)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat, pa.string()))


# --- by type ---------------------------------------------------------------------------------------------

Ways = Iterator[tuple[str, Callable[[pa.Array], pa.Array]]]


def _ways(column: Column) -> Ways:
    if not column.optional:
        yield "missing", _all("")
    yield from _BY_TYPE[column.type](column)


def _all(text: str) -> Callable[[pa.Array], pa.Array]:
    return lambda cells: pa.array([text] * len(cells), pa.string())


def _each(change: Callable[[str], str]) -> Callable[[pa.Array], pa.Array]:
    """Changes each cell by itself."""
    return lambda cells: pa.array([change(cell) for cell in cells.to_pylist()], pa.string())


def _other_check(number: str) -> str:
    body = number[:17] if len(number) == 18 else "31019919900515001"
    right = with_check_digit(np.frombuffer(body.encode(), np.uint8)[None, :])[0, 17]
    return body + chr(IDENTITY_CHECKS[(list(IDENTITY_CHECKS).index(right) + 1) % 11])


def _thirteenth_month(number: str) -> str:
    body = number[:17] if len(number) == 18 else "31019919900515001"
    body = f"{body[:10]}13{body[12:]}"
    return bytes(with_check_digit(np.frombuffer(body.encode(), np.uint8)[None, :])[0]).decode()


def _identity(_: Column) -> Ways:
    yield "not_identity", _all("310199199")
    yield "check_digit", _each(_other_check)
    yield "birth_in_identity", _each(_thirteenth_month)


def _credit_code(_: Column) -> Ways:
    yield "not_credit_code", _all("9131")
    yield "check_digit", _each(lambda code: code[:17] + ("A" if code[17:] != "A" else "B"))


def _phone(_: Column) -> Ways:
    yield "not_phone", _all("021-1234")


def _name(_: Column) -> Ways:
    yield "not_name", _all("12345")


def _date(column: Column) -> Ways:
    yield "not_date", _all("2020-02-31")
    if column.max == "today":
        yield "in_future", _all("2099-01-01")
    if isinstance(column.min, str):
        yield "below", _all("1900-01-01")


def _time(_: Column) -> Ways:
    yield "not_time", _all("昨天")
    yield "in_future", _all("2099-01-01 08:00")


def _amount(column: Column) -> Ways:
    yield "not_number", _all("若干")
    if isinstance(column.max, int | float):
        yield "above", _all(str(int(column.max) + 1))
    if isinstance(column.min, int | float):
        yield "below", _all(str(int(column.min) - 1))


def _text(column: Column) -> Ways:
    if column.max is not None:
        yield "too_long", _all("长" * (int(column.max) + 1))
    if column.pattern:
        yield "pattern", _all("！！")


def _one(code: str, text: str) -> Callable[[Column], Ways]:
    return lambda _: iter([(code, _all(text))])


_BY_TYPE: dict[str, Callable[[Column], Ways]] = {
    "text": _text,
    "address": _text,
    "name": _name,
    "identity": _identity,
    "document": _one("not_document", "无证件"),
    "credit_code": _credit_code,
    "plate": _one("not_plate", "沪沪沪"),
    "phone": _phone,
    "integer": _amount,
    "number": _amount,
    "date": _date,
    "time": _time,
    "code": _one("unknown_code", "?9"),
    "place": _one("unknown_place", "990000000000"),
}
