"""Emergency and routine (平急): a pack with `mode: emergency` acts only under an order in force, asked here by everyone."""

from datetime import date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet

from liangwang.base.errors import Refusal
from liangwang.base.labels import Label
from liangwang.base.packs import declared

from .models import Order
from .sources import is_emergency


class OutsideOrder(Refusal):
    status, code = 409, "outside_order"
    template: ClassVar[Label] = {
        "zh": "现为常态：没有生效的应急令，“{pack}”不收、不算、不显示",
        "en": "Routine mode: no emergency order is in force, so '{pack}' takes, computes and shows nothing",
    }


def order_in_force(pack: str, at: datetime) -> Order | None:
    """The signed order under which a pack may act at `at`, or None in routine."""
    return next((order for order in _live(at) if pack in order.packs), None)


def _live(at: datetime) -> QuerySet[Order]:
    live = Order.objects.filter(starts_at__lte=at, ends_at__gt=at).exclude(signed_at=None)
    return live.filter(Q(ended_at=None) | Q(ended_at__gt=at)).order_by("-starts_at")


def acting(at: datetime) -> frozenset[str]:
    """The emergency packs that may act at `at`, in one query: for pages that show many packs."""
    return frozenset(pack for order in _live(at) for pack in order.packs)


def may_act(pack: str, at: datetime) -> bool:
    """True for a routine pack always, for an emergency pack while an order is in force."""
    return not is_emergency(pack) or order_in_force(pack, at) is not None


def require_in_force(pack: str, at: datetime) -> None:
    """Raises OutsideOrder for an emergency pack in routine."""
    if not may_act(pack, at):
        raise OutsideOrder(pack=pack)


def erasure_day(pack: str, at: datetime) -> date:
    """The day by which an emergency pack's data is gone when its order ends at `at`: its limit `erase_after`."""
    limit = declared("limits.yaml", f"{pack}:erase_after").value
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).date() + timedelta(days=limit.value)
