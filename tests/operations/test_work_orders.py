"""12345 work orders by API and as sheets: each becomes one report, its caller sealed, bad rows told, none lost."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.test import Client

from liangwang.base.hats import issue_source_key
from liangwang.base.models import AuditEntry, Office, Place
from liangwang.cases.queries import case_by_number
from liangwang.channels.work_orders import XLSX
from liangwang.operations.report_models import Report
from liangwang.operations.reporting import reporter_of
from tests.operations.factories import load_city

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PAYLOADS = Path(__file__).parent.parent / "channels" / "payloads"
URL = "/api/v1/reports/street_order:hotline"


@pytest.fixture
def street(db: None) -> Place:
    place = load_city()
    office = Office.objects.order_by("id")[0]
    issue_source_key("hotline-key", name="hotline", office=office, sources=["street_order:hotline"])
    issue_source_key("other-key", name="other", office=office, sources=["manholes:covers"])
    return place


def send(body: bytes, kind: str = "application/json", key: str = "hotline-key", status: int = 200) -> Any:
    answer = Client().post(URL, body, content_type=kind, headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == status, answer.content
    return answer.json()


def test_work_orders_of_the_interface_become_reports_once(street: Place) -> None:
    body = (PAYLOADS / "hotline_orders.json").read_bytes()
    found = send(body)
    assert (found["accepted"], found["known"]) == (2, 0)
    assert [line["row"] for line in found["rejected"]] == [3]
    assert "诉求内容" in found["rejected"][0]["reason"]["zh"]
    rows = {row.outside_number: row for row in Report.objects.all()}
    bikes, asked = rows["20261123-000417"], rows["20261123-000418"]
    assert (bikes.kind, bikes.sort, bikes.channel) == (
        "street_order:bikes_in_the_way",
        "complaint",
        "hotline",
    )
    assert (asked.sort, asked.approximate) == ("enquiry", True), (
        "no point: the named street, or the city's middle"
    )
    assert case_by_number(found["orders"][0]["case"]) == bikes.case
    again = send(body)
    assert (again["accepted"], again["known"]) == (0, 2)
    assert [line["case"] for line in again["orders"]] == [line["case"] for line in found["orders"]]
    assert Report.objects.count() == 2


def test_the_caller_is_sealed_and_nowhere_else(street: Place) -> None:
    send((PAYLOADS / "hotline_orders.json").read_bytes())
    row = Report.objects.get(outside_number="20261123-000417")
    assert reporter_of(row).phone == "13800000017"
    kept = (
        json.dumps(row.case.facts, ensure_ascii=False)
        + row.text
        + bytes(row.reporter_sealed or b"").decode("latin-1")
    )
    kept += "".join(bytes(one).decode() for one in AuditEntry.objects.values_list("body", flat=True))
    assert "13800000017" not in kept
    assert "陈女士" not in kept


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_sheet_as_csv_in_either_encoding(street: Place, encoding: str) -> None:
    text = (PAYLOADS / "hotline_orders.csv").read_text()
    found = send(text.encode(encoding), "text/csv")
    assert found["accepted"] == 2
    assert [line["row"] for line in found["rejected"]] == [3]
    row = Report.objects.get(outside_number="20261123-000501")
    assert row.place == street
    assert "浇筑" in row.text
    assert row.case.facts["asked_at"] == "2026-11-23T02:10:00+08:00"


def test_a_workbook_with_real_dates(street: Place) -> None:
    from datetime import datetime

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_row(0, 0, ["工单号", "诉求内容", "诉求分类", "受理时间", "经度", "纬度"])
    sheet.write_row(1, 0, ["G-1", "路面坑洞", "道路破损"])
    sheet.write_datetime(1, 3, datetime(2026, 11, 23, 9, 30), day)  # noqa: DTZ001
    sheet.write_row(1, 4, [122.481, 30.491])
    book.close()
    found = send(out.getvalue(), XLSX)
    assert found["accepted"] == 1, found
    row = Report.objects.get(outside_number="G-1")
    assert (row.kind, row.approximate) == ("street_order:road_broken", False)
    assert row.case.facts["asked_at"] == "2026-11-23T09:30:00+08:00"


def test_what_is_no_work_order_is_refused_as_a_whole_and_others_may_not_send(street: Place) -> None:
    assert send(b"PK\x03\x04 nothing", XLSX, status=400)["message"]["zh"]
    assert send(b"[1, 2", status=400)["message"]["en"]
    assert send(b"<a/>", "text/xml", status=400)["error"] == "unreadable"
    send(b"[]", key="other-key", status=403)
    assert send(b"[1, null, {}]")["accepted"] == 0
    outside = [{"orderNo": "X", "content": "x", "lon": "2", "lat": "48"}]
    found = send(json.dumps(outside).encode())
    assert found["accepted"] == 1, "a wrong point is no reason to lose a call: the city's middle, marked"
    assert Report.objects.get(outside_number="X").case.facts["unplaced"] is True
