"""The city's packs are taken into the version table by the worker's first turn, and only by the first."""

from datetime import datetime

import pytest

from liangwang.base import jobs, packs
from liangwang.base.models import Declaration


@pytest.mark.django_db
def test_the_first_turn_takes_the_files_in(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_synced", False)
    jobs.tick(at)
    taken = Declaration.objects.count()
    assert taken >= len(packs.declarations("concepts.csv")) + len(packs.declarations("items.yaml"))
    assert not Declaration.objects.exclude(state="published", origin="pack").exists()
    jobs.tick(at)
    assert Declaration.objects.count() == taken
