"""Quality as small multiples: each source by contract, agreement, freshness and outcome, each attribute by its states."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.hub import queries

from . import charts
from .page import attribute_labels, departments, page, picked, share

LOW, FAIR = 0.8, 0.95


@door("read", "batch")
def quality(request: HttpRequest) -> HttpResponse:
    """Every source with its four measures and the share of good rows day by day; every attribute by state."""
    now = clock.now()
    days = queries.daily(now)
    found = sorted(queries.quality_by_source(now), key=_worst_first)
    attributes = attribute_labels()
    context = {
        "sources": [_source(one, days.get(one.declared.ref, [])) for one in found],
        "attributes": [
            _attribute(one, attributes) for one in sorted(queries.quality_by_attribute(now), key=_doubt_first)
        ],
        "formulas": formulas(),
        "low": sum(1 for one in found if one.score is not None and one.score < LOW),
    }
    return page(request, "data/quality.html", context)


def formulas() -> list[dict[str, str]]:
    """What each measure is, as a formula in words."""
    return [
        {"word": _("合约"), "formula": _("合格行 ÷ 报送行")},
        {"word": _("一致"), "formula": _("采用了它的说法 ÷ 它与别家都有说法的数据项")},
        {"word": _("时效"), "formula": _("没超期为 1，超期则为约定时长 ÷ 已过时长")},
        {"word": _("核对"), "formula": _("已了结的不一致中它对的 ÷ 它有说法的")},
        {"word": _("得分"), "formula": _("能量出来的几项相乘；一项差，整体就差")},
    ]


def _worst_first(one: Any) -> tuple[bool, float, str]:
    return one.score is None, one.score or 0.0, one.declared.ref


def _doubt_first(one: Any) -> tuple[float, str]:
    return one.known if one.known is not None else 1.0, one.attribute


def _kind(value: float | None) -> str:
    if value is None:
        return "idle"
    return "bad" if value < LOW else "watch" if value < FAIR else "ok"


def _measure(word: str, value: float | None) -> dict[str, Any]:
    return {"word": word, "share": share(value), "width": round((value or 0) * 100, 1), "kind": _kind(value)}


def _source(one: Any, days: list[Any]) -> dict[str, Any]:
    office = one.declared.value.office
    daily = [1 - day.bad / day.rows if day and day.rows else None for day in days]
    return {
        "ref": one.declared.ref,
        "label": one.declared.value.label,
        "office": departments().get(office, office),
        "score": share(one.score),
        "kind": _kind(one.score),
        "measures": [
            _measure(_("合约"), one.contract),
            _measure(_("一致"), one.agreement),
            _measure(_("时效"), one.freshness),
            _measure(_("核对"), one.right),
        ],
        "curve": charts.curve(daily, _floor(daily), 1.0),
        "floor": f"{_floor(daily):.0%}",
        "rows": one.rows,
        "has_curve": any(value is not None for value in daily),
    }


def _floor(values: list[float | None]) -> float:
    """The lower end of a curve's axis: the lowest value rounded down to a tenth, at most 0.9."""
    lowest = min((value for value in values if value is not None), default=0.9)
    return min(0.9, int(lowest * 10) / 10)


def _attribute(one: Any, labels: dict[str, Any]) -> dict[str, Any]:
    words = {
        "verified": _("多源一致"),
        "single": _("只有一源"),
        "majority": _("多数一致"),
        "conflict": _("不一致"),
    }
    bar = charts.parts((state, words[state], one.cells.get(state, 0)) for state in words)
    return {
        "key": one.attribute,
        "label": picked(labels.get(one.attribute)) or one.attribute,
        "bar": bar,
        "total": one.total,
        "verified": share(one.verified),
        "known": share(one.known),
        "agreement": share(one.agreement),
        "open": one.open_disputes,
    }
