"""Open drafts of items that have changed or are gone: brought along or left as they are, and their owners told once."""

from datetime import datetime

from liangwang.base import notices
from liangwang.base.labels import Label
from liangwang.base.transactions import write

from ..drafting import hash_in_force
from ..models import Draft
from .draft_versions import follow_item


def follow_all(at: datetime) -> int:
    """Brings every open draft to the version in force and tells its owner of what concerns her; returns how many moved.

    One transaction a draft: many may be open, and nobody who is writing waits for the others.
    """
    moved = 0
    held = Draft.objects.filter(state=Draft.State.OPEN)
    for key in list(held.order_by().values_list("key", flat=True).distinct()):
        now = hash_in_force(key, at)
        rows = held.filter(key=key).select_related("version", "applicant", "place")
        for draft in rows.exclude(version__hash=now) if now else rows:
            with write():
                if now:
                    moved += 1
                    _changed(follow_item(draft=draft, at=at), at)
                else:
                    _withdrawn(draft, at)
    return moved


def _changed(draft: Draft, at: datetime) -> None:
    """Only what the owner has to do something about is worth a message."""
    if not draft.fresh:
        return
    label = draft.version.body["head"]["label"]
    n = len(draft.fresh)
    _tell(
        draft,
        "services.draft_changed",
        {"zh": f"有变化：{label['zh']}", "en": f"Changed: {label['en']}"},
        {
            "zh": f"您没填完的这份申请，要求有变化，多了 {n} 项要填。您填过的都还在，打开就能接着填。",
            "en": f"The application that you have begun now asks for {n} more. All your answers are kept; go on with it.",
        },
        f"draft.changed/{draft.ref}/{draft.version.hash[:16]}",
        at,
    )


def _withdrawn(draft: Draft, at: datetime) -> None:
    label = draft.version.body["head"]["label"]
    _tell(
        draft,
        "services.draft_withdrawn",
        {"zh": f"已停办：{label['zh']}", "en": f"No longer offered: {label['en']}"},
        {
            "zh": "您没填完的这份申请，事项已经停办，不能再提交。您填的内容都还在，可以打印；要改办什么，可以找帮办。",
            "en": "The item of an application that you have begun is no longer offered, so it cannot be handed in. Your answers"
            " are kept and can be printed; a helper tells you what to do instead.",
        },
        f"draft.withdrawn/{draft.ref}",
        at,
    )


def _tell(draft: Draft, template: str, title: Label, body: Label, key: str, at: datetime) -> None:
    notices.notify(
        to=draft.applicant,
        template=template,
        title=title,
        body=body,
        at=at,
        key=key,
        link=f"/drafts/{draft.ref}/",
    )
