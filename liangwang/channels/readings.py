"""Readings as they come over a wire: JSON array, NDJSON, CSV, SenML, SensorThings dataArray; every bad row its reason."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from liangwang.base.labels import Label

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST_ROWS: Final = 200_000
SENML_RELATIVE: Final = 2**28
"""RFC 8428 §4.5.3: a time below this is relative to now."""


class Bad(NamedTuple):
    """A row that cannot be read: its number from 1, its reason, its text."""

    row: int
    reason: Label
    text: str


class Parsed(NamedTuple):
    """The rows that could be read, as columns of one length; `at` in µs. Row numbers count from 1."""

    rows: list[int]
    datastream: list[str]
    at: list[int]
    value: list[float]
    seq: list[int]
    bad: list[Bad]

    @classmethod
    def empty(cls) -> "Parsed":
        return cls([], [], [], [], [], [])

    @classmethod
    def joined(cls, parts: "Sequence[Parsed]") -> "Parsed":
        """The rows of several, one behind the other; row numbers stay those of each."""
        if len(parts) == 1:
            return parts[0]
        whole = cls.empty()
        for part in parts:
            for column, more in zip(whole, part, strict=True):
                column.extend(more)  # type: ignore[attr-defined]
        return whole


class Unreadable(ValueError):
    """The body as a whole cannot be read."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.label: Label = {"zh": zh, "en": en}


FARTHEST: Final = 2**62
Whole = Annotated[int, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]


class Row(msgspec.Struct, gc=False):
    """A reading: datastream is `<device>.<quantity>`; `at` is ISO 8601 with zone, or int µs since 1970."""

    datastream: str
    at: Whole | str
    value: float
    seq: Whole = 0


class SenmlRecord(msgspec.Struct, gc=False):
    """A record of RFC 8428; the base fields hold for it and those after it."""

    bn: str | None = None
    bt: float | None = None
    bv: float | None = None
    n: str = ""
    t: float = 0.0
    v: float | None = None


class DataArray(msgspec.Struct):
    """A group of SensorThings observations with shared components."""

    datastream: dict[str, Any] = msgspec.field(name="Datastream")
    components: list[str]
    rows: list[list[Any]] = msgspec.field(name="dataArray")


_row = msgspec.json.Decoder(Row)
_rows = msgspec.json.Decoder(list[Row])
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw])
_senml = msgspec.json.Decoder(list[SenmlRecord])
_arrays = msgspec.json.Decoder(list[DataArray])


def parse(body: bytes, content_type: str, now: int) -> Parsed:
    """Return the readings of a body by its content type; `now` in µs. Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in {"application/x-ndjson", "application/ndjson", "application/jsonl"}:
        parsed = ndjson(body)
    elif kind in {"application/senml+json", "application/sensml+json"}:
        parsed = senml(body, now)
    elif kind == "text/csv":
        parsed = csv_rows(body)
    elif kind == "application/json":
        parsed = data_array(body) if b'"dataArray"' in body[:4096] else json_array(body)
    else:
        raise Unreadable(
            f"不认识的格式 {kind or '(无)'};请用 application/json、application/x-ndjson、application/senml+json 或 text/csv",
            f"unknown content type {kind or '(none)'}; use application/json, application/x-ndjson,"
            " application/senml+json or text/csv",
        )
    if len(parsed.rows) + len(parsed.bad) > MOST_ROWS:
        raise Unreadable(f"一批最多 {MOST_ROWS} 行，请分批", f"at most {MOST_ROWS} rows in a batch; split it")
    return parsed


def ndjson(body: bytes) -> Parsed:
    """Read one reading a line; when any line is bad, line by line with reasons."""
    try:
        return _columns(_row.decode_lines(body))
    except (msgspec.DecodeError, ValueError, OverflowError):
        lines = enumerate(body.split(b"\n"), 1)
        return _each(((number, line) for number, line in lines if line.strip()), _row.decode)


def csv_rows(body: bytes) -> Parsed:
    """Read a CSV with the heads datastream, at, value and, if wanted, seq; UTF-8. Raises Unreadable."""
    try:
        lines = csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True)
        heads = set(lines.fieldnames or ())
        if not {"datastream", "at", "value"} <= heads:
            raise Unreadable(
                "表头要有 datastream、at、value", "the heads must be datastream, at, value (and seq)"
            )
        parsed = Parsed.empty()
        for row, line in enumerate(lines, 1):
            try:
                at = instant(int(line["at"]) if line["at"].lstrip("-").isdigit() else line["at"])
                put(parsed, row, line["datastream"], at, float(line["value"]), int(line.get("seq") or 0))
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                parsed.bad.append(Bad(row, explained(error), ",".join(map(str, line.values()))[:200]))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"不是 UTF-8 的 CSV:{error}", f"not a CSV in UTF-8: {error}") from error
    return parsed


def json_array(body: bytes) -> Parsed:
    """Read an array of readings; when any is bad, one by one with reasons."""
    try:
        return _columns(_rows.decode(body))
    except (msgspec.DecodeError, ValueError, OverflowError):
        pass
    try:
        raw = _raw_rows.decode(body)
    except msgspec.DecodeError as error:
        raise Unreadable(f"整体不是 JSON 数组:{error}", f"not a JSON array as a whole: {error}") from error
    return _each(enumerate(raw, 1), _row.decode)


def senml(body: bytes, now: int) -> Parsed:
    """Read a SenML pack: name is `bn` + `n`, time `bt` + `t` in seconds, below 2^28 relative to now."""
    try:
        records = _senml.decode(body)
    except msgspec.DecodeError as error:
        raise Unreadable(f"不是 SenML:{error}", f"not SenML: {error}") from error
    parsed = Parsed.empty()
    name, time, base = "", 0.0, 0.0
    for row, record in enumerate(records, 1):
        name = record.bn if record.bn is not None else name
        time = record.bt if record.bt is not None else time
        base = record.bv if record.bv is not None else base
        if record.v is None:
            if record.n:
                parsed.bad.append(Bad(row, _NO_NUMBER, name + record.n))
            continue
        seconds = time + record.t
        try:
            at = round(seconds * 1_000_000) + (0 if seconds >= SENML_RELATIVE else now)
            put(parsed, row, name + record.n, at, base + record.v, 0)
        except (ValueError, OverflowError) as error:
            parsed.bad.append(Bad(row, explained(error), f"{name}{record.n} {seconds} {record.v}"))
    return parsed


def data_array(body: bytes) -> Parsed:
    """Read SensorThings data arrays; a datastream's `@iot.id` is `<device>.<quantity>`."""
    try:
        groups = _arrays.decode(body)
    except msgspec.DecodeError as error:
        raise Unreadable(f"不是 dataArray:{error}", f"not a dataArray: {error}") from error
    parsed = Parsed.empty()
    row = 0
    for group in groups:
        name = str(group.datastream.get("@iot.id", ""))
        for cells in group.rows:
            row += 1
            found = dict(zip(group.components, cells, strict=False))
            try:
                at = instant(found["phenomenonTime"])
                put(parsed, row, name, at, float(found["result"]), int(found.get("seq", 0)))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                parsed.bad.append(Bad(row, explained(error), repr(cells)[:200]))
    return parsed


