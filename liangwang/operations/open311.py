"""Open311 GeoReport v2, served: which services there are, reports taken by key, and how they stand; JSON and XML.

What a reporter wrote and where exactly stays inside: the open list gives service, state, times and the place to about
a hundred metres, of those reports only that came this way.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from ninja import Router

from liangwang.base import clock
from liangwang.base.access import ApiDoor
from liangwang.base.errors import NotFound, Refusal, Refused
from liangwang.base.hats import Actor, source_hat
from liangwang.base.labels import Label
from liangwang.base.models import Place
from liangwang.base.transactions import write
from liangwang.cases.queries import Case
from liangwang.channels import open311 as wire
from liangwang.channels.readings import Unreadable

from .actions import Reporter, report
from .kinds import Known, groups, kind_named
from .report_models import Report

router = Router(tags=["open311"])
CHANNEL: Final = "open311"
MOST: Final = 200
WIDEST: Final = timedelta(days=90)
LIVE: Final = frozenset({"open", "supplement", "accepted"})
FORMS: Final = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
BASE: Final = "/open311/v2"


class Unreadable311(Refusal):
    """A question or report that GeoReport does not know."""

    status, code = 400, "unreadable"
    template: ClassVar[Label] = {"zh": "{zh}", "en": "{en}"}


class KeyDoor(ApiDoor):
    """The door of a report: the key comes as `api_key`, as GeoReport has it, or as a bearer key."""

    def __call__(self, request: HttpRequest) -> Actor:
        key = "" if "Authorization" in request.headers else _said(request).get("api_key", "")
        actor = source_hat(key) if key else None
        if actor is None:
            return super().__call__(request)
        request.actor = actor  # type: ignore[attr-defined]
        self.door.enter(request, {})
        return actor


@router.get(f"{BASE}/services.{{form}}", auth=ApiDoor("open", "public"))
def services(request: HttpRequest, form: str) -> HttpResponse:
    """What can be reported, by class of matter."""
    found = [_service(one, group.label["zh"]) for group in groups() for one in group.kinds]
    return _answer("services", found, form)


@router.get(f"{BASE}/services/{{code}}.{{form}}", auth=ApiDoor("open", "public"))
def definition(request: HttpRequest, code: str, form: str) -> HttpResponse:
    """What a service asks for beside place and words: nothing, so the list of attributes is empty."""
    one = kind_named(code)
    return _answer("service_definition", {"service_code": one.ref, "attributes": []}, form)


@router.get(f"{BASE}/requests.{{form}}", auth=ApiDoor("open", "public"))
def requests(request: HttpRequest, form: str) -> HttpResponse:
    """The reports that came this way, of 90 days at most, the newest first."""
    try:
        rows = _wanted(request.GET)
    except Unreadable as error:
        raise Unreadable311(**error.label) from error
    return _answer("service_requests", [_request(row) for row in rows], form)


@router.get(f"{BASE}/requests/{{ref}}.{{form}}", auth=ApiDoor("open", "public"))
def one_request(request: HttpRequest, ref: str, form: str) -> HttpResponse:
    """How one report stands."""
    row = _rows().filter(ref=ref).first()
    if row is None:
        raise NotFound
    return _answer("service_requests", [_request(row)], form)


@router.get(f"{BASE}/tokens/{{token}}.{{form}}", auth=ApiDoor("open", "public"))
def token(request: HttpRequest, token: str, form: str) -> HttpResponse:
    """The id of a report by its token: here they are the same, for an id is given at once."""
    if not _rows().filter(ref=token).exists():
        raise NotFound
    return _answer("service_requests", [{"token": token, "service_request_id": token}], form)


@router.post(f"{BASE}/requests.{{form}}", auth=KeyDoor("push", "report"))
def take(request: HttpRequest, form: str) -> HttpResponse:
    """Takes a report, durable before the answer; the very same one sent again is the first. Name and phone are sealed."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if not {"*", CHANNEL} & set(actor.scope):
        raise Refused(hat=actor.label["zh"])
    said = _said(request)
    try:
        asked = wire.asked(said)
    except Unreadable as error:
        raise Unreadable311(**error.label) from error
    number = hashlib.sha256(repr((actor.key, sorted(said.items()))).encode()).hexdigest()[:40]
    place = None if asked.point else _named(asked.address)
    with write():
        row = report(
            actor=actor, at=clock.now(), kind=asked.service, text=asked.text, point=asked.point, place=place,
            address=asked.address, reporter=Reporter(asked.name, asked.phone), channel=CHANNEL, outside_number=number,
        )  # fmt: skip
    notice = f"{row.case.number}"
    return _answer(
        "service_requests",
        [{"service_request_id": row.ref, "service_notice": notice, "account_id": None}],
        form,
        201,
    )


