"""流程再造: every bundle before and after, in each situation, with two flow charts, a printed sheet and a workbook."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.access import door
from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.services import queries, spreadsheet
from liangwang.services.bpmn import bpmn_of
from liangwang.services.fates import NAMES
from liangwang.services.reform import Study
from liangwang.services.report import AFTER, BEFORE, KNOWN, Side
from liangwang.services.spreadsheet_words import DIMENSIONS

from .flow_chart import charts
from .pages import page

MAX_SITUATIONS = 60
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def department_names() -> dict[str, Label]:
    """The names of departments by key."""
    return {one.key: {"zh": one.value.zh, "en": one.value.en} for one in declarations("departments.csv")}


def lang_now() -> str:
    return get_language() or "zh"


def rows_of(before: Side, after: Side, known: Side) -> list[dict[str, Any]]:
    """Before, after and all known by dimension, with the share saved."""
    return [
        {
            "key": name,
            "label": label,
            "unit": unit,
            "before": (was := getattr(before, name)),
            "after": (left := getattr(after, name)),
            "known": getattr(known, name),
            "saved": (was - left) * 100 // was if was else 0,
        }
        for name, (label, unit) in DIMENSIONS.items()
    ]


def scenario_of(request: HttpRequest) -> dict[str, str]:
    """The situation in the address: `q.<question>=<option>`."""
    return {key[2:]: str(value) for key, value in request.GET.items() if key.startswith("q.")}


def scenario_query(answers: dict[str, str]) -> str:
    """The same as an address's end."""
    return urlencode({f"q.{question}": option for question, option in answers.items()})


@door("configure", "item")
def bundles(request: HttpRequest) -> HttpResponse:
    """Every bundle with its savings and the sums of the catalogue; `?format=xlsx` is the workbook of all of it."""
    total = queries.reform_total()
    if request.GET.get("format") == "xlsx":
        studies = [queries.reform_study(line.key) for line in total.bundles]
        return _file(spreadsheet.of_total(total, studies, lang_now()), XLSX, "reform-catalogue.xlsx")
    lines = [
        {
            "label": line.label,
            "items": line.items,
            "pack": line.key.partition(":")[0],
            "name": line.key.partition(":")[2],
            "rows": rows_of(line.before, line.after, line.known),
        }
        for line in total.bundles
    ]
    sums = [
        {"label": one.label, "items": one.items, "rows": rows_of(one.before, one.after, one.known)}
        for one in (total.of_bundles, total.of_items)
    ]
    context = {
        "lines": lines,
        "sums": sums,
        "definitions": (BEFORE, AFTER, KNOWN),
        "broken": [(key, error.message(lang_now())) for key, error in total.broken],
        "dimensions": [label for label, _unit in DIMENSIONS.values()],
    }
    return page(request, "staff/reform.html", context)


@door("configure", "item")
def one(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """One bundle in one situation; `?format=xlsx` is its workbook, `?format=bpmn` its plan for a process modeller."""
    study = queries.reform_study(f"{pack}:{key}", scenario_of(request))
    if request.GET.get("format") == "xlsx":
        situations, of = queries.reform_situations(f"{pack}:{key}", MAX_SITUATIONS)
        return _file(
            spreadsheet.of_study(study, situations, of, lang_now()), XLSX, f"{pack}-{key}-reform.xlsx"
        )
    if request.GET.get("format") == "bpmn":
        text = bpmn_of(study.compiled.plan, lang_now(), department_names())
        return _file(text.encode(), "application/xml; charset=utf-8", f"{pack}-{key}.bpmn")
    return page(request, "staff/reform_one.html", {**_shown(study), "pack": pack, "name": key})


@door("configure", "item")
def sheet(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """One bundle in one situation on A4."""
    study = queries.reform_study(f"{pack}:{key}", scenario_of(request))
    return page(request, "staff/reform_print.html", {**_shown(study), "pack": pack, "name": key})


def _shown(study: Study) -> dict[str, Any]:
    before_chart, after_chart = charts(study, lang_now())
    return {
        "study": study,
        "label": study.compiled.label,
        "questions": study.compiled.questions,
        "items": [(source.key, source.item.label) for source in study.compiled.items],
        "answers": study.answers,
        "said": said(study),
        "rows": rows_of(study.report.before, study.report.after, study.known),
        "remains": study.report.remains,
        "definitions": (BEFORE, AFTER, KNOWN),
        "before_chart": before_chart,
        "after_chart": after_chart,
        "parts": [
            {"key": name, "label": DIMENSIONS[name][0], "rows": _fates(getattr(study, name))}
            for name in ("materials", "fields", "steps", "trips")
        ],
        "query": scenario_query(study.answers),
    }


def said(study: Study) -> list[dict[str, Any]]:
    """The situation in words: each question with the answer that stands."""
    return [
        {"question": question.label, "answer": option.label}
        for question in study.compiled.questions
        for option in question.options
        if study.answers.get(question.question) == option.option
    ]


def _fates(rows: Any) -> list[dict[str, Any]]:
    return [
        {
            "item": fate.item,
            "what": fate.what,
            "left": fate.left,
            "became": NAMES[fate.became],
            "why": fate.why,
            "days": _("第 %(a)s–%(b)s 日") % {"a": fate.days[0], "b": fate.days[1]} if fate.days else "",
            "proof": fate.proof,
            "critical": fate.critical,
        }
        for fate in rows
    ]


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
