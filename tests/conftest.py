"""What every test stands on: a data directory of its own, the small test city, and both databases."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis

from tests.house import House
from tests.tries import tries

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

hypothesis.register_profile("house", deadline=None, max_examples=tries(100))  # a busy machine is no failure
hypothesis.load_profile("house")

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


@pytest.fixture(autouse=True)
def datastreams_read_anew() -> None:
    """A database emptied after a test counts from 1 again: the index in memory would be taken for the next test's."""
    from liangwang.operations import datastreams

    datastreams.forget()


# --- whole houses and browsers ---------------------------------------------------------------------------

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def _database_of_its_own(name: str) -> dict[str, str]:
    """On PostgreSQL a house gets a new database; on SQLite it has its own file anyway."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        return {}
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return {"DATABASE_URL": url.replace("/postgres?", f"/{name}?")}


@pytest.fixture(scope="session")
def bare_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with tables and nothing in them, made once in a run: migrating takes ten seconds."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "bare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "bare").exists():
            making = House(shared / "bare.making", environment={"DATABASE_URL": ""})
            making.prepare()
            making.data.rename(shared / "bare")
    return shared / "bare" / "liangwang.sqlite3"


def _houses(tmp: pytest.TempPathFactory, bare: Path) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def make(**environment: str) -> House:
        data = tmp.mktemp("house")
        house = House(data, environment={**_database_of_its_own(f"{data.name}_{os.getpid()}"), **environment})
        if "DATABASE_URL" in house.environment:
            house.prepare()
        else:
            shutil.copy(bare, house.data)
        houses.append(house)
        return house

    yield make
    for house in houses:
        with suppress(ProcessLookupError):
            house.stop()


@pytest.fixture
def make_house(
    tmp_path_factory: pytest.TempPathFactory, bare_database: Path
) -> Iterator[Callable[..., House]]:
    """Makes houses with tables and no city: `make_house(WEB="2")`; each is stopped when the test ends."""
    yield from _houses(tmp_path_factory, bare_database)


@pytest.fixture(scope="module")
def house_factory(
    tmp_path_factory: pytest.TempPathFactory, bare_database: Path
) -> Iterator[Callable[..., House]]:
    """The same, for houses that a module's tests share."""
    yield from _houses(tmp_path_factory, bare_database)


@pytest.fixture(scope="session")
def demo_house(tmp_path_factory: pytest.TempPathFactory, bare_database: Path) -> Iterator[House]:
    """A small demo city, running, for every page test of a worker: it takes half a minute to come up.

    Who changes something in it takes people and things that no other test looks at.
    """
    makers = _houses(tmp_path_factory, bare_database)
    made = next(makers)(DEMO="1")
    assert made.command("demo", "--people", "60").returncode == 0
    made.start()
    yield made
    next(makers, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the shared house come first: workers steal from the end of a list, so that one worker has them all."""
    items.sort(key=lambda item: "demo_house" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def playwright() -> Iterator["Playwright"]:
    """The one driver of a process: a second beside it is refused."""
    if CHROMIUM is None:
        pytest.skip(
            "no Chromium on this machine and it cannot be installed: see the first lines of `make test`"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # The driver's loop runs in this thread for the rest of the session, and Django takes it for async code.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        yield driver


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Other tests of the process run outside the driver's loop: inside nothing may wait for async code.

    Their fixtures too, because inside and outside Django has different connections.
    """
    loop = asyncio._get_running_loop()
    if loop is None or "playwright" in getattr(item, "fixturenames", ()):
        return (yield)
    asyncio._set_running_loop(None)
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(loop)


@pytest.fixture(scope="session")
def browser(playwright: "Playwright") -> Iterator["Browser"]:
    """One Chromium for the session, because starting it takes two seconds."""
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    yield chromium
    chromium.close()


@pytest.fixture
def page(browser: "Browser", request: pytest.FixtureRequest) -> Iterator["Page"]:
    """A new page in Chinese; a test may say its size: `@pytest.mark.parametrize("page", [(390, 844)], indirect=True)`."""
    width, height = getattr(request, "param", (1280, 800))
    options: dict[str, Any] = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    yield context.new_page()
    context.close()
