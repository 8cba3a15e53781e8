"""A crew works in a cellar: the task opens without a signal, each step waits on the phone, all arrives in order, once."""

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.house import House

from .test_axe import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CREW, STREET = "crew_street", "900101001"


def sent_to(house: House, lat: float) -> str:
    """A repair of a cover, at a place of its own, to which the street's own crew was sent."""
    found = house.do(f"""
        from datetime import UTC, datetime, timedelta
        from liangwang.base.hats import platform
        from liangwang.base.models import Office
        from liangwang.cases import actions
        from liangwang.cases.models import Task
        from liangwang.operations.actions import report
        at, actor = datetime.now(UTC) - timedelta(minutes=30), platform("manholes")
        case = report(actor=actor, at=at, kind="manholes:moved", point=(122.481, {lat}), text="地下车库入口").case
        actions.confirm_case(actor=actor, at=at, case=case, confirmed=True)
        task = Task.objects.get(case=case, node="repair")
        crew = Office.objects.get(key="crew.fallback.{STREET}-1")
        because = {{"minutes": 4.0, "why": {{"zh": "街镇应急维修队", "en": "the street's crew"}}, "others": []}}
        actions.assign_task(actor=actor, at=at, task=task, crew_office=crew, because=because)
        answer = task.ref
        """)
    return str(found)


def picture() -> dict[str, object]:
    raw = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(raw, "JPEG")
    return {"name": "cover.jpg", "mimeType": "image/jpeg", "buffer": raw.getvalue()}


KEPT = """
(names) => Promise.all(names.map((name) => caches.match(new URL(name, location).href)))
  .then((found) => found.every(Boolean))
"""
LONG_AGO = """
(minutes) => new Promise((done) => {
  const asked = indexedDB.open("field", 1);
  const before = (n) => new Date(Date.now() - (minutes - n) * 60000).toISOString();
  asked.onsuccess = () => {
    const work = asked.result.transaction("acts", "readwrite");
    const store = work.objectStore("acts");
    const all = store.getAll();
    all.onsuccess = () => all.result.forEach((act, n) => store.put({ ...act, at: before(n) }));
    work.oncomplete = () => { asked.result.close(); done(all.result.length); };
  };
})
"""


def keep_on_phone(page: "Page", house: House, ref: str) -> None:
    """Opens the list alone, and waits until the task's page, its way and the files of its map are on the phone."""
    page.goto(f"{house.address}/field/")
    wanted = [f"/field/tasks/{ref}/", f"/field/tasks/{ref}/way"]
    wanted += str(page.locator("[data-waiting]").get_attribute("data-files")).split()
    assert any(page.evaluate(KEPT, wanted) or page.wait_for_timeout(200) for _ in range(75)), (
        "not kept on the phone"
    )


@pytest.mark.parametrize("page", [(390, 844)], indirect=True)
def test_everything_done_without_a_signal_arrives_in_order_and_once(house: House, page: "Page") -> None:
    ref = sent_to(house, 30.491)
    sign_in(page, house, CREW)
    keep_on_phone(page, house, ref)
    page.context.set_offline(True)
    page.goto(f"{house.address}/field/tasks/{ref}/")  # from the phone itself: it was never opened before
    page.get_by_text("站在来车方向").or_(page.get_by_text("先围护、后作业")).wait_for()
    page.locator("[data-map] canvas").first.wait_for()
    page.get_by_role("button", name="接单").click()
    page.get_by_role("button", name="我到现场了").click()
    for kind in ("photo_before", "photo_after"):
        page.locator(f"#photo-{kind}").set_input_files(picture())  # type: ignore[arg-type]
        page.locator(f'[data-kept="{kind}"]').wait_for(state="visible")
    page.get_by_label("做了什么").fill("复位并加固")
    page.get_by_role("button", name="上报完成").click()
    page.get_by_text("都记在这部手机上了").wait_for()
    assert page.locator("[data-count]").inner_text() == "5"
    page.reload()
    page.get_by_text("都记在这部手机上了").wait_for()
    assert page.evaluate(LONG_AGO, 20) == 5  # it took a while down there
    page.context.set_offline(False)
    page.get_by_text("已上报，等网格长核查").wait_for(timeout=20_000)
    found = house.do(f"""
        from liangwang.cases.models import Task
        task = Task.objects.get(ref="{ref}")
        lines = task.events.exclude(what="task.assigned").order_by("id")
        waited = [line.at.timestamp() - __import__("datetime").datetime.fromisoformat(line.body["did_at"]).timestamp()
                  for line in lines]
        answer = [task.state, task.proofs.count(), task.result.get("note"), [line.what for line in lines],
                  all(900 < seconds < 1300 for seconds in waited)]
        """)
    told = ["task.accepted", "task.arrived", "task.reported"]
    assert found == ["reported", 2, "复位并加固", told, True]
    assert page.locator("[data-waiting]").is_hidden()
    assert page.get_by_text("在没有信号处已办").count() == 3


@pytest.mark.parametrize("page", [(390, 844)], indirect=True)
def test_what_another_took_meanwhile_is_said_and_nothing_is_lost(house: House, page: "Page") -> None:
    ref = sent_to(house, 30.4925)
    sign_in(page, house, CREW)
    keep_on_phone(page, house, ref)
    page.goto(f"{house.address}/field/tasks/{ref}/")
    page.context.set_offline(True)
    page.get_by_role("button", name="接单").click()
    page.get_by_role("button", name="我到现场了").click()
    page.locator("#photo-photo_before").set_input_files(picture())  # type: ignore[arg-type]
    page.locator('[data-kept="photo_before"]').wait_for(state="visible")
    house.do(f"""
        from liangwang.base.models import Office
        from liangwang.cases.models import Task
        other = Office.objects.filter(key__startswith="crew.").exclude(key="crew.fallback.{STREET}-1").first()
        Task.objects.filter(ref="{ref}").update(crew_office=other, state="accepted")
        answer = None
        """)
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    box = page.locator("[data-waiting]")
    box.get_by_text("这项任务已交给").first.wait_for(timeout=20_000)
    page.goto(f"{house.address}/field/")  # they stay, on whichever page
    box.get_by_text("这项任务已交给").first.wait_for()
    assert (
        house.do(
            f'from liangwang.cases.models import Task; answer = Task.objects.get(ref="{ref}").proofs.count()'
        )
        == 0
    )
    assert box.locator("li").count() == 3, "each act is listed, with what was typed and photographed"
    assert box.locator("[data-photos] img").is_visible()
    assert box.locator("[data-photos] a").get_attribute("download") == "cover.jpg"
    box.get_by_role("button", name="再试一次").first.click()
    box.get_by_text("这项任务已交给").nth(2).wait_for()
    for left in (2, 1, 0):
        box.get_by_role("button", name="不送了").first.click()
        page.wait_for_function(
            "(left) => document.querySelectorAll('[data-waiting] li').length === left", arg=left
        )
    assert box.is_hidden()
