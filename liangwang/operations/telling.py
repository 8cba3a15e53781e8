"""告知上报人: everybody who reported an incident hears when it is taken up, over, refused or opened again."""

from datetime import datetime

from liangwang.base import notices
from liangwang.base.labels import Label

from .report_models import Report

WORDS: dict[str, tuple[Label, Label]] = {
    "case.accepted": (
        {"zh": "您上报的事已受理", "en": "What you reported is being dealt with"},
        {"zh": "{number}：已核实立案，正在派人处置", "en": "{number}: confirmed; somebody is being sent"},
    ),
    "case.closed": (
        {"zh": "您上报的事办好了", "en": "What you reported is done"},
        {
            "zh": "{number}：已处置并核查，请看照片并评价",
            "en": "{number}: handled and checked; see the photos and rate it",
        },
    ),
    "case.refused": (
        {"zh": "您上报的事没有立案", "en": "What you reported was not taken up"},
        {
            "zh": "{number}：原因见详情，可以补充后再报",
            "en": "{number}: the reason is on its page; you may report again",
        },
    ),
    "case.reopened": (
        {"zh": "您上报的事重新办理", "en": "What you reported is taken up again"},
        {"zh": "{number}：复核后重开，继续处置", "en": "{number}: opened again after a review"},
    ),
}
ANSWERS = {"case.closed", "case.refused"}


def tell(case_ref: str, what: str, at: datetime, event: int) -> int:
    """Sends a notice to every reporter with a login; returns how many. An ending is the answer that was owed."""
    title, body = WORDS[what]
    rows = list(
        Report.objects.filter(case__ref=case_ref, subject__isnull=False).select_related("case", "subject")
    )
    for row in rows:
        assert row.subject is not None
        said: Label = {
            "zh": body["zh"].format(number=row.case.number),
            "en": body["en"].format(number=row.case.number),
        }
        notices.notify(
            to=row.subject, template=what, title=title, body=said, at=at, key=f"report/{row.ref}/{event}",
            link=f"/reports/{row.ref}/",
        )  # fmt: skip
        if what in ANSWERS:
            Report.objects.filter(pk=row.pk, answered_at=None).update(answered_at=at)
    return len(rows)
