"""Messages to a person or an office, each once, with a receipt."""

from datetime import datetime

from .events import emit
from .labels import Label
from .models import Notice, Office, Subject


def notify(
    *,
    to: Subject | Office,
    template: str,
    title: Label,
    body: Label,
    at: datetime,
    key: str,
    link: str = "",
) -> Notice:
    """Sends a notice once per key; the same key again returns the first. Emits `notice.sent` for the channels."""
    receiver = {"subject": to} if isinstance(to, Subject) else {"office": to}
    notice, created = Notice.objects.get_or_create(
        key=key,
        defaults={**receiver, "template": template, "title": title, "body": body, "link": link, "at": at},
    )
    if created:
        emit("notice.sent", notice.ref, at, key=f"notice.sent/{key}")
    return notice


def read(notice: Notice, at: datetime) -> None:
    """Marks that the receiver has opened the notice; the first time counts."""
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=at, state="read")


def confirm(notice: Notice, at: datetime) -> None:
    """The receiver's receipt (回执); the first time counts."""
    Notice.objects.filter(pk=notice.pk, confirmed_at=None).update(confirmed_at=at, state="confirmed")
