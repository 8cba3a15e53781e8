"""The contract: every type's good and bad texts, all reasons in order, the same blind index as people have."""

from datetime import UTC, date, datetime
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base import keys
from liangwang.hub import contract
from liangwang.hub.check_digits import ALPHABET, credit_code_holds, identity_holds
from liangwang.hub.declare import Source
from liangwang.hub.local_time import offsets
from tests.tries import tries

from . import factories as make

SHANGHAI = ZoneInfo("Asia/Shanghai")
LABEL = {"zh": "列", "en": "Column"}
CON = ibis.duckdb.connect()
CONTEXT = contract.Context(
    datetime(2020, 4, 12, 4, tzinfo=UTC), SHANGHAI, lambda level: frozenset({"310105", "310105012"})
)


def source(**columns: dict[str, Any]) -> Source:
    """A source with a key, a date, and the columns of a test."""
    own: dict[str, dict[str, Any]] = {
        "no": {"label": LABEL, "type": "text"},
        "day": {"label": LABEL, "type": "date", "optional": True},
    }
    given = {name: {"label": LABEL, **column} for name, column in columns.items()}
    raw = {
        "source": "test",
        "label": LABEL,
        "category": LABEL,
        "office": "health",
        "key": ["no"],
        "observed": "day",
        "fresh_within": "1d",
        "sharing": "none",
        "retention": "order",
        "columns": {**own, **given},
    }
    return msgspec.convert(raw, Source)


def checked(declared: Source, *rows: dict[str, str | None], doubled: bool = False) -> list[dict[str, Any]]:
    """The rows after the check, in order."""
    lines = [{"no": str(n), "day": "", **row} for n, row in enumerate(rows)]
    table = pa.table(
        {
            "row": pa.array(range(1, len(rows) + 1), pa.int32()),
            "doubled": pa.array([doubled] * len(rows)),
            **{name: pa.array([line[name] for line in lines], pa.string()) for name in declared.columns},
        }
    )
    found = CON.to_pyarrow(contract.checked(ibis.memtable(table), declared, CONTEXT)).to_pylist()
    return sorted(found, key=lambda one: int(one["row"]))


def reasons(column: dict[str, Any], text: str | None) -> list[str]:
    """What is wrong with one text in a column `x`."""
    found = checked(source(x=column), {"x": text})[0]["reasons"]
    return [word.partition(":")[2] for word in found]


GOOD = make.identity_number(1)
BAD_CHECK = GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")
NO_BIRTH = make.identity_number(1).replace("19900515", "19900230")


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        ("identity", GOOD, []),
        ("identity", BAD_CHECK, ["check_digit"]),
        ("identity", "310105", ["not_identity"]),
        ("identity", "", ["missing"]),
        ("identity", None, ["missing"]),
        ("document", GOOD, []),
        ("document", "E12345678", []),
        ("document", "H1234567801", []),
        ("document", "USA123456789012", []),
        ("document", "PASSPORT", ["not_document"]),
        ("document", BAD_CHECK, ["check_digit"]),
        ("phone", "13800000001", []),
        ("phone", "12800000001", ["not_phone"]),
        ("credit_code", "91310000MA1FL1234C", ["check_digit"]),
        ("credit_code", "9131000", ["not_credit_code"]),
        ("plate", "沪A12345", []),
        ("plate", "沪AD12345", []),
        ("plate", "沪A1234学", []),
        ("plate", "沪AI2345", ["not_plate"]),
        ("name", "王小明", []),
        ("name", "买买提·艾力", []),
        ("name", "O'Brien-Ångström", []),
        ("name", "𠮷田", []),
        ("name", "王", ["not_name"]),
        ("name", "王2", ["not_name"]),
        ("integer", "+12", []),
        ("integer", "1e5", ["not_number"]),
        ("number", "-37.25", []),
        ("number", "37,2", ["not_number"]),
        ("number", "nan", ["not_number"]),
        ("date", "2020-02-29", []),
        ("date", "20200229", []),
        ("date", "2020/02/29", []),
        ("date", "2019-02-29", ["not_date"]),
        ("date", "2020-2-9", ["not_date"]),
        ("date", "2020-02-29\n", ["not_date"]),
        ("time", "2020-04-12 08:30", []),
        ("time", "2020-04-12T08:30:59", []),
        ("time", "2020-04-12 25:00", ["not_time"]),
        ("time", "2020-04-12 12:11", ["in_future"]),
        ("place", "310105012", []),
        ("place", "310115012", ["unknown_place"]),
    ],
)
def test_each_type_says_what_is_wrong(kind: str, text: str | None, wrong: list[str]) -> None:
    assert reasons({"type": kind}, text) == wrong


def test_a_number_with_an_impossible_birth_date_and_a_right_check_digit_is_told_apart() -> None:
    body = NO_BIRTH[:17]
    check = "10X98765432"[sum(int(c) * w for c, w in zip(body, make.WEIGHTS, strict=True)) % 11]
    assert reasons({"type": "identity"}, body + check) == ["birth_in_identity"]


