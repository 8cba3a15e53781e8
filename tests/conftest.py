"""What every test stands on: a data directory of its own, the small test city, and both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, noon in the city


@pytest.fixture
def at() -> datetime:
    """The instant at which a test happens."""
    return NOON


@pytest.fixture
def data_dir(tmp_path: Path, settings: object) -> Iterator[Path]:
    """A DATA of its own for tests that look at files."""
    from liangwang.base import keys

    before = settings.DATA  # type: ignore[attr-defined]
    settings.DATA = tmp_path  # type: ignore[attr-defined]
    keys.forget_cached()
    yield tmp_path
    settings.DATA = before  # type: ignore[attr-defined]
    keys.forget_cached()
