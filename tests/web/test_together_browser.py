"""Two people on two telephones fill in one application: a link, each her own part, a change, a second confirmation."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.house import House
from tests.web.test_axe import AXE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # who may write what is tested without a browser too
PHONE = {"width": 390, "height": 844}
MAKE = """
from datetime import date
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from liangwang.base import clock
from liangwang.base.models import Party, Place
from liangwang.base.subjects import register_person
from tests.services.factories import identity_number
home = Place.objects.filter(kind="residents_committee").order_by("id").first()
answer = []
for n, (name, sex) in enumerate([("陆平", "m"), ("沈月", "f")]):
    person = register_person(at=clock.now(), name=name, sex=sex, birth_on=date(1995, 3, 4), home=home,
                             identity=identity_number(700 + n, "19950304"), phone=f"1390000700{n}")
    party = Party.objects.create(login_name=f"two-phones-{n}", subject=person.subject, label={"zh": name, "en": name})
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(party.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = party.get_session_auth_hash()
    session["hat"] = "self"
    session.save()
    answer.append(session.session_key)
"""


@pytest.fixture
def phones(house: House, browser: "Browser") -> Iterator[list["Page"]]:
    """His telephone and hers, each signed in."""
    contexts = []
    for key in house.do(MAKE):
        context = browser.new_context(
            viewport=PHONE, locale="zh-CN", timezone_id="Asia/Shanghai", has_touch=True, bypass_csp=True
        )  # type: ignore[arg-type]
        context.add_cookies([{"name": "sessionid", "value": key, "url": house.address}])
        contexts.append(context)
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def fill(page: "Page", **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f'[name="{name.replace("__", ".")}"]').fill(value)


def on_day(page: "Page", field: str, year: int, month: int, day: int) -> None:
    for part, value in (("year", year), ("month", month), ("day", day)):
        page.locator(f'[name="{field}~{part}"]').fill(str(value))


def at_home(page: "Page", root: str, role: str) -> None:
    """Her address by the API: the pickers have a walk of their own."""
    body = f'{{"{role}.household_address": "长宁路515号3号楼402室"}}'
    address = root.replace("/drafts/", "/api/v1/drafts/") + f"pages/{role}"
    done = page.evaluate(
        "async ([url, body]) => (await fetch(url, {method: 'POST', body, headers: {'Content-Type': 'application/json'}})).status",
        [address, body],
    )
    assert done == 200, address


def looked_at(page: "Page", name: str, folder: Path) -> None:
    """A picture for people, axe for everybody, and nothing wider than the telephone."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    page.evaluate(AXE.read_text())
    found: Any = page.evaluate("axe.run({resultTypes: ['violations']})")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not serious, f"{name}: {[(v['id'], v['nodes'][0]['html'][:200]) for v in serious]}"
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name


def hand_in(page: "Page", root: str, role: str, tmp_path: Path) -> None:
    """Photographs of what is asked of a role, by its own file fields; promises where a promise will do."""
    from PIL import Image

    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (600, 800), "white").save(photo)
    page.goto(f"{root}materials/")
    for need in page.locator(f'section[id^="{role}."]').evaluate_all("all => all.map(one => one.id)"):
        section = page.locator(f'[id="{need}"]')
        if section.get_by_text("我承诺").count():
            section.locator("summary").click()
            section.get_by_role("button", name="我承诺").click()
        else:
            section.locator('input[type="file"][multiple]').set_input_files(str(photo))
            section.get_by_text("已上传 1 页").wait_for()


def test_two_people_on_two_phones(house: House, phones: list["Page"], tmp_path: Path) -> None:
    his, hers = phones
    his.goto(f"{house.address}/services/civil_affairs/marriage_registration/")
    his.locator('form[action$="/start/"] button:visible').first.click()
    his.wait_for_url("**/drafts/*/")
    root = his.url
    his.goto(f"{root}page/applicant/")
    fill(his, applicant__ethnicity="汉族", applicant__phone="13900007000")
    his.get_by_role("button", name="保存并继续").click()
    his.wait_for_load_state()
    his.goto(f"{root}people/")
    looked_at(his, "people", tmp_path)
    his.get_by_role("button", name="发一个链接给对方").click()
    link = his.locator("code").inner_text()
    looked_at(his, "link", tmp_path)

    hers.goto(link)
    looked_at(hers, "join", tmp_path)
    hers.get_by_role("button", name="是我，加入").click()
    hers.wait_for_url("**/part/spouse/")
    looked_at(hers, "part", tmp_path)
    hers.goto(f"{root}page/applicant/")
    assert "您不用填，也不能改" in hers.locator("main").inner_text()
    assert "13900007000" not in hers.content()
    looked_at(hers, "theirs", tmp_path)
    hand_in(hers, root, "spouse", tmp_path)
    hers.goto(f"{root}page/spouse/")
    looked_at(hers, "own", tmp_path)
    fill(hers, spouse__ethnicity="汉族")
    hers.get_by_role("button", name="保存并继续").click()
    hers.wait_for_load_state()
    hand_in(his, root, "applicant", tmp_path)
    looked_at(his, "materials", tmp_path)

    at_home(his, root, "applicant")
    at_home(hers, root, "spouse")
    his.goto(f"{root}page/marriage/")
    on_day(his, "marriage.wanted_on", 2027, 1, 4)
    his.get_by_role("button", name="保存并继续").click()
    his.wait_for_load_state()
    hers.goto(f"{root}part/spouse/")
    looked_at(hers, "before", tmp_path)
    hers.get_by_role("button", name="同意并确认").click()
    hers.get_by_text("您已经确认").wait_for()
    his.goto(f"{root}page/marriage/")
    on_day(his, "marriage.wanted_on", 2027, 2, 14)
    his.get_by_role("button", name="保存并继续").click()
    his.wait_for_load_state()
    hers.goto(f"{root}part/spouse/")
    hers.get_by_text("改过了，等再确认").wait_for()
    looked_at(hers, "changed", tmp_path)
    hers.get_by_role("button", name="确认我的部分").click()
    hers.get_by_text("您已经确认").wait_for()
    his.goto(f"{root}people/")
    his.get_by_text("已确认").wait_for()
    his.goto(f"{root}check/")
    looked_at(his, "check", tmp_path)
    his.get_by_role("button", name="确认并提交").click()
    his.wait_for_url("**/receipt/")