def test_a_document_must_be_of_the_kind_that_the_row_says() -> None:
    kinds = dict.fromkeys(("identity", "permit", "passport", "travel_permit"), LABEL)
    declared = source(
        kind={"type": "code", "values": kinds}, x={"type": "document", "kind_in": "kind", "optional": True}
    )
    permit = "810000199005150011"
    check = "10X98765432"[sum(int(c) * w for c, w in zip(permit[:17], make.WEIGHTS, strict=True)) % 11]
    rows = [
        ("identity", GOOD),
        ("identity", "E12345678"),
        ("passport", GOOD),
        ("permit", permit[:17] + check),
    ]
    found = checked(declared, *({"kind": kind, "x": text} for kind, text in rows))
    assert [row["reasons"] for row in found] == [[], ["x:other_document"], ["x:other_document"], []]


def test_all_reasons_come_in_the_order_of_the_contract() -> None:
    declared = source(
        identity={"type": "identity"},
        age={"type": "integer", "min": 0, "max": 120},
        word={"type": "text", "max": 3, "pattern": "[a-z]+"},
    )
    row = {"no": "", "day": "2020-13-01", "identity": BAD_CHECK, "age": "130", "word": "ABCD"}
    assert checked(declared, row, doubled=True)[0]["reasons"] == [
        "no:missing",
        "day:not_date",
        "identity:check_digit",
        "age:above",
        "word:too_long",
        "word:pattern",
        "no:double_key",
    ]


def test_values_are_typed_and_blank_is_null() -> None:
    declared = source(
        at={"type": "time", "optional": True},
        n={"type": "integer", "optional": True},
        v={"type": "number", "optional": True},
        word={"type": "text", "optional": True},
    )
    full, blank = checked(
        declared,
        {"day": "2020/04/01", "at": "2020-04-12 08:30", "n": "+5", "v": "37.25", "word": "x"},
        {"at": "", "n": "", "v": "", "word": ""},
    )
    assert (full["day"], full["at"], full["n"], full["v"]) == (
        date(2020, 4, 1),
        datetime(2020, 4, 12, 0, 30),  # noqa: DTZ001 - naive UTC, as the hub keeps instants
        5,
        37.25,
    )
    assert [blank[name] for name in ("day", "at", "n", "v", "word")] == [None] * 5
    assert (full["reasons"], blank["reasons"]) == ([], [])


@settings(max_examples=tries(3), deadline=None)
@given(st.lists(st.integers(10**16, 10**17 - 1), min_size=20, max_size=40))
def test_the_check_digit_is_that_of_the_standard(numbers: list[int]) -> None:
    pairs = pa.table(list(zip(*product(numbers, "0123456789X"), strict=True)), names=["number", "check"])
    table = ibis.memtable(pairs)
    held = CON.to_pyarrow(table.filter(identity_holds(table.number, table.check)))
    right = [
        "10X98765432"[sum(int(c) * w for c, w in zip(str(number), make.WEIGHTS, strict=True)) % 11]
        for number in numbers
    ]
    assert sorted(zip(held["number"].to_pylist(), held["check"].to_pylist(), strict=True)) == sorted(
        zip(numbers, right, strict=True)
    )


@settings(max_examples=tries(3), deadline=None)
@given(
    st.lists(
        st.from_regex(r"\A[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}\Z"), min_size=10, max_size=20
    )
)
def test_the_check_of_a_credit_code_is_that_of_the_standard(bodies: list[str]) -> None:
    codes = [body + c for body in bodies for c in ALPHABET]
    table = ibis.memtable(pa.table({"code": codes}))
    held = CON.to_pyarrow(table.filter(credit_code_holds(table.code)))["code"].to_pylist()
    totals = [sum(ALPHABET.index(c) * 3**k for k, c in enumerate(body)) for body in bodies]
    assert sorted(held) == sorted(
        body + ALPHABET[-total % 31] for body, total in zip(bodies, totals, strict=True)
    )


def test_hashes_meet_the_blind_index_of_people(data_dir: object) -> None:
    declared = source(
        identity={"type": "identity"}, paper={"type": "document"}, phone={"type": "phone", "optional": True}
    )
    table = ibis.memtable(
        pa.table({"identity": [GOOD], "paper": [GOOD], "phone": pa.array([None], pa.string())})
    )
    found = CON.to_pyarrow(contract.hashed(table, declared)).to_pylist()[0]
    assert found["identity_hash"] == keys.blind(GOOD, "identity") == found["paper_hash"]
    assert found["phone_hash"] is None


def test_local_time_follows_the_changes_of_the_zone() -> None:
    assert offsets(SHANGHAI)[-1][1] == 8 * 3600
    declared = source(at={"type": "time"})
    summer = checked(declared, {"at": "1990-07-01 12:00"})[0]["at"]
    assert summer == datetime(1990, 7, 1, 3)  # noqa: DTZ001 - summer time was kept then: UTC+9


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ({"type": "document", "kind_in": "no"}, "kind_in"),
        ({"type": "text", "kind_in": "no"}, "belongs to columns"),
        ({"type": "code"}, "lists its 'values'"),
    ],
)
def test_a_contract_that_means_nothing_is_not_accepted(column: dict[str, Any], wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=wrong):
        source(x=column)


def test_a_column_cannot_take_the_name_of_one_of_the_hubs_own() -> None:
    with pytest.raises(msgspec.ValidationError, match="subject_id"):
        source(subject_id={"type": "text"})
