"""What people are told who fill in a draft together, and the question again after a change."""

from datetime import datetime

from liangwang.base import notices
from liangwang.base.hats import Actor

from ..declare import Part
from ..drafting import bound_of
from ..models import Draft
from ..models_together import DraftPart, DraftReader
from ..sharing import declared, digest_now


def ask_again(draft: Draft, actor: Actor, at: datetime) -> None:
    """After a save: whoever had confirmed what is now different is asked again, once."""
    parts = declared(bound_of(draft.version), draft)
    for row in (
        DraftPart.objects.filter(draft=draft, ended_at=None, confirmed_at__isnull=False) if parts else ()
    ):
        part = parts.get(row.role)
        if part is None or row.digest == digest_now(part, draft):
            continue
        row.confirmed_at, row.asked_again_at = None, at
        row.save(update_fields=["confirmed_at", "asked_again_at"])
        if row.subject is not None and row.subject_id != actor.for_subject_id:
            _tell_changed(draft, part, row, at)


def tell_invited(draft: Draft, part: Part, row: DraftPart, at: datetime) -> None:
    """She who is invited by name learns of it."""
    label = draft.version.body["head"]["label"]
    assert row.subject is not None
    notices.notify(
        to=row.subject,
        template="services.part_offered",
        title={"zh": f"请您一起填：{label['zh']}", "en": f"Please fill in your part: {label['en']}"},
        body={
            "zh": f"您是“{part.label['zh']}”。您只填您自己的部分，别人看不到您的证件号码等。",
            "en": f"You are: {part.label['en']}. You fill in your own part only; nobody else sees your numbers.",
        },
        at=at,
        key=f"part/{row.ref}",
        link=f"/drafts/{draft.ref}/part/{part.role}/",
    )


def _tell_changed(draft: Draft, part: Part, row: DraftPart, at: datetime) -> None:
    assert row.subject is not None
    notices.notify(
        to=row.subject,
        template="services.part_changed",
        title={"zh": "内容改过了，请再确认一次", "en": "Something has changed: please confirm again"},
        body={
            "zh": "您确认以后，有人改了您也看得到的内容。请看一看，再确认一次。",
            "en": "After you confirmed, something that you can see was changed. Look again and confirm.",
        },
        at=at,
        key=f"part-again/{row.ref}/{at.isoformat()}",
        link=f"/drafts/{draft.ref}/part/{part.role}/",
    )


def tell_confirmed(draft: Draft, part: Part, row: DraftPart, at: datetime) -> None:
    """The applicant learns that a part is confirmed."""
    notices.notify(
        to=draft.applicant,
        template="services.part_confirmed",
        title={"zh": f"{part.label['zh']}已确认", "en": f"{part.label['en']} has confirmed"},
        body={"zh": "请回到申请继续办理。", "en": "Go on with your application."},
        at=at,
        key=f"part-confirmed/{row.ref}/{at.isoformat()}",
        link=f"/drafts/{draft.ref}/people/",
    )


def tell_joined(draft: Draft, part: Part, row: DraftPart, at: datetime) -> None:
    """The applicant learns that somebody has taken a part over."""
    notices.notify(
        to=draft.applicant,
        template="services.part_joined",
        title={"zh": f"{part.label['zh']}已加入", "en": f"{part.label['en']} has joined"},
        body={"zh": "对方填好并确认后会再告诉您。", "en": "You will be told when that part is confirmed."},
        at=at,
        key=f"joined/{row.ref}",
        link=f"/drafts/{draft.ref}/people/",
    )


def tell_shown(draft: Draft, reader: DraftReader, at: datetime) -> None:
    """A reader learns what she may look at."""
    label = draft.version.body["head"]["label"]
    notices.notify(
        to=reader.subject,
        template="services.draft_shown",
        title={"zh": f"有人请您看看：{label['zh']}", "en": f"You are shown an application: {label['en']}"},
        body={
            "zh": "您可以看，不能改；对方随时可以停止。",
            "en": "You can read it and change nothing; it can be ended at any time.",
        },
        at=at,
        key=f"shown/{reader.ref}",
        link=f"/drafts/{draft.ref}/",
    )
