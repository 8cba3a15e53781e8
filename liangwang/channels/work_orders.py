"""Work orders of another system (12345) by API or sheet: fields under the heads that the source declares."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final, NamedTuple

import msgspec

from liangwang.base.labels import Label

from .readings import Bad, Unreadable
from .sheets import MOST_ROWS, csv_rows, xlsx_rows

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ENVELOPES: Final = ("orders", "data", "rows", "records", "list")


class WorkOrder(NamedTuple):
    """One work order: its number, what is asked, whose, where and when; empty where nothing was said."""

    row: int
    number: str
    text: str
    kind: str
    sort: str
    name: str
    phone: str
    address: str
    place: str
    point: tuple[float, float] | None
    asked_at: datetime | None
    due_at: datetime | None


class Orders(NamedTuple):
    """The work orders that could be read, and the rows that could not."""

    orders: list[WorkOrder]
    bad: list[Bad]


def parse(body: bytes, content_type: str, fields: Mapping[str, Sequence[str]], zone: tzinfo) -> Orders:
    """Return the work orders of a body: JSON, CSV or .xlsx. Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        lines = _json_rows(body)
    elif kind in {"text/csv", "application/csv"}:
        lines = csv_rows(body)
    elif kind == XLSX:
        lines = xlsx_rows(body)
    else:
        raise Unreadable(
            f"不认识的格式 {kind or '(无)'};请用 application/json、text/csv 或 .xlsx",
            f"unknown content type {kind or '(none)'}; use application/json, text/csv or .xlsx",
        )
    found = Orders([], [])
    for row, line in enumerate(lines, 1):
        try:
            found.orders.append(_order(row, line, fields, zone))
        except ValueError as error:
            zh, _, en = str(error).partition(" | ")
            reason: Label = {"zh": zh, "en": en or zh}
            found.bad.append(Bad(row, reason, ""))  # the text may name the caller
    return found


def _json_rows(body: bytes) -> list[dict[str, str]]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"不是 JSON:{error}", f"not JSON: {error}") from error
    if isinstance(found, dict):
        inside = next((found[name] for name in ENVELOPES if isinstance(found.get(name), list)), None)
        found = [found] if inside is None else inside
    if not isinstance(found, list) or len(found) > MOST_ROWS:
        raise Unreadable(
            f"应是至多 {MOST_ROWS} 张工单的列表", f"expected a list of at most {MOST_ROWS} work orders"
        )
    return [_texts(one) for one in found]


def _texts(one: Any) -> dict[str, str]:
    if not isinstance(one, dict):
        return {}
    return {
        str(head): str(value).strip() for head, value in one.items() if isinstance(value, str | int | float)
    }


def _order(row: int, line: Mapping[str, str], fields: Mapping[str, Sequence[str]], zone: tzinfo) -> WorkOrder:
    said = {
        name: next((line[head] for head in heads if line.get(head)), "") for name, heads in fields.items()
    }

    def field(name: str) -> str:
        return said.get(name, "")

    for name in ("number", "text"):
        if not field(name):
            heads = "、".join(fields[name])
            raise ValueError(f"缺少{heads} | missing: {', '.join(fields[name])}")
    if len(field("number")) > 64:
        raise ValueError("工单编号超过 64 个字 | the number is longer than 64 characters")
    return WorkOrder(
        row, field("number"), field("text"), field("kind"), field("sort"), field("name")[:60], field("phone")[:40],
        field("address")[:200], field("place"), _point(field("lon"), field("lat")), _moment(field("asked_at"), zone),
        _moment(field("due_at"), zone),
    )  # fmt: skip


def _point(lon: str, lat: str) -> tuple[float, float] | None:
    if not lon or not lat:
        return None
    try:
        point = float(lon), float(lat)
    except ValueError:
        raise ValueError(f"经纬度“{lon},{lat}”不是数 | longitude and latitude are not numbers") from None
    if not (abs(point[0]) <= 180 and abs(point[1]) <= 90):
        raise ValueError("经纬度超出范围 | longitude or latitude out of range")
    return point


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """A time as such systems write it, in the city's zone where it says none."""
    if not text:
        return None
    tidy = " ".join(text.replace("/", "-").replace("年", "-").replace("月", "-").replace("日", " ").split())
    if tidy[:8].count("-") == 2 and len(tidy.partition(" ")[0]) < 10:
        day, _, clock = tidy.partition(" ")
        tidy = "-".join(part.zfill(2) for part in day.split("-")) + (f" {clock}" if clock else "")
    try:
        at = datetime.fromisoformat(tidy)
    except ValueError:
        raise ValueError(
            f"时间“{text[:40]}”看不懂，应如 2026-11-23 09:30 | the time cannot be read"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=zone)