def instant(text: int | str) -> int:
    """Return an instant in µs since 1970 from ISO 8601 with a zone, or from µs. Raises ValueError.

    >>> instant("1970-01-01T00:00:01Z")
    1000000
    """
    if isinstance(text, int):
        return text
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(_NO_ZONE)
    span = at - EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


_NO_NUMBER: Final[Label] = {"zh": "没有数值 v", "en": "no numeric value v"}
_NO_ZONE: Final = "时间没有时区 | the time has no zone"


def _columns(rows: list[Row]) -> Parsed:
    at = [row.at if type(row.at) is int else instant(row.at) for row in rows]
    return Parsed(
        list(range(1, len(rows) + 1)),
        [row.datastream for row in rows],
        at,
        [row.value for row in rows],
        [row.seq for row in rows],
        [],
    )


def _each(rows: Iterator[tuple[int, Any]], decode: Callable[[Any], Row]) -> Parsed:
    parsed = Parsed.empty()
    for number, raw in rows:
        try:
            row = decode(raw)
            put(parsed, number, row.datastream, instant(row.at), row.value, row.seq)
        except (msgspec.DecodeError, ValueError, OverflowError) as error:
            parsed.bad.append(Bad(number, explained(error), bytes(raw)[:200].decode(errors="replace")))
    return parsed


def put(parsed: Parsed, row: int, datastream: str, at: int, value: float, seq: int) -> None:
    """Add a row to the columns. Raises ValueError for a time or count that no clock and no device has."""
    if abs(at) > FARTHEST or abs(seq) > FARTHEST:
        raise ValueError("时间或序号太大 | time or count is too large")
    parsed.rows.append(row)
    parsed.datastream.append(datastream)
    parsed.at.append(at)
    parsed.value.append(value)
    parsed.seq.append(seq)


def explained(error: Exception) -> Label:
    """Say in both languages what is wrong with a row."""
    zh, bar, en = str(error).partition(" | ")
    if bar:
        return {"zh": zh, "en": en}
    if isinstance(error, msgspec.ValidationError):
        return {"zh": f"字段不对:{error}", "en": f"a field is wrong: {error}"}
    if isinstance(error, msgspec.DecodeError):
        # NaN and Infinity end here too: JSON has no such numbers, and a rule could not judge them.
        return {"zh": f"不是 JSON:{error}", "en": f"not JSON: {error}"}
    if isinstance(error, KeyError):
        return {"zh": f"缺少 {error}", "en": f"{error} is missing"}
    return {"zh": f"时间或数值无法读取:{error}", "en": f"time or value cannot be read: {error}"}
