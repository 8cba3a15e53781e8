"""流程再造: every bundle before and after, in each situation, with two flow charts and a spreadsheet to take away."""

import csv
from itertools import product
from math import prod
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.labels import pick
from liangwang.services import queries

from .flow_chart import parallel_chart, serial_chart
from .pages import page

MAX_SITUATIONS = 60


def _rows(report: Any) -> list[dict[str, Any]]:
    """Before and after by dimension, with the share saved."""
    words = {
        "materials": (_("材料"), _("份")),
        "proofs": (_("证明"), _("份")),
        "steps": (_("环节"), _("个")),
        "days": (_("时间"), _("工作日")),
        "trips": (_("跑动"), _("次")),
        "fields": (_("填写"), _("项")),
    }
    saved = report.saved()
    return [
        {
            "key": key,
            "label": label,
            "before": getattr(report.before, key),
            "after": getattr(report.after, key),
            "unit": unit,
            "saved": saved[key],
        }
        for key, (label, unit) in words.items()
    ]


def _scenario(request: HttpRequest) -> dict[str, str]:
    return {key[2:]: str(value) for key, value in request.GET.items() if key.startswith("q.")}


@door("configure", "item")
def bundles(request: HttpRequest) -> HttpResponse:
    """Every bundle with its headline saving."""
    cards = [card for card in queries.catalogue() if card["bundle"]]
    listed = []
    for card in cards:
        key = str(card["key"])
        pack, _colon, name = key.partition(":")
        rows = _rows(queries.item_page(key)["report"])
        listed.append({**card, "rows": rows, "pack": pack, "name": name})
    return page(request, "staff/reform.html", {"bundles": listed})


def _found(pack: str, key: str, scenario: dict[str, str]) -> dict[str, Any]:
    name = f"{pack}:{key}"
    if name not in {card["key"] for card in queries.catalogue()}:
        raise NotFound
    return queries.item_page(name, scenario)


@door("configure", "item")
def one(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """One bundle in one situation; `?format=csv` is the sheet of all its situations."""
    found = _found(pack, key, _scenario(request))
    if request.GET.get("format") == "csv":
        return _sheet(pack, key, found)
    context = {
        "item": found,
        "rows": _rows(found["report"]),
        "before_chart": serial_chart(found["steps"], get_language() or "zh"),
        "after_chart": parallel_chart(found["steps"], get_language() or "zh"),
        "situations": prod(len(q.options) for q in found["questions"]),
        "listed": MAX_SITUATIONS,
        "pack": pack,
        "name": key,
    }
    return page(request, "staff/reform_one.html", context)


def _situations(found: dict[str, Any]) -> list[dict[str, str]]:
    """Every combination of answers to the questions of a bundle, at most MAX_SITUATIONS."""
    questions = found["questions"]
    options = [[(q.question, o.option) for o in q.options] for q in questions]
    return [dict(combination) for combination in product(*options)][:MAX_SITUATIONS]


def _sheet(pack: str, key: str, found: dict[str, Any]) -> HttpResponse:
    """改革前/改革后 of every situation as CSV, which a spreadsheet opens (UTF-8 with a mark)."""
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{pack}-{key}-reform.csv"'
    sheet = csv.writer(answer)
    lang = get_language() or "zh"
    named = {q.question: (q.label, {o.option: o.label for o in q.options}) for q in found["questions"]}
    sheet.writerow([_("情形"), _("项目"), _("改革前"), _("改革后"), _("单位"), _("减少 %")])
    for situation in _situations(found):
        said = "；".join(pick(named[q][1][option], lang) for q, option in situation.items())
        for row in _rows(queries.item_page(f"{pack}:{key}", situation)["report"]):
            sheet.writerow([said, row["label"], row["before"], row["after"], row["unit"], row["saved"]])
    sheet.writerow([])
    sheet.writerow([_("“改革前”的定义"), pick(found["report"].definition, lang)])
    sheet.writerow([_("“改革后”的定义"), pick(found["report"].after_definition, lang)])
    return answer
