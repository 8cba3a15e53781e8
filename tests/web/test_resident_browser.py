"""On a phone, without a manual: find, apply, follow, receive, show, and use the certificate for the next thing."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw

from tests.house import House

from .test_axe import context_of, serious, sign_in  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE = (390, 844)
WHO = "hezhiyuan"  # nobody else's test gives him certificates
FIRST, SECOND = "veteran_reporting", "veteran_training"
KIND = "veteran_reporting_notice"

# The office at its desk, in a process of its own: accepts, and takes every step that waits for it.
OFFICE = """
from liangwang.base import clock
from liangwang.base.models import Office
from liangwang.base.transactions import write
from liangwang.cases.models import Case
from liangwang.services import actions, queries
from tests.cases.factories import make_actor
case = Case.objects.get(ref={ref!r})
office = case.lead_office
approver = make_actor(office, "approver", "审批员")
with write():
    actions.accept(actor=approver, submission=queries.submission_of_case(case), at=clock.now())
for _ in range(9):
    for task in case.tasks.filter(state="ready").select_related("case", "office"):
        with write():
            actions.decide(actor=approver, task=task, at=clock.now(), result={{}})
answer = list(case.tasks.values_list("state", flat=True))
"""
EVIDENCE = """
from liangwang.services.models import Submission
made = Submission.objects.get(case__ref={ref!r})
answer = [[need["id"], need["way"], need["ref"]] for need in made.evidence["needs"]]
"""
IN_HUB = """
from liangwang.base.models import Party
from liangwang.hub import queries as hub
from liangwang.hub.models import Batch
him = Party.objects.get(login_name={who!r}).subject_id
known = [row for row in hub.known(him) if row["attribute"] == "veteran_kind"]
stands_on = [one["batch"] for row in known for one in row["support"]]
answer = [[row["value"] for row in known], list(Batch.objects.filter(pk__in=stands_on).values_list("name", flat=True))]
"""


def paper(text: str) -> dict[str, Any]:
    """A photograph of a paper, as a file for the page's chooser."""
    picture = Image.new("RGB", (900, 1200), "white")
    ImageDraw.Draw(picture).text((80, 80), text, fill="black")
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return {"name": f"{text}.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def found(page: "Page", house: House, words: str, item: str) -> None:
    """From the first page, by what people call it, to the draft."""
    page.goto(house.address)
    page.fill('main input[type="search"], main input[name="q"]', words)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.locator(f'main a[href*="/services/veterans/{item}/"]:visible').first.click()
    page.wait_for_load_state()
    page.locator('form[action$="start/"]:visible button').first.click()
    page.wait_for_load_state()


def onward(page: "Page") -> None:
    """The one next step that the page offers."""
    page.locator(".sheet button:visible, .sheet a:visible").first.click()
    page.wait_for_load_state()


def filled(page: "Page", answers: dict[str, str]) -> None:
    """Gives each answer as its control wants it; leaving a field saves it."""
    for name, value in answers.items():
        one = f"applicant.{name}"
        with page.expect_response(lambda answer: answer.url.endswith("/save/")):
            if page.locator(f'[name="{one}"][type="radio"]').count():
                page.check(f'[name="{one}"][value="{value}"]')
            elif page.locator(f'[name="{one}~year"]').count():
                for box, part in zip(("year", "month", "day"), value.split("-"), strict=True):
                    page.fill(f'[name="{one}~{box}"]', part)
                page.keyboard.press("Tab")
            else:
                page.fill(f'[name="{one}"]', value)
                page.keyboard.press("Tab")


def handed_in(page: "Page", **papers: str) -> None:
    for need, text in papers.items():
        card = page.locator(f'[id="applicant.{need}"]')
        card.locator('input[type="file"]').first.set_input_files(paper(text))  # type: ignore[arg-type]
        page.wait_for_function(
            "id => document.getElementById(id)?.querySelector('img, a[href*=\"/pages/\"]')",
            arg=f"applicant.{need}",
        )


def submitted(page: "Page") -> str:
    """Checks the answers and hands them in; returns the case's ref."""
    page.locator('main form button[type="submit"], main form .sheet button').last.click()
    page.wait_for_url(re.compile(r"/cases/\w+/"))
    return re.search(r"/cases/(\w+)/", page.url)[1]  # type: ignore[index]


def test_the_whole_way(house: House, context_of: Callable[..., "Page"], tmp_path: Path) -> None:  # noqa: F811
    page = context_of(PHONE)
    sign_in(page, house, WHO)
    page.goto(f"{house.address}/certificates/")
    assert page.locator("text=退役军人登记").count() == 0

    # Find it by what people call it; fill in; another device goes on where this one was.
    found(page, house, "退伍报到", FIRST)
    draft = re.search(r"/drafts/\w+/", page.url)[0]  # type: ignore[index]
    page.goto(f"{house.address}{draft}page/applicant/")
    filled(
        page,
        {"veteran_kind": "sergeant", "service_kind": "self_employed", "service_enlisted_on": "2001-12-01"},
    )
    filled(page, {"service_discharged_on": "2026-09-01", "move_to_address": "湖滨路1520弄66号"})
    other = page.context.new_page()
    other.goto(f"{house.address}{draft}page/applicant/")
    assert other.locator('[name="applicant.move_to_address"]').input_value() == "湖滨路1520弄66号"
    other.close()
    onward(page)
    page.goto(f"{house.address}{draft}materials/")
    handed_in(page, discharge_certificate="退役证", portrait_photo="照片")
    assert not serious(page, f"{house.address}{draft}materials/")
    page.goto(f"{house.address}{draft}check/")
    assert page.locator("text=湖滨路1520弄66号").count() and page.locator("text=军士").count()
    case = submitted(page)

    # Follow it; the office does its part; the message leads to the certificate.
    page.goto(f"{house.address}/cases/{case}/")
    assert page.locator("h1").inner_text()
    assert set(house.do(OFFICE.format(ref=case))) == {"done"}

    def received() -> bool:
        page.goto(f"{house.address}/certificates/")
        return page.locator("li.cert.live", has_text="退役军人").count() == 1

    house.wait_until(received, "the certificate is in the wallet")
    page.goto(f"{house.address}/cases/{case}/")
    assert page.locator('a[href^="/certificates/"]').count() >= 1
    assert not serious(page, f"{house.address}/cases/{case}/")

    # Show it: a code that lives for minutes; keep it as a file that anybody can check, and that cannot be changed.
    assert not serious(page, f"{house.address}/certificates/")
    page.locator("li.cert.live", has_text="退役军人").locator("a.show").click()
    page.wait_for_load_state()
    assert page.locator(".qr svg").count() == 1 and page.locator("text=何志远").count()
    one = re.search(r"/certificates/(\w+)/", page.url)[1]  # type: ignore[index]
    assert not serious(page, page.url)
    page.goto(f"{house.address}/certificates/{one}/")
    with page.expect_download() as coming:
        page.click("a[download]")
    file = tmp_path / "certificate.pdf"
    coming.value.save_as(file)
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(file.read_bytes().replace(b"/Title", b"/TitlE"))
    stranger = context_of(PHONE)
    for brought, state in ((file, "valid"), (changed, "altered")):
        stranger.goto(f"{house.address}/verify/")
        stranger.wait_for_selector("html[data-verify-ready]")
        stranger.set_input_files("#file", brought)
        stranger.click("[data-upload] button")
        stranger.wait_for_selector(f'[data-answer="{state}"]')

    # Without a network the page judges signature and bytes by itself, and says what it cannot know.
    stranger.context.set_offline(True)
    for brought, state in ((file, "whole"), (changed, "altered")):
        stranger.set_input_files("#file", brought)
        stranger.click("[data-upload] button")
        stranger.wait_for_selector(f'[data-offline="{state}"]')
    assert stranger.locator("text=没有联网").count() == 1
    stranger.context.set_offline(False)
    page.goto(f"{house.address}/certificates/{one}/")
    assert page.locator("text=没有登录的人").count() >= 1, "the holder sees that somebody checked it"
    assert not serious(page, page.url)

    # The next thing: it stands struck through among what nobody has to bring, and is the evidence.
    found(page, house, "退役军人培训", SECOND)
    draft = re.search(r"/drafts/\w+/", page.url)[0]  # type: ignore[index]
    page.goto(f"{house.address}{draft}page/applicant/")
    filled(page, {"training_occupation": "电工"})
    page.goto(f"{house.address}{draft}materials/")
    assert page.locator("s, del", has_text="退役军人").count() >= 1
    assert page.locator('input[type="file"]').count() == 0
    assert not serious(page, page.url)
    page.goto(f"{house.address}{draft}check/")
    again = submitted(page)
    assert [f"applicant.{KIND}", "certificate", one] in house.do(EVIDENCE.format(ref=again))

    # And it is a record of its office in the hub, which says where it came from.
    def recorded() -> bool:
        return bool(house.do(IN_HUB.format(who=WHO)) == [["sergeant"], [f"{one}.csv"]])

    house.wait_until(recorded, "the certificate is a record in the hub", 180)
