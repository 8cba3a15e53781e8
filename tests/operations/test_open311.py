"""Open311 GeoReport v2 as its PyPI client reads it, and as a partner's desk reports through it."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from django.test import Client

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Place
from liangwang.operations.report_models import Report
from liangwang.operations.reporting import reporter_of
from tests.operations.factories import load_city

BASE = "/api/v1/open311/v2"


@pytest.fixture
def street(db: None) -> Place:
    place = load_city()
    office = Office.objects.order_by("id")[0]
    issue_source_key("partner-key", name="partner", office=office, sources=["open311"])
    issue_source_key("device-key", name="device", office=office, sources=["manholes:covers"])
    return place


def said(street: Place, **more: str) -> dict[str, str]:
    return {
        "api_key": "partner-key", "service_code": "street_order:noise", "lat": str(street.lat), "long": str(street.lon),
        "description": "loud music, says Anna of number 5", "first_name": "Anna", "phone": "13800000099", **more,
    }  # fmt: skip


@pytest.mark.django_db
def test_a_report_is_taken_once_its_caller_sealed_and_its_words_not_shown(street: Place) -> None:
    first = Client().post(f"{BASE}/requests.json", said(street))
    again = Client().post(f"{BASE}/requests.json", said(street))
    assert first.status_code == 201, first.content
    assert first.json() == again.json()
    row = Report.objects.get()
    assert (row.kind, row.channel, reporter_of(row).phone) == ("street_order:noise", "open311", "13800000099")
    ref = first.json()[0]["service_request_id"]
    for path in (
        "requests.json",
        f"requests/{ref}.json",
        f"requests.json?service_request_id={ref}",
        f"requests/{ref}.xml",
        "requests.xml",
    ):
        shown = Client().get(f"{BASE}/{path}").content.decode()
        assert ref in shown
        assert "open" in shown
        assert not any(word in shown for word in ("Anna", "13800000099", "loud"))
    assert Client().get(f"{BASE}/tokens/{ref}.json").json() == [{"token": ref, "service_request_id": ref}]
    found = Client().get(f"{BASE}/requests.json?status=closed").json()
    assert found == []


@pytest.mark.django_db
def test_bad_reports_and_wrong_keys_are_refused(street: Place) -> None:
    def post(status: int, **more: str) -> Any:
        answer = Client().post(f"{BASE}/requests.json", said(street, **more))
        assert answer.status_code == status, answer.content
        return answer.json()

    assert "service_code" in post(400, service_code="")["message"]["en"]
    assert post(422, service_code="street_order:unicorn")["message"]["zh"]
    post(400, lat="x")
    post(422, lat="48", long="2")
    post(401, api_key="guessed")
    post(403, api_key="device-key")
    post(422, lat="", long="", address_string="nowhere at all")
    post(201, lat="", long="", address_string=f"{street.name['zh']} 12 号")
    assert Client().get(f"{BASE}/requests.json?start_date=yesterday").status_code == 400
    assert Client().get(f"{BASE}/services.pdf").status_code == 404
    assert Report.objects.count() == 1


@pytest.mark.django_db
def test_services_are_the_kinds_that_people_may_report(street: Place) -> None:
    root = ET.fromstring(Client().get(f"{BASE}/services.xml").content)
    codes = [one.findtext("service_code") for one in root]
    assert (root.tag, root[0].tag) == ("services", "service")
    assert {"street_order:noise", "manholes:moved"} <= set(codes)
    found = Client().get(f"{BASE}/services/street_order:noise.json").json()
    assert found == {"service_code": "street_order:noise", "attributes": []}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_python_client_reads_it(street: Place, live_server: Any, form: str) -> None:
    georeport = pytest.importorskip("georeport")
    ref = Client().post(f"{BASE}/requests.json", said(street)).json()[0]["service_request_id"]
    client = georeport.GeoReport(f"{live_server.url}{BASE}", output_format=form)
    assert "street_order:noise" in [one["service_code"] for one in client.get_service_list()]
    assert client.get_service_definition("street_order:noise")["service_code"] == "street_order:noise"
    rows = client.get_service_requests(status="open", service_code="street_order:noise,manholes:moved")
    # The client's XML reader gives a single element as itself, not as a list of one.
    assert [one["service_request_id"] for one in (rows if isinstance(rows, list) else [rows])] == [ref]
    found = client.get_service_request(ref)
    assert found["service_request_id"] == ref
    assert found["status"] == "open"
