"""Seals the archive of a finished case: application, evidence, letters, certificates, deliveries, timeline, audit leaves."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.contents import Content
from liangwang.base.files import Brought, keep, path_of
from liangwang.base.hats import platform
from liangwang.base.models import AuditEntry
from liangwang.base.working_days import local_day
from liangwang.cases import queries as cases
from liangwang.cases.history import is_live

from .. import catalogue, sealed
from ..archive import sign_manifest
from ..letters_text import title_of
from ..models import Certificate, DraftMaterial, Submission
from ..models_letters import Archive, Delivery, Letter, LetterSeries
from ..queries.applications import submission_of_case
from .letters import seal_letter


class Document(NamedTuple):
    """One document of an archive, as its list names it."""

    name: str
    title: str
    sha256: str
    size: int
    media_type: str


def archive_case(case: cases.Case, *, at: datetime) -> Archive | None:
    """The sealed archive of a case; made once, when the case is over. None while it is not."""
    if is_live(case):
        return None
    series = _series(case, at)  # who archives it at the same moment waits here, and then finds it made
    known = Archive.objects.filter(case=case).first()
    if known is not None:
        return known
    submission = submission_of_case(case)
    documents = list(_documents(case, submission, at))
    number = _next(series)
    manifest = {
        "v": 1,
        "archive": number,
        "case": {
            "number": case.number, "ref": case.ref, "title": case.title, "state": case.state,
            "office": case.lead_office.name if case.lead_office else None,
            "opened_at": case.opened_at.isoformat(),
            "closed_at": case.closed_at.isoformat() if case.closed_at else None,
            "follows": case.follows.number if case.follows else None,
        },
        "sealed_at": at.isoformat(),
        "documents": [one._asdict() for one in documents],
    }  # fmt: skip
    digest, signature = sign_manifest(manifest)
    made = Archive.objects.create(
        case=case, number=number, manifest=manifest, digest=digest, signature=signature, sealed_at=at
    )
    audit.record(
        platform(case.pack),
        "close",
        thing_of("application", case),
        at=at,
        purpose="case",
        body={"archive": digest},
    )
    return made


def _series(case: cases.Case, at: datetime) -> LetterSeries:
    """The numbers of the office in this year, under lock as those of letters: no gap, no double."""
    office, year = case.lead_office.key if case.lead_office else "city", local_day(at).year
    series, _ = LetterSeries.objects.select_for_update().get_or_create(key=f"{office}/档/{year}")
    return series


def _next(series: LetterSeries) -> str:
    """档号: the office, the year and the next number of the two."""
    series.last += 1
    series.save(update_fields=["last"])
    office, _archives, year = series.key.rsplit("/", 2)
    return f"{office}-{year}-{series.last:06d}"


def _documents(case: cases.Case, submission: Submission | None, at: datetime) -> Iterator[Document]:
    if submission is not None:
        yield _made("application.json", "申请", _application(submission), at)
        yield from _materials(submission)
    letters = Letter.objects.filter(case=case).select_related(
        "office", "case", "submission__version", "subject__person", "subject__company", "file"
    )
    for number, letter in enumerate(letters.order_by("id"), 1):
        file = seal_letter(letter)
        name = f"letters/{number:02d}-{letter.kind}.pdf"
        yield Document(
            name, title_of(letter.kind, licence=False)["zh"], file.sha256, file.size, file.media_type
        )
    yield _made("certificates.json", "证照", _certificates(case), at)
    yield _made("deliveries.json", "送达", _deliveries(case), at)
    yield _made("timeline.json", "办理经过", cases.timeline(case), at)
    yield _made("audit.json", "审计记录", _leaves(case), at)


def _made(name: str, title: str, content: Any, at: datetime) -> Document:
    raw = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1, default=str).encode()
    file = keep(Brought(name, Content("application/json", raw)), at=at)
    return Document(name, title, file.sha256, file.size, file.media_type)


def _materials(submission: Submission) -> Iterator[Document]:
    """What was handed in, as it lies in the store; a file that is gone is not listed as if it were there."""
    refs = [need["file"] for need in submission.evidence.get("files", [])]
    rows = DraftMaterial.objects.filter(ref__in=refs).select_related("file")
    for row in rows.order_by("id"):
        if path_of(row.file.sha256).exists():
            ending = row.file.media_type.rpartition("/")[2]
            name = f"materials/{row.pk}-{row.role}.{row.type}.{ending}"
            title = _title(row.type)
            yield Document(name, title, row.file.sha256, row.file.size, row.file.media_type)


def _title(type: str) -> str:
    """What a material is called; its own key where the vocabulary does not know it any more."""
    known = catalogue.words().documents.get(type)
    return known.label["zh"] if known else type


def _application(submission: Submission) -> dict[str, Any]:
    """What was applied for; personal numbers stay sealed, with a masked reading beside them."""
    opened = sealed.read_all(submission.answers, submission.draft.ref)
    return {
        "item": submission.key,
        "version": submission.version.hash,
        "submitted_at": submission.submitted_at,
        "sha256": submission.hash,
        "answers": submission.answers,
        "shown": {field: sealed.masked(field, value) for field, value in opened.items()},
        "evidence": submission.evidence,
    }


def _certificates(case: cases.Case) -> list[dict[str, Any]]:
    rows = Certificate.objects.filter(case=case).order_by("id")
    return [
        {"number": one.number, "body": one.body, "signed": one.signed, "revoked_at": one.revoked_at}
        for one in rows
    ]


def _deliveries(case: cases.Case) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(letter__case=case).select_related("letter").order_by("id")
    return [
        {
            "letter": one.letter.number, "way": one.way, "state": one.state, "carrier": one.carrier,
            "tracking": one.tracking, "cabinet": one.cabinet, "box": one.box, "sent_at": one.sent_at,
            "delivered_at": one.delivered_at, "receiver": one.receiver, "relation": one.relation,
            "returned_because": one.returned_because,
        }
        for one in rows
    ]  # fmt: skip


def _leaves(case: cases.Case) -> list[dict[str, Any]]:
    """The leaf of every act on the case and its steps, so that each can be looked up in the city's log."""
    refs = {case.ref, *case.tasks.values_list("ref", flat=True)}
    found = []
    mine = AuditEntry.objects.filter(subjects__subject_id=case.subject_id or 0, at__gte=case.opened_at)
    for entry in mine.order_by("id"):
        body = audit.body_of(entry)
        if body and body["ref"] in refs:
            leaf = bytes(entry.leaf).hex()
            found.append({"leaf": leaf, "index": entry.idx, "at": entry.at, "verb": body["verb"]})
    return found
