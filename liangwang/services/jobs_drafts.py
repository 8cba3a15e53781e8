"""What drafts do by themselves: they follow their items, at the start of the worker and once an hour."""

from datetime import datetime

from django_tasks import task

from liangwang.base import clock

from . import jobs_reading
from .actions.draft_follow import follow_all

EVERY_S = 3600
_last = 0.0


@task()
def follow_drafts() -> None:
    """Brings open drafts to the versions in force, and tells owners of items that changed or are gone."""
    follow_all(clock.now())


def tick(at: datetime) -> None:
    """Once an hour, and first after each start: with a release the packs' files change."""
    global _last
    if at.timestamp() - _last >= EVERY_S:
        _last = at.timestamp()
        follow_drafts.enqueue()
        jobs_reading.tick(at)
