"""Official letters (文书): numbered, dated, with the office in full and the remedies; one for each step that law tells."""

from datetime import datetime
from typing import Any

from liangwang.base import notices
from liangwang.base.labels import Label
from liangwang.base.models import Office
from liangwang.base.working_days import local_day

from ..models import Letter, Submission

TITLES: dict[str, Label] = {
    "received": {"zh": "收件凭证", "en": "Receipt of application"},
    "accepted": {"zh": "受理通知书", "en": "Notice of acceptance"},
    "supplement": {"zh": "补正材料告知书", "en": "Notice of what is to be supplied"},
    "not_accepted": {"zh": "不予受理通知书", "en": "Notice of non-acceptance"},
    "granted": {"zh": "办理结果通知书", "en": "Notice of the result"},
    "refused": {"zh": "不予办理决定书", "en": "Decision of refusal"},
}
WORDS = {
    "received": "收", "accepted": "受", "supplement": "补", "not_accepted": "不受", "granted": "办", "refused": "不予",
}  # fmt: skip
REMEDIES: dict[str, Any] = {
    "zh": "如不服本决定，可以自知道本决定之日起六十日内依法申请行政复议，也可以在法律规定的期限内依法向人民法院提起行政诉讼。",
    "en": "Against this decision you may apply for administrative reconsideration within sixty days of learning of it, or"
    " sue before the people's court within the time that the law sets.",
    "basis": {
        "zh": "《行政复议法》《行政诉讼法》",
        "en": "Administrative Reconsideration Law, Administrative Litigation Law",
    },
    "source": "http://uianet.net/dictionary/b15233602.html",
}
WITH_REMEDIES = {"not_accepted", "refused"}


def write_letter(
    submission: Submission,
    kind: str,
    *,
    at: datetime,
    office: Office | None,
    body: dict[str, Any] | None = None,
    node: str = "",
) -> Letter:
    """Writes the letter of one step and tells the applicant; the same step again returns the same letter."""
    key = f"{submission.ref}/{kind}/{node}"
    known = Letter.objects.filter(key=key).first()
    if known is not None:
        return known
    said = dict(body or {})
    if kind in WITH_REMEDIES:
        said["remedies"] = REMEDIES
    letter = Letter(
        kind=kind,
        submission=submission,
        subject=submission.applicant,
        office=office,
        node=node,
        body=said,
        at=at,
        key=key,
        number=key,
    )
    letter.save(force_insert=True)
    letter.number = _number(letter)
    letter.save(update_fields=["number"])
    _tell(letter, submission)
    return letter


def _number(letter: Letter) -> str:
    """文号: 〔year〕, the office's word, the kind, and a serial that is the row's id, so that no counter is fought over.

    The year and the serial are unique together; the office's short name comes from its own full name.
    """
    year = local_day(letter.at).year
    name = letter.office.name["zh"] if letter.office else "政务服务"
    return f"{name}{WORDS[letter.kind]}字〔{year}〕第{letter.pk}号"


def _tell(letter: Letter, submission: Submission) -> None:
    title, item = TITLES[letter.kind], submission.case.title
    number = submission.case.number
    notices.notify(
        to=submission.applicant,
        template=f"services.{letter.kind}",
        title={"zh": f"{item['zh']}：{title['zh']}", "en": f"{item['en']}: {title['en']}"},
        body={
            "zh": f"办件编号 {number}，文号 {letter.number}。",
            "en": f"Case {number}, letter {letter.number}.",
        },
        at=letter.at,
        key=f"letter/{letter.key}",
        link=f"/letters/{letter.ref}/",
    )
