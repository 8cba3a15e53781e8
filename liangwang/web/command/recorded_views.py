"""The record of a place for the slider of the duty page: which days have one, a day to be dragged, a thing as it was."""

from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door, may_ever
from liangwang.base.errors import NotFound
from liangwang.base.labels import pick
from liangwang.base.models import Place
from liangwang.base.working_days import local_day
from liangwang.operations import boards, recorded_day, thing_then, things
from liangwang.operations.recorded_day import IncidentThen, RecordedDay
from liangwang.operations.unit_tracks import UnitThen

from . import shown
from .incident_views import actor_of
from .views import place_of

Json = dict[str, Any]
COMPACT = {"ensure_ascii": False, "separators": (",", ":")}


def _answer(body: Json) -> HttpResponse:
    answer = JsonResponse(body, json_dumps_params=COMPACT)
    answer["Cache-Control"] = "private, no-store"
    return answer


@door("open", "board", of=place_of)
def days(request: HttpRequest, place: Place) -> HttpResponse:
    """The days of a month (?month=2026-11) that have a record, and the present day's incidents in each ten minutes."""
    at = clock.now()
    today = local_day(at)
    first = _month(request.GET.get("month", ""), today)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    found = recorded_day.days(place.code, first, min(last, today))
    begins = recorded_day.first_day(place.code) or today
    return _answer(
        {
            "month": f"{first:%Y-%m}", "first": f"{begins:%Y-%m}", "today": today.isoformat(),
            "days": {
                day.isoformat(): {"incidents": one.incidents, "readings": one.readings} for day, one in found.items()
            },
            "slots": recorded_day.slots_of(place.code, today, at),
            "replays": reverse("replays") if may_ever(actor_of(request), "configure", "rule") else "",
        }
    )  # fmt: skip


def _month(asked: str, today: date) -> date:
    """The first of the month asked for; of the present one where none was or it cannot be read."""
    try:
        return date.fromisoformat(f"{asked}-01")
    except ValueError:
        return today.replace(day=1)


def _day(asked: str, today: date) -> date:
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        raise NotFound from None
    if day > today:
        raise NotFound
    return day


@door("open", "board", of=place_of)
def one_day(request: HttpRequest, place: Place, day: str) -> HttpResponse:
    """A day of the place from which a browser shows any second; times are seconds since the day began.

    `incidents[].states` are [from, status, word (place in `words`), since, limit_s or null], or [from] once it left the
    board; `alarms` are columns of things with a standing signal; `units` columns, with `fixes` [at, lon, lat] and
    `hands` [from, to or null, place in `incidents`] by the unit's place in the columns.
    """
    at = clock.now()
    return _answer(_told(place, recorded_day.recorded_day(place.code, _day(day, local_day(at)), at)))


def _told(place: Place, day: RecordedDay) -> Json:
    lang = get_language() or "zh"
    words: dict[str, int] = {}
    length = boards.DEEPER.get(len(place.code), 0)
    inside = place.children.filter(ended_at=None, lon__isnull=False).exclude(kind="statistical_unit")
    below = [] if place.level == "street" else list(inside.values_list("code", "lon", "lat"))
    return {
        "day": day.day.isoformat(), "start": day.start.isoformat(), "until": (day.until - day.start).total_seconds(),
        "over": day.until >= day.end,
        "incidents": [_incident(one, day, words, (lang, length)) for one in day.incidents],
        "words": list(words),
        "alarms": {
            "number": [one.number for one in day.alarms], "from": [one.since_s for one in day.alarms],
            "to": [one.until_s for one in day.alarms], "status": [shown.STATUS_OF.get(one.level, "info") for one in day.alarms],
        },
        "things": {number: [round(lon, 6), round(lat, 6)] for number, (lon, lat) in day.things.items()},
        "units": _units(day, lang),
        "below": below,
        "count": _("%(n)d 件"),
        "slots": day.slots,
        "marks": [{"at": mark.at_s, "kind": mark.kind, "name": pick(mark.label, lang)} for mark in day.marks],
    }  # fmt: skip


def _incident(one: IncidentThen, day: RecordedDay, words: dict[str, int], how: tuple[str, int]) -> Json:
    case, (lang, length) = one.case, how
    states: list[list[Any]] = []
    for moment in one.moments:
        at = max(0.0, round((moment.at - day.start).total_seconds(), 1))
        since, limit = recorded_day.running(one, moment)
        word = words.setdefault(pick(recorded_day.stage(one, moment), lang), len(words))
        status = shown.STATUS_OF.get(moment.level, "info")
        state = (
            [at, status, word, round((since - day.start).total_seconds(), 1), limit] if moment.live else [at]
        )
        if not states or states[-1][1:] != state[1:]:
            states.append(state)
    return {
        "ref": case.ref, "number": case.number, "name": pick(case.title, lang),
        "where": pick(case.place.name, lang) if case.place else "", "lon": case.lon, "lat": case.lat,
        "below": case.place.code[:length] if case.place and length else "",
        "opened": round((case.opened_at - day.start).total_seconds(), 1),
        "href": reverse("incident-after", args=[case.ref]), "states": states,
    }  # fmt: skip


def _units(day: RecordedDay, lang: str) -> Json:
    place_of_ref = {one.case.ref: n for n, one in enumerate(day.incidents)}
    columns: Json = {"ref": [], "name": [], "lon": [], "lat": [], "fixes": {}, "hands": {}}
    for n, unit in enumerate(day.units):
        _column(columns, unit, lang)
        if unit.fixes:
            columns["fixes"][n] = [[round(at), round(lon, 5), round(lat, 5)] for at, lon, lat in unit.fixes]
        if unit.hands:
            columns["hands"][n] = [
                [round(since, 1), None if to is None else round(to, 1), place_of_ref[ref]] for since, to, ref in unit.hands
            ]  # fmt: skip
    return columns


def _column(columns: Json, unit: UnitThen, lang: str) -> None:
    columns["ref"].append(unit.ref)
    columns["name"].append(pick(unit.name, lang))
    columns["lon"].append(round(unit.lon, 5))
    columns["lat"].append(round(unit.lat, 5))


@door("read", "asset", of=things.asset_by_number)
def thing(request: HttpRequest, asset: Any) -> HttpResponse:
    """The card of one thing as it was at ?at= (ISO): signals that stood, the latest values until then, its incident."""
    try:
        at = datetime.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        raise NotFound from None
    if at.tzinfo is None or at > clock.now():
        raise NotFound
    return render(
        request,
        "command/thing.html",
        {"card": thing_then.card_then(asset, at), "status_of": shown.STATUS_OF, "recorded": at},
    )


urlpatterns: list[URLPattern] = [
    path("recorded/things/<int:number>/", thing, name="command-recorded-thing"),
    path("<slug:code>/recorded/", days, name="command-recorded"),
    path("<slug:code>/recorded/<slug:day>/", one_day, name="command-recorded-day"),
]
