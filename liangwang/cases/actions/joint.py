"""联勤联动: assisting offices, and the messages and photos that all of an incident share on its timeline."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from liangwang.base import notices
from liangwang.base.hats import Actor
from liangwang.base.models import Office, StoredFile

from ..engine import lock_case, require_live
from ..models import Assisting, Case
from ..refusals import NotAsked, OnceOnly, ReasonNeeded


def note_case(*, actor: Actor, at: datetime, case: Case, what: str, **body: Any) -> None:
    """A line of a case's timeline that says what happened around it; it changes nothing of the case."""
    locked = lock_case(case.pk, actor, at)
    locked.note(what, **body)
    locked.seal("update", what, body=body)


def say(*, actor: Actor, at: datetime, case: Case, text: str, photos: Sequence[StoredFile] = ()) -> None:
    """A message to all who handle an incident, with photos."""
    if not text.strip() and not photos:
        raise ReasonNeeded(what="留言或照片", what_en="a message or a photo")
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case, Case.State.OPEN, Case.State.ACCEPTED)
    locked.note("case.said", note=text.strip(), photos=[photo.ref for photo in photos])
    locked.seal("update", "case.said", body={"photos": len(photos)})


def ask_assistance(
    *, actor: Actor, at: datetime, case: Case, office: Office, wanted: str, due_at: datetime | None
) -> Assisting:
    """Asks an office to assist (协办), with what is wanted of it and by when; it hears of it at once."""
    locked = lock_case(case.pk, actor, at)
    require_live(locked.case)
    if not wanted.strip():
        raise ReasonNeeded(what="请协办单位做什么", what_en="what the assisting office should do")
    try:
        with transaction.atomic():
            row = Assisting.objects.create(
                case=locked.case, office=office, wanted=wanted.strip()[:300], asked_at=at, due_at=due_at
            )
    except IntegrityError as error:
        raise OnceOnly(what="请同一单位协办", what_en="Asking the same office to assist") from error
    locked.note("case.assist_asked", to=office.name, note=row.wanted)
    locked.seal("dispatch", "case.assist_asked", body={"to": office.key})
    number = locked.case.number
    notices.notify(
        to=office, template="case.assist", title=locked.case.title, at=at, key=f"{row.ref}/asked",
        body={"zh": f"{number} 请协办：{row.wanted}", "en": f"{number}: please assist: {row.wanted}"},
        link=f"/command/incidents/{locked.case.ref}/",
    )  # fmt: skip
    return row


def arrive_assisting(*, actor: Actor, at: datetime, row: Assisting) -> Assisting:
    """An assisting office says that its people are there; the first time counts."""
    locked = lock_case(row.case_id, actor, at)
    _require_asked(actor, row)
    if not Assisting.objects.filter(pk=row.pk, arrived_at=None, ended_at=None).update(arrived_at=at):
        raise OnceOnly(what="签到", what_en="Marking as arrived")
    locked.note("case.assist_arrived", to=row.office.name)
    locked.put(arrived_at=locked.case.arrived_at or at)
    locked.seal("handle", "case.assist_arrived", body={"office": row.office.key})
    row.refresh_from_db()
    return row


def end_assisting(*, actor: Actor, at: datetime, row: Assisting, result: str) -> Assisting:
    """An assisting office reports what it did; or the one who asked lets it go."""
    locked = lock_case(row.case_id, actor, at)
    if actor.office_id != locked.case.lead_office_id:
        _require_asked(actor, row)
    if not result.strip():
        raise ReasonNeeded(what="协办结果", what_en="what came of it")
    if not Assisting.objects.filter(pk=row.pk, ended_at=None).update(ended_at=at, result=result.strip()):
        raise OnceOnly(what="结束协办", what_en="Ending the assistance")
    locked.note("case.assist_ended", to=row.office.name, note=result.strip())
    locked.seal("handle", "case.assist_ended", body={"office": row.office.key})
    row.refresh_from_db()
    return row


def _require_asked(actor: Actor, row: Assisting) -> None:
    if actor.office_id != row.office_id:
        raise NotAsked(task=row.wanted, task_en=row.wanted)
