"""Reading a picture takes seconds of a core: it is a long job, and the page asks now and then whether it is done."""

from datetime import datetime, timedelta

import msgspec
from django_tasks import task

from liangwang.base import clock, files
from liangwang.base.access import require, thing_of
from liangwang.base.hats import Actor
from liangwang.base.keys import seal, unseal
from liangwang.base.transactions import write
from liangwang.engines import ocr
from liangwang.engines.ocr import Line

from .models import MaterialPage
from .models_reading import PageReading

__all__ = ["PageReading", "ask_reading", "forget", "lines_of", "read_page", "reading_of", "tick"]

KEPT = timedelta(days=1)
State = PageReading.State


def ask_reading(*, actor: Actor, page: MaterialPage, at: datetime) -> PageReading:
    """Queues a picture to be read; one that waits or has been read stays as it is. Inside a transaction."""
    require(actor, "update", thing_of("draft", page.material.draft))
    reading, made = PageReading.objects.get_or_create(page=page, defaults={"asked_at": at})
    if made or reading.state == State.FAILED or (reading.state == State.DONE and reading.lines is None):
        PageReading.objects.filter(pk=reading.pk).update(state=State.WAITING, asked_at=at, done_at=None)
        read_page.enqueue(reading.pk)
    return reading


@task()
def read_page(pk: int) -> None:
    """Reads one picture; run again after a crash it does the same, and what is done already is left alone."""
    reading = PageReading.objects.select_related("page__file").get(pk=pk)
    if reading.state not in (State.WAITING, State.READING):
        return
    PageReading.objects.filter(pk=pk).update(state=State.READING)
    try:
        with files.open_file(reading.page.file) as f:
            lines = ocr.read(f.read())
    except ocr.NotRead:
        _settle(pk, State.FAILED, None)
    else:
        _settle(pk, State.DONE, seal(msgspec.json.encode(lines).decode(), _aad(pk)))


def _settle(pk: int, state: PageReading.State, lines: bytes | None) -> None:
    with write():
        PageReading.objects.filter(pk=pk).update(state=state, lines=lines, done_at=clock.now())


def reading_of(page: MaterialPage) -> PageReading | None:
    """How far the reading of a page is; None where nobody has asked for it."""
    return PageReading.objects.filter(page=page).first()


def lines_of(reading: PageReading) -> list[Line]:
    """What was read; [] once it has been used or forgotten."""
    if reading.lines is None:
        return []
    return [Line(*one) for one in msgspec.json.decode(unseal(bytes(reading.lines), _aad(reading.pk)))]


def forget(*, page: MaterialPage | None = None, before: datetime | None = None) -> int:
    """Empties what was read of one page, or of all that were read before; returns how many."""
    rows = PageReading.objects.filter(lines__isnull=False)
    rows = rows.filter(page=page) if page else rows.filter(done_at__lt=before)
    return rows.update(lines=None)


def tick(at: datetime) -> None:
    """What nobody came back for is forgotten after a day."""
    forget(before=at - KEPT)


def _aad(pk: int) -> str:
    return f"page_reading:{pk}:lines"
