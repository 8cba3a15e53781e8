"""The data desk in Chromium: a file from the page to its report, pairs by keyboard, lineage both ways, axe on every page."""

import csv
import io
import os
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.house import House

from .test_axe import DESK, PHONE, context_of, serious, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = pytest.mark.browser

RESIDENTS = "/data/sources/public_security:residents/"
HEADS = "身份证号 姓名 性别 出生日期 民族 户籍地址 户口类别 户籍所在省市 更新日期".split()
TAIL = ["汉族", "某路1号", "family", "shanghai", "2026-01-05"]


def sheet(heads: list[str], rows: list[list[str]]) -> dict[str, Any]:
    """A CSV file as Playwright takes one."""
    out = io.StringIO()
    csv.writer(out).writerows([heads, *rows])
    return {"name": "residents.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()}


class Seed(NamedTuple):
    """Two residents `(identity number, name, sex, birth)`, a batch about others, three pairs of still others.

    The first row of the batch is about somebody who is new to the house, of whom no other source can say anything.
    """

    people: list[list[str]]
    batch: str
    pairs: list[str]


@pytest.fixture(scope="module")
def seed(house: House) -> Seed:
    """Made in one process, because each takes seconds to start; no pair is likelier than these three."""
    made = house.do(
        f"""
        import csv, io
        from datetime import date
        from liangwang.base import clock, hats
        from liangwang.base.models import Person
        from liangwang.base.subjects import identity_of
        from liangwang.base.transactions import write
        from liangwang.hub import actions, review
        from liangwang.hub.models import LinkReview
        from liangwang.hub.review import Doubt
        from tests.hub import factories
        found = list(Person.objects.exclude(identity_blind=None).order_by("-pk")[:9])
        born = date(1931, 2, 3)
        number = factories.identity_number(1, born)
        with write():
            factories.person(1, name="闻人知", birth_on=born, identity=number, phone=None)
        people = [[identity_of(p), p.name, p.sex, p.birth_on.isoformat()] for p in found[:3]]
        good = [number, "闻人知", "f", born.isoformat(), *{TAIL!r}]
        nameless = [people[2][0], "", *people[2][2:], *{TAIL!r}]
        out = io.StringIO()
        csv.writer(out).writerows([{HEADS!r}, good, nameless])
        office = hats.platform("public_security")
        sent = {{"source": "public_security:residents", "name": "before.csv", "actor": office, "at": clock.now()}}
        batch, _ = actions.receive(out.getvalue().encode(), **sent)
        agreement = {{"name": (2, 4), "birth": (2, 3), "phone": (-1, 3), "address": (0, 4)}}
        ids = [p.pk for p in found[3:]]
        doubts = [Doubt(left=a, right=b, score=1.0, model="m", agreement=agreement) for a, b in zip(ids[::2], ids[1::2])]
        with write():
            review.open_for_pairs(doubts, clock.now())
        pairs = LinkReview.objects.filter(left_id__in=ids, score=1.0).order_by("id").values_list("ref", flat=True)
        answer = [people[:2], batch.ref, list(pairs)]
        """
    )
    return Seed(*made)


@pytest.fixture
def paused(house: House) -> Iterator[Callable[[], None]]:
    """The worker holds its breath, so that a load can be seen waiting; what it gives lets it go on."""
    pids = house.pids("worker")

    def go_on() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    yield go_on
    go_on()


@pytest.fixture
def desk(house: House, context_of: Callable[..., "Page"]) -> Iterator["Page"]:
    """The data engineer's window; no script of a page may fail."""
    page = context_of(DESK)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    sign_in(page, house, "data")
    yield page
    assert not broken


def test_a_file_is_sent_seen_loading_and_reported_with_reasons(
    house: House, desk: "Page", seed: Seed, paused: Callable[[], None]
) -> None:
    one, two = seed.people
    good, wrong = [*one, *TAIL], [two[0][:-1], *two[1:], *TAIL[:-1], "2099-01-01"]
    desk.goto(house.address + RESIDENTS)
    desk.set_input_files("#file", sheet(HEADS, [good, wrong]))  # choosing a file sends it
    desk.wait_for_url("**/data/batches/*/")
    loads = desk.locator(".loads")
    assert "排队" in loads.inner_text() and loads.locator(".steps > li").count() == 5
    desk.evaluate("window.kept = true")
    paused()
    desk.locator(".note.watch h2", has_text="部分隔离").wait_for(timeout=20_000)
    assert desk.evaluate("window.kept")  # the page renewed itself, nobody reloaded it
    said = desk.locator("#rows tbody").inner_text()
    assert "身份证号不是 18 位身份证号" in said and "更新日期晚于报送时间" in said
    assert two[0][:-1] not in desk.content()
    with desk.expect_download() as taken:
        desk.locator("a[href$='report.csv']").click()
    lines = list(csv.reader(io.StringIO(taken.value.path().read_text("utf-8-sig"))))
    assert len(lines) == 2 and "更新日期晚于报送时间" in lines[1][1]


def test_pairs_are_decided_and_taken_back_by_keyboard(house: House, desk: "Page", seed: Seed) -> None:
    pairs = seed.pairs
    first, second, third = (f"**/data/reviews/{ref}/" for ref in pairs)
    desk.goto(house.address + "/data/reviews/")
    for key, there in (("j", first), ("j", second), ("k", first)):
        desk.keyboard.press(key)
        desk.wait_for_url(there)
    masked = desk.locator(".sides .value").first.inner_text()
    desk.keyboard.press(" ")
    desk.locator("p.reveal").wait_for()
    whole = desk.locator(".sides .value").first.inner_text()
    assert "*" in masked and "*" not in whole and whole[0] == masked[0]
    desk.goto(f"{house.address}/data/reviews/{pairs[0]}/")
    for key, there in (("s", second), ("u", first), ("d", second), ("s", third)):
        desk.keyboard.press(key)
        desk.wait_for_url(there)
    states, looks = house.do(
        f"""
        from liangwang.base.models import AuditEntry
        from liangwang.hub.models import LinkReview
        states = [LinkReview.objects.get(ref=ref).state for ref in {pairs!r}]
        acts = [bytes(entry.body or b"") for entry in AuditEntry.objects.order_by("-pk")[:500]]
        answer = states, sum(b"revealed" in act and {pairs[0]!r}.encode() in act for act in acts)
        """
    )
    assert states == ["apart", "same", "open"]
    assert looks == 1  # the one look at whole names is written down
    mine = desk.locator("section", has=desk.get_by_role("heading", name="我今天的判断"))
    assert mine.locator("li").count() == 2


def test_lineage_is_walked_from_a_row_to_its_value_and_back(house: House, desk: "Page", seed: Seed) -> None:
    batch = seed.batch
    desk.goto(f"{house.address}/data/batches/{batch}/")
    desk.locator("[data-poll]").wait_for(state="detached")  # loaded and settled
    desk.locator(f"a[href$='?batch={batch}']").click()
    desk.locator(".find-row input[name=row]").fill("1")
    desk.locator(".find-row button").click()
    desk.locator(".ways-forth a", has_text="姓名").click()
    lane = desk.locator(".ways-back > li").first
    assert "只有一源" in desk.locator(".node.value").inner_text()
    assert "暂取" in lane.inner_text() and "实有人口信息" in lane.inner_text()
    lane.locator("a.row").click()
    desk.wait_for_url(f"**/data/lineage/?batch={batch}&row=1")
    assert desk.locator(".ways-forth a", has_text="姓名").count() == 1


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_on_the_data_desk(
    house: House, context_of: Callable[..., "Page"], seed: Seed, size: tuple[int, int]
) -> None:
    page = context_of(size)
    sign_in(page, house, "data")
    paths = [
        "/data/",
        RESIDENTS,
        "/data/batches/",
        f"/data/batches/{seed.batch}/",
        "/data/quality/",
        "/data/reviews/",
        f"/data/reviews/{seed.pairs[2]}/",
        "/data/merges/",
        "/data/conflicts/",
        "/data/lineage/",
        f"/data/lineage/?batch={seed.batch}&row=1",
        "/data/attributes/",
    ]
    assert not [line for path in paths for line in serious(page, house.address + path)]
