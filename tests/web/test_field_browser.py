"""A crew works in a cellar: the task opens without a signal, each step waits on the phone, and all of it arrives in order."""

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


def sent_to(house: House) -> str:
    """A repair of a cover to which the street's own crew was sent."""
    found = house.do(f"""
        from datetime import UTC, datetime
        from liangwang.base.hats import platform
        from liangwang.base.models import Office
        from liangwang.cases import actions
        from liangwang.cases.models import Task
        from liangwang.operations.actions import report
        at, actor = datetime.now(UTC), platform("manholes")
        case = report(actor=actor, at=at, kind="manholes:moved", point=(122.481, 30.491), text="地下车库入口").case
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


@pytest.mark.parametrize("page", [(390, 844)], indirect=True)
def test_everything_done_without_a_signal_arrives_in_order(house: House, page: "Page") -> None:
    ref = sent_to(house)
    sign_in(page, house, CREW)
    page.goto(f"{house.address}/field/tasks/{ref}/")
    kept = "caches.match(location.href).then((found) => Boolean(found))"
    assert any(page.evaluate(kept) or page.wait_for_timeout(200) for _ in range(60)), (
        "the page is not kept on the phone"
    )
    page.context.set_offline(True)
    page.reload()  # from the phone itself
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
    page.context.set_offline(False)
    page.get_by_text("已上报，等网格长核查").wait_for(timeout=20_000)
    state = house.do(f"""
        from liangwang.cases.models import Task
        task = Task.objects.get(ref="{ref}")
        answer = [task.state, task.proofs.count(), task.result.get("note")]
        """)
    assert state == ["reported", 2, "复位并加固"]
    assert page.locator("[data-waiting]").is_hidden()
