"""Writes official letters (文书): numbered without gaps, once for each act, told to the person."""

from datetime import datetime
from typing import Any

from liangwang.base import notices
from liangwang.base.contents import Content
from liangwang.base.events import emit
from liangwang.base.files import Brought, keep
from liangwang.base.models import Office, StoredFile
from liangwang.base.working_days import local_day
from liangwang.cases.queries import Case
from liangwang.engines.paper import Paper, render

from ..letters_paper import is_licence, paper_of, verify_address
from ..letters_text import REMEDIES, TITLES, WITH_REMEDIES, WORDINGS, title_of
from ..models import Letter, Submission
from ..models_letters import LetterSeries

__all__ = ["REMEDIES", "TITLES", "letter_of_case", "seal_letter", "stored_pdf", "write_letter"]


def write_letter(
    submission: Submission,
    kind: str,
    *,
    at: datetime,
    office: Office | None,
    body: dict[str, Any] | None = None,
    node: str = "",
) -> Letter:
    """Writes the letter of one step of an application; the same step again returns the same letter."""
    return _write(
        submission.case, kind, key=f"{submission.ref}/{kind}/{node}", at=at, office=office, body=body, node=node,
        submission=submission,
    )  # fmt: skip


def letter_of_case(
    case: Case, kind: str, *, at: datetime, office: Office | None, body: dict[str, Any] | None = None
) -> Letter:
    """Writes a letter about a case that nobody handed in: a revocation, a cancellation by the office."""
    return _write(case, kind, key=f"{case.ref}/{kind}", at=at, office=office, body=body)


def _write(
    case: Case,
    kind: str,
    *,
    key: str,
    at: datetime,
    office: Office | None,
    body: dict[str, Any] | None,
    node: str = "",
    submission: Submission | None = None,
) -> Letter:
    known = Letter.objects.filter(key=key).first()
    if known is not None:
        return known
    said = dict(body or {})
    if kind in WITH_REMEDIES:
        said["remedies"] = REMEDIES
    subject = submission.applicant if submission else case.subject
    assert subject is not None  # a letter is written to somebody
    letter = Letter.objects.create(
        kind=kind,
        case=case,
        submission=submission,
        subject=subject,
        office=office,
        node=node,
        body=said,
        at=at,
        key=key,
        number=_number(office, kind, at),
    )
    _tell(letter)
    emit("letter.written", letter.ref, at, {"kind": kind}, key=f"letter/{letter.ref}")
    return letter


def _number(office: Office | None, kind: str, at: datetime) -> str:
    """文号: the office, the kind's word, 〔year〕 and the next number of that series.

    The series' row is locked until the letter is committed, and a letter that is not takes its number back with it: so
    no number is given twice and none is left out.
    """
    word, year = WORDINGS[kind].word, local_day(at).year
    series, _ = LetterSeries.objects.select_for_update().get_or_create(
        key=f"{office.key if office else 'city'}/{word}/{year}"
    )
    series.last += 1
    series.save(update_fields=["last"])
    name = office.name["zh"] if office else "政务服务"
    return f"{name}{word}字〔{year}〕第{series.last}号"


def seal_letter(letter: Letter) -> StoredFile:
    """Makes the PDF once and keeps it by its content; the same letter again gives the one that is there."""
    if letter.file is None:
        letter.file = stored_pdf(
            paper_of(letter, verify=verify_address(letter)), f"{letter.number}.pdf", letter.at
        )
        letter.save(update_fields=["file"])
    return letter.file


def stored_pdf(paper: Paper, name: str, at: datetime) -> StoredFile:
    """Keeps a paper that this system made itself."""
    return keep(Brought(name, Content(raw=render(paper), media_type="application/pdf")), at=at)


def _tell(letter: Letter) -> None:
    title, item = title_of(letter.kind, licence=is_licence(letter)), letter.case.title
    notices.notify(
        to=letter.subject,
        template=f"services.{letter.kind}",
        title={"zh": f"{item['zh']}：{title['zh']}", "en": f"{item['en']}: {title['en']}"},
        body={
            "zh": f"办件编号 {letter.case.number}，文号 {letter.number}。",
            "en": f"Case {letter.case.number}, letter {letter.number}.",
        },
        at=letter.at,
        key=f"letter/{letter.key}",
        link=f"/letters/{letter.ref}/",
    )
