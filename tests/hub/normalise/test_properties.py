"""What holds for every text: normalising never raises, is done once, and one value is treated as a column is."""

from datetime import date
from time import process_time

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liangwang.hub.normalise import (
    KINDS,
    addresses,
    column,
    credit_codes,
    documents,
    identity,
    names,
    phones,
    plates,
)

HAN = (
    "王李张欧阳司马明国华龍張偉乾区县路街弄号室村组镇近一二三十百千零〇两上海市浦东新甲#·．・　０１Ａａ12345-/()"
    "－ﬀßẞŉǰİıΐ×Ⅹ㈠①㍿\u200b\u3000'"
)
TEXTS = st.one_of(
    st.text(max_size=24),
    st.text(alphabet=HAN, max_size=24),
    st.text(alphabet="0123456789xX+- 转,.()沪ADO", max_size=22),
)
ONE = {
    "name": names.normal,
    "identity": identity.normal,
    "phone": phones.normal,
    "credit_code": credit_codes.normal,
    "plate": plates.normal,
    "document": documents.normal,
    "address": addresses.normal,
}


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)  # the first call reads the tables
@given(texts=st.lists(TEXTS, max_size=6))
@example(
    texts=[
        "",
        " ",
        "·",
        "上海市",
        "中国上海市",
        "近路",
        "00",
        "ß",
        "ŉ",
        "ǰ",
        "一村",
        "十0弄",
        "千弄",
        "1路2-3",
    ]
)
def test_normalising_twice_is_normalising_once(kind: str, texts: list[str]) -> None:
    once = column(kind, pa.array(texts, pa.string()))
    assert column(kind, once).equals(once)
    assert len(once) == len(texts) and once.type == pa.string()


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)  # the first call reads the tables
@given(texts=st.lists(TEXTS, max_size=6))
@example(
    texts=[
        "上海市浦东新区張江路１００弄",
        "Ab区",
        "ßx路",
        "上海浦东新区",
        "1村",
        "一号",
        "路1-2",
        "中国上海市黄浦区",
    ]
)
def test_a_value_is_treated_alike_alone_and_in_a_column(kind: str, texts: list[str]) -> None:
    assert column(kind, pa.array(texts, pa.string())).to_pylist() == [ONE[kind](text) for text in texts]


@pytest.mark.parametrize("kind", KINDS)
def test_null_stays_null_and_chunks_are_joined(kind: str) -> None:
    assert column(kind, pa.chunked_array([[None, "?"], ["", None]])).to_pylist() == [None, "?", "", None]
    assert column(kind, pa.array([], pa.string())).to_pylist() == []


@settings(deadline=None)  # the first call reads the tables
@given(texts=st.lists(TEXTS, max_size=6))
def test_parts_never_raise(texts: list[str]) -> None:
    values = pa.array([*texts, None], pa.string())
    for table in (names.parts(values), addresses.parts(values), identity.details(values)):
        assert table.num_rows == len(values)
        assert all(one is None for one in table.slice(len(texts)).to_pylist()[0].values())
    assert len(documents.kinds(values)) == len(credit_codes.check_holds(values)) == len(values)


@given(
    st.dates(min_value=date(1900, 1, 1), max_value=date(1999, 12, 31)),
    st.integers(0, 999),
    st.sampled_from(sorted(identity.divisions())),
)
def test_fifteen_digits_become_a_valid_number(born: date, sequence: int, division: str) -> None:
    found = column("identity", pa.array([f"{division}{born:%y%m%d}{sequence:03d}"]))
    said = identity.details(found).to_pylist()[0]
    assert said == {
        "division": division,
        "born_on": born,
        "sex": "m" if sequence % 2 else "f",
        "check_holds": True,
        "division_known": True,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_monstrous_text_takes_bounded_time(kind: str) -> None:
    pieces = ("一", "1", "1-", "路1", " ", "·", "A'", "近路", "区", "十号", "张 ", "市", "转", "86")
    started = process_time()
    for piece in pieces:
        text = pa.array([piece * (100_000 // len(piece))])
        found = column(kind, text)
        if kind in {"name", "address"}:
            (names if kind == "name" else addresses).parts(found)
    assert process_time() - started < 5