def _rows() -> Any:
    return Report.objects.select_related("case").filter(channel=CHANNEL)


def _wanted(said: Mapping[str, str]) -> list[Report]:
    rows = _rows().order_by("-at")
    if said.get("service_request_id"):
        return list(rows.filter(ref__in=said["service_request_id"].split(",")[:MOST]))
    end = wire.moment(said["end_date"]) if said.get("end_date") else clock.now()
    start = wire.moment(said["start_date"]) if said.get("start_date") else end - WIDEST
    rows = rows.filter(at__gte=max(start, end - WIDEST), at__lte=end)
    if said.get("service_code"):
        rows = rows.filter(kind__in=said["service_code"].split(","))
    wanted = {word.strip() for word in said.get("status", "").split(",")} & {"open", "closed"}
    if len(wanted) == 1:
        live = rows.filter(case__state__in=LIVE)
        rows = live if wanted == {"open"} else rows.exclude(case__state__in=LIVE)
    return list(rows[:MOST])


def _service(one: Known, group: str) -> dict[str, Any]:
    hint = one.value.hint or one.value.label
    return {
        "service_code": one.ref,
        "service_name": one.value.label["zh"],
        "description": f"{hint['zh']} · {one.value.label['en']}",
        "metadata": False,
        "type": "realtime",
        "keywords": one.value.label["en"],
        "group": group,
    }


def _request(row: Report) -> dict[str, Any]:
    case: Case = row.case
    known = kind_named(row.kind) if row.kind else None
    changed = case.closed_at or row.answered_at or row.at
    return {
        "service_request_id": row.ref,
        "status": "open" if case.state in LIVE else "closed",
        "status_notes": None,
        "service_name": known.value.label["zh"] if known else row.kind,
        "service_code": row.kind,
        "description": None,
        "agency_responsible": case.lead_office.name.get("zh") if case.lead_office else None,
        "service_notice": case.number,
        "requested_datetime": row.at.isoformat(timespec="seconds"),
        "updated_datetime": changed.isoformat(timespec="seconds"),
        "expected_datetime": row.due_at.isoformat(timespec="seconds") if row.due_at else None,
        "address": None,
        "address_id": None,
        "zipcode": None,
        "lat": round(row.lat, 3),
        "long": round(row.lon, 3),
        "media_url": None,
    }


def _named(address: str) -> Place | None:
    """The place whose name an address holds, the smallest first; None where it names none."""
    rows = Place.objects.filter(ended_at=None, lon__isnull=False, level__in=("street", "neighbourhood"))
    names = sorted(rows.values_list("pk", "name"), key=lambda row: -len(row[1].get("zh", "")))
    found = next((pk for pk, name in names if any(text and text in address for text in name.values())), None)
    return Place.objects.get(pk=found) if found else None


def _said(request: HttpRequest) -> dict[str, str]:
    """The parameters of a report: address, form or JSON; what is no text is left out."""
    said = {key: str(value) for key, value in request.GET.items()}
    if (request.content_type or "") == "application/json":
        try:
            body = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Unreadable311(zh=f"不是 JSON:{error}", en=f"not JSON: {error}") from error
        body = body if isinstance(body, dict) else {}
        return said | {
            str(key): str(value) for key, value in body.items() if isinstance(value, str | int | float)
        }
    return said | {key: str(value) for key, value in request.POST.items()}


def _answer(root: str, value: Any, form: str, status: int = 200) -> HttpResponse:
    if form not in FORMS:
        raise NotFound
    body = wire.xml(root, value).encode() if form == "xml" else msgspec.json.encode(value)
    return HttpResponse(body, status=status, content_type=FORMS[form])
