"""The usual rates (立案率 处置率 按期处置率 结案率 返工率 …) of a place and time, each with its formula."""

from datetime import datetime
from typing import TypedDict

from django.db.models import Count, F, Q

from liangwang.base.labels import Label
from liangwang.cases.joined import counts

from .report_models import Contact, Report

GOOD_SCORE = 4


class Rate(TypedDict):
    """One rate: `done` of `of`; `share` is None where there is nothing to divide by."""

    key: str
    label: Label
    formula: Label
    done: int
    of: int
    share: float | None
    less_is_better: bool


FORMULAS: dict[str, tuple[Label, Label, str, str]] = {
    "filed": (
        {"zh": "立案率", "en": "Filed"},
        {"zh": "立案数 ÷ 人员上报数", "en": "filed ÷ reported by people"},
        "reported_filed", "reported",
    ),
    "dispatched": (
        {"zh": "派遣率", "en": "Dispatched"},
        {"zh": "已派遣数 ÷ 立案数", "en": "dispatched ÷ filed"},
        "dispatched", "filed",
    ),
    "handled": (
        {"zh": "处置率", "en": "Handled"},
        {"zh": "已处置数 ÷ 应处置数（到期或已处置）", "en": "handled ÷ should be handled (due, or handled already)"},
        "handled", "should_handle",
    ),
    "in_time": (
        {"zh": "按期处置率", "en": "Handled in time"},
        {"zh": "按期处置数 ÷ 应处置数", "en": "handled by the due time ÷ should be handled"},
        "in_time", "should_handle",
    ),
    "closed": (
        {"zh": "结案率", "en": "Closed"},
        {"zh": "结案数 ÷ 应结案数（到期或已结案）", "en": "closed ÷ should be closed (due, or closed already)"},
        "closed", "should_close",
    ),
    "reworked": (
        {"zh": "返工率", "en": "Reworked"},
        {"zh": "核查不通过或重开的案件数 ÷ 已处置数", "en": "failed a check or reopened ÷ handled"},
        "reworked", "handled",
    ),
    "declined": (
        {"zh": "退单率", "en": "Declined"},
        {"zh": "有退单的案件数 ÷ 立案数", "en": "with a task declined ÷ filed"},
        "declined", "filed",
    ),
    "deferred": (
        {"zh": "延期挂账率", "en": "Deferred"},
        {"zh": "批准延期、缓办、挂账的案件数 ÷ 立案数", "en": "with more time or rest approved ÷ filed"},
        "deferred", "filed",
    ),
    "contacted": (
        {"zh": "按时先行联系率", "en": "Contacted in time"},
        {"zh": "限时内联系上的来件数 ÷ 应联系来件数", "en": "reached within the limit ÷ to be contacted"},
        "contacted", "to_contact",
    ),
    "solved": (
        {"zh": "实际解决率", "en": "Really solved"},
        {"zh": "诉求人认为已解决数 ÷ 回访到的来件数", "en": "solved in the reporter's own words ÷ asked"},
        "solved", "asked",
    ),
    "content": (
        {"zh": "满意率", "en": "Content"},
        {"zh": "评 4、5 分的来件数 ÷ 有评分的来件数", "en": "scored 4 or 5 ÷ scored"},
        "content", "scored",
    ),
}  # fmt: skip
"""label, formula, what is counted, of what. Names as usual in 数字化城市管理 (CJ/T 292, GB/T 30428.4) and of 12345's three rates;
the standards' texts could not be compared, so the formulas are written out here and shown beside each figure."""
LESS_IS_BETTER = {"reworked", "declined", "deferred"}


def rates(code: str, since: datetime, until: datetime, pack: str = "") -> list[Rate]:
    """Every rate over incidents opened, and reports received, in [since, until) in a place; of one pack where named."""
    numbers: dict[str, int] = {**counts(code, since, until, pack), **_talk(code, since, until, pack)}  # type: ignore[dict-item]
    return [
        Rate(
            key=key, label=label, formula=formula, done=numbers[done], of=numbers[of],
            share=round(numbers[done] / numbers[of], 4) if numbers[of] else None,
            less_is_better=key in LESS_IS_BETTER,
        )
        for key, (label, formula, done, of) in FORMULAS.items()
    ]  # fmt: skip


def _talk(code: str, since: datetime, until: datetime, pack: str) -> dict[str, int]:
    """Counts of reports: to contact, reached in time; and of what their reporters said when asked."""
    reports = Report.objects.filter(place__code__startswith=code, at__gte=since, at__lt=until)
    if pack:
        reports = reports.filter(kind__startswith=f"{pack}:")
    wanted = Q(contact_by__isnull=False) & (Q(contact_by__lt=until) | Q(contacted_at__isnull=False))
    in_time = Q(contacted_at__isnull=False, contacted_at__lte=F("contact_by"))
    found: dict[str, int] = reports.aggregate(
        to_contact=Count("pk", filter=wanted), contacted=Count("pk", filter=wanted & in_time)
    )
    said = Contact.objects.filter(report__in=reports.values("pk"), at__lt=until).exclude(purpose="first")
    found |= said.aggregate(
        asked=Count("report_id", filter=Q(solved__isnull=False), distinct=True),
        solved=Count("report_id", filter=Q(solved=True), distinct=True),
        scored=Count("report_id", filter=Q(score__isnull=False), distinct=True),
        content=Count("report_id", filter=Q(score__gte=GOOD_SCORE), distinct=True),
    )
    return found
