"""One write is one transaction, committed at the edge."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def write() -> Iterator[None]:
    """Opens the one transaction of a write (IMMEDIATE on SQLite, so that it never deadlocks on upgrade)."""
    with transaction.atomic():
        yield
