"""Whether an archive is complete: what a case of its kind has to leave, beside what the sealed list holds."""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

from liangwang.base.files import path_of
from liangwang.base.labels import Label
from liangwang.cases.queries import Case

from .letters_paper import is_licence
from .letters_text import LAST_LETTERS, title_of
from .models import Submission
from .models_counter import Paper
from .models_letters import Archive, Delivery, Letter
from .queries.applications import submission_of_case

OK, LACKING, LATER = "ok", "lacking", "later"
RECORDS: dict[str, Label] = {
    "certificates.json": {"zh": "证照", "en": "Certificates"},
    "timeline.json": {"zh": "办理经过", "en": "What happened"},
    "audit.json": {"zh": "审计记录", "en": "Audit records"},
}
SEALED: Label = {"zh": "已封存", "en": "sealed"}


class Point(NamedTuple):
    """One thing that should be there: ok, lacking, or come after the seal, with what is said about it."""

    label: Label
    state: str
    said: Label


def completeness(archive: Archive) -> list[Point]:
    """Every point of the list, what is lacking first."""
    case = archive.case
    names = {one["name"] for one in archive.manifest["documents"]}
    submission = submission_of_case(case)
    points = [*_application(submission, names), *_letters(case, names), *_delivered(case, archive.sealed_at)]
    points += [_there(name, label, names) for name, label in RECORDS.items()]
    points.append(_intact(archive))
    return sorted(points, key=lambda one: (LACKING, LATER, OK).index(one.state))


def _there(name: str, label: Label, names: set[str]) -> Point:
    state = OK if name in names else LACKING
    return Point(label, state, SEALED if state == OK else {"zh": "目录里没有", "en": "not in the list"})


def _application(submission: Submission | None, names: set[str]) -> list[Point]:
    """The application and each material that was asked for: as a file, on paper, or promised."""
    if submission is None:
        return []
    points = [_there("application.json", {"zh": "申请和填写内容", "en": "Application"}, names)]
    papers = {one.need: one for one in Paper.objects.filter(case_id=submission.case_id)}
    files = {name.rpartition("-")[2].rpartition(".")[0] for name in names if name.startswith("materials/")}
    asked = (need for need in submission.evidence.get("needs", []) if need["way"] == "ask")
    points += [_material(need, papers.get(need["id"]), files) for need in asked]
    return points


def _material(need: dict[str, Any], paper: Paper | None, files: set[str]) -> Point:
    label = need["label"]
    if need["id"] in files:
        return Point(label, OK, SEALED)
    if paper is not None and paper.state != "missing":
        return Point(label, OK, {"zh": "纸质原件，另存", "en": "on paper, kept apart"})
    if not need.get("required", True):
        return Point(label, OK, {"zh": "选交，没有交", "en": "optional, not handed in"})
    return Point(label, LACKING, {"zh": "没有收到", "en": "not received"})


def _letters(case: Case, names: set[str]) -> list[Point]:
    kinds = {name.rpartition("-")[2].removesuffix(".pdf") for name in names if name.startswith("letters/")}
    written = Letter.objects.filter(case=case).select_related("submission__version").order_by("id")
    return [
        Point(
            title_of(one.kind, licence=is_licence(one)),
            OK if one.kind in kinds else LATER,
            SEALED if one.kind in kinds else {"zh": "封存后才出文", "en": "written after the seal"},
        )
        for one in written
    ]


def _delivered(case: Case, sealed_at: datetime) -> list[Point]:
    """送达回证 of the result: nothing is over before it has arrived."""
    rows = Delivery.objects.filter(letter__case=case, letter__kind__in=LAST_LETTERS)
    arrived = rows.filter(state=Delivery.State.DELIVERED).order_by("delivered_at").first()
    label: Label = {"zh": "送达回证", "en": "Proof of delivery"}
    if arrived is None or arrived.delivered_at is None:
        return [Point(label, LACKING, {"zh": "结果还没有送达", "en": "the result has not arrived yet"})]
    if arrived.delivered_at > sealed_at:
        return [
            Point(
                label, LATER, {"zh": "封存后送达，回证另附", "en": "arrived after the seal, kept beside it"}
            )
        ]
    return [Point(label, OK, SEALED)]


def _intact(archive: Archive) -> Point:
    """Every sealed document is still in the store, to the byte."""
    label: Label = {"zh": "文件与指纹一致", "en": "Files agree with their hashes"}
    broken = [one["title"] for one in archive.manifest["documents"] if not _kept(one["sha256"])]
    if not broken:
        n = len(archive.manifest["documents"])
        return Point(label, OK, {"zh": f"{n} 份都对上了", "en": f"all {n} agree"})
    return Point(
        label, LACKING, {"zh": "对不上：" + "、".join(broken), "en": "do not agree: " + ", ".join(broken)}
    )


def _kept(sha256: str) -> bool:
    path = path_of(sha256)
    if not path.exists():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
