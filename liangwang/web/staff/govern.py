"""Governing: emergency orders, effects that failed, the working calendar."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access, audit, clock, events, working_days
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import CalendarDay, Effect
from liangwang.base.transactions import write
from liangwang.cases import load
from liangwang.hub import queries as hub
from liangwang.hub.queries import Order
from liangwang.services import emergency

from .pages import actor_of, page

LISTED = 100


# --- emergency orders -----------------------------------------------------------------------------------


def order_of(ref: str) -> Order | None:
    return hub.order_by_ref(ref)


def no_order() -> Order:
    """An order that is not yet there: who may declare it may propose one."""
    return Order()


def _order_row(order: Order, actor: Actor, at: datetime) -> dict[str, Any]:
    if order.ended_at or order.ends_at <= at:
        state = ("idle", _("已结束"))
    elif order.signed_at is None:
        state = ("watch", _("待另一人签发"))
    else:
        state = ("bad", _("生效中")) if order.starts_at <= at else ("info", _("已签发，未开始"))
    return {
        "order": order,
        "state": state,
        "may_order": access.may(actor, "order", access.thing_of("order", order)).allowed,
        "live": order.signed_at and not order.ended_at and order.ends_at > at,
    }


def _orders_page(
    request: HttpRequest, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    rows = access.visible(actor, "read", "order", hub.orders().select_related("place"))
    context = {
        "orders": [_order_row(order, actor, at) for order in rows[:LISTED]],
        "may_propose": access.may(actor, "order", access.thing_of("order", no_order())).allowed,
        "errors": errors or {},
        "typed": request.POST,
        "now": at,
    }
    return page(request, "staff/orders.html", context, status=status)


@door("read", "order")
def orders(request: HttpRequest) -> HttpResponse:
    """Every order with its number, start and end; two people of the level that declares put one in force."""
    return _orders_page(request)


def _instant(text: str) -> datetime | None:
    """A date typed in a form, as midnight of the city's zone."""
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), ZoneInfo(settings.TIME_ZONE))
    except ValueError:
        return None


@door(None, "order", post="order", of=no_order)
def open_order(request: HttpRequest, _none: Order) -> HttpResponse:
    """Proposes an order; it has no force until someone else signs it."""
    at = clock.now()
    ends, number, basis = (
        _instant(request.POST.get("ends_on", "")),
        request.POST.get("number", "").strip(),
        request.POST.get("basis", "").strip(),
    )
    errors = {} if number else {"number": _("请填写令号")}
    errors |= {} if basis else {"basis": _("请填写依据")}
    errors |= {} if ends and ends + timedelta(days=1) > at else {"ends_on": _("请填写将来的结束日期")}
    if errors:
        return _orders_page(request, errors, 422)
    assert ends is not None
    title: Label = {"zh": f"应急状态令 {number}", "en": f"Emergency order {number}"}
    return _do(
        request,
        lambda: emergency.propose(
            actor=actor_of(request),
            number=number,
            title=title,
            basis=basis,
            starts_at=at,
            ends_at=ends + timedelta(days=1),
            at=at,
        ),
        _("已拟令，请另一位值班长签发"),
    )


@door(None, "order", post="order", of=order_of)
def sign_order(request: HttpRequest, order: Order) -> HttpResponse:
    verb = lambda: emergency.sign(order, actor=actor_of(request), at=clock.now())  # noqa: E731
    return _do(request, verb, _("已签发，应急状态开始"))


@door(None, "order", post="order", of=order_of)
def end_order(request: HttpRequest, order: Order) -> HttpResponse:
    reason = request.POST.get("reason", "").strip() or _("风险解除")
    verb = lambda: emergency.end(order, actor=actor_of(request), reason=reason, at=clock.now())  # noqa: E731
    return _do(request, verb, _("已结束，恢复常态；个人数据将按期清除"))


def _do(request: HttpRequest, verb: Any, said: str) -> HttpResponse:
    try:
        with write():
            verb()
    except Refusal as refusal:
        return _orders_page(request, {"number": refusal.message(get_language() or "zh")}, refusal.status)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("orders"))


# --- effects --------------------------------------------------------------------------------------------


@door("configure", "pack")
def effects(request: HttpRequest) -> HttpResponse:
    """Effects that ended in `failed` or are being tried again."""
    open_rows = Effect.objects.exclude(state=Effect.State.DONE).filter(tries__gt=0).select_related("event")
    context = {"effects": open_rows.order_by("state", "-id")[:LISTED]}
    return page(request, "staff/effects.html", context)


@door(None, "pack", post="configure")
def retry(request: HttpRequest, effect_id: int) -> HttpResponse:
    at, actor = clock.now(), actor_of(request)
    with write():
        events.retry_failed(effect_id, at)
        thing = access.Thing(kind="pack", ref=f"effect:{effect_id}")
        audit.record(actor, "configure", thing, at=at, body={"retry": effect_id})
    messages.success(request, _("已重新排队"))
    return HttpResponseRedirect(reverse("effects"))


# --- the working calendar -------------------------------------------------------------------------------


@door("configure", "pack", post="configure")
def calendar(request: HttpRequest) -> HttpResponse:
    """Days that depart from Monday to Friday; a changed day re-dates every open case, and says first which it would move."""
    errors: dict[str, str] = {}
    moved: load.Moved | None = None
    at = clock.now()
    if request.method == "POST":
        day = _instant(request.POST.get("day", ""))
        name, basis = request.POST.get("name", "").strip(), request.POST.get("source", "").strip()
        if day is None:
            errors["day"] = _("请填写日期")
        if not name:
            errors["name"] = _("请写明是什么假日或调休")
        if not basis:
            errors["source"] = _("请写明依据的通知")
        if day is not None and not errors:
            works = request.POST.get("works") == "yes"
            moved = load.preview_day(day.date(), works=works, name={"zh": name, "en": name})
        if day is not None and not errors and request.POST.get("act") != "preview":
            with write():
                working_days.set_day(
                    day.date(), works=works, name={"zh": name, "en": name}, source=basis, at=at
                )
                thing = access.Thing(kind="pack", ref=f"calendar:{day.date()}")
                body = {"works": works, "name": name, "source": basis}
                audit.record(actor_of(request), "configure", thing, at=at, body=body)
            said = (
                _("已保存；%(n)s 件在办件的到期日正在重算")
                if moved and moved.moved
                else _("已保存；没有在办件受影响")
            )
            messages.success(request, said % {"n": moved.moved if moved else 0})
            return HttpResponseRedirect(reverse("calendar"))
    days = CalendarDay.objects.filter(day__gte=date(at.year, 1, 1)).order_by("day")
    context = {"days": days, "errors": errors, "typed": request.POST, "moved": moved}
    return page(request, "staff/calendar.html", context, status=422 if errors else 200)
