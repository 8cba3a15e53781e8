"""A duty officer takes incidents through their whole life in Chromium: two shapes of trouble, from confirming to reopening."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.house import House

from .test_axe import DESK, PHONE, context_of, serious, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.slow]
STREET, DISTRICT = "900101001", "900101"
HERE = """
    from datetime import UTC, datetime
    from liangwang.base import files
    from liangwang.base.hats import post_hat
    from liangwang.base.models import Office, Party, Post
    from liangwang.base.transactions import write
    from liangwang.cases import actions, queries
    from liangwang.cases.models import Task
    from liangwang.operations import actions as operations
    at = datetime.now(UTC)
    def hat(office, role, name):
        login = f"{role}@{office.key}/{name}"
        party, _ = Party.objects.get_or_create(login_name=login, defaults={"label": {"zh": name, "en": name}})
        return post_hat(Post.objects.get_or_create(party=party, office=office, role=role)[0])
"""


def told(house: House, kind: str, *points: tuple[float, float]) -> list[dict[str, str]]:
    """One report by the hotline for each point; (report, case) of each."""
    return list(house.do(HERE + f"""
    dispatcher = hat(Office.objects.get(key="operations.90"), "dispatcher", "walk")
    answer = []
    for n, point in enumerate({list(points)!r}):
        with write():
            row = operations.report(
                actor=dispatcher, at=at, kind="{kind}", text="路边一堆，有味道", point=point, channel="12345",
                outside_number=f"{uuid.uuid4().hex[:12]}-{{n}}",
                reporter=operations.Reporter("陈阿姨", "13800000000"),
            )
        answer.append({{"report": row.ref, "case": row.case.ref}})
    """))  # fmt: skip


def crew_does(house: House, case: str, *verbs: str) -> None:
    """The crew that has the work of a case does this with it: decline, defer, accept, arrive, report."""
    house.do(HERE + f"""
    task = Task.objects.get(case__ref="{case}", stage="handle")
    crew = hat(task.crew_office, "crew", "walk")
    for verb in {verbs!r}:
        with write():
            task.refresh_from_db()
            if verb == "decline":
                actions.decline_task(actor=crew, at=at, task=task, reason="not_ours", note="不是我们的路段")
            elif verb == "defer":
                from datetime import timedelta
                actions.defer_task(
                    actor=crew, at=at, task=task, until=at + timedelta(days=1), reason="车坏了，明早清", how="extend"
                )
            elif verb == "report":
                import io
                from PIL import Image
                for kind, colour in (("photo_before", "brown"), ("photo_after", "green")):
                    raw = io.BytesIO()
                    Image.new("RGB", (80, 60), colour).save(raw, "JPEG")
                    raw.seek(0)
                    kept = files.store(raw, "x.jpg", at=at, allowed=files.IMAGES, by=crew.party_id)
                    shown = actions.Shown(kind, kept, 122.481, 30.491)
                    actions.add_proof(actor=crew, at=at, task=task, shown=shown)
                actions.report_task(actor=crew, at=at, task=task, result={{"note": "已清"}})
            else:
                getattr(actions, f"{{verb}}_task")(actor=crew, at=at, task=task)
    """)  # fmt: skip


class Desk:
    """The incident page under the hands of one who is signed in."""

    def __init__(self, page: "Page", house: House, login: str, shots: Path) -> None:
        self.page, self.house, self.shots, self.login = page, house, shots, login
        sign_in(page, house, login)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.house.address}/command/{path}")

    def look(self, name: str) -> None:
        """A picture of what stands there, and what axe says of it."""
        self.page.screenshot(path=self.shots / f"{self.login}-{name}.png", full_page=True)
        found = serious(self.page, self.page.url)
        assert not found, found

    def act(self, act: str, button: str = "", **fields: str) -> None:
        """Opens the form of an act (the end of its address), fills it in and sends it."""
        page = self.page
        form = page.locator(f'form[action$="/{act}"]').first
        if not form.is_visible():
            form.locator("xpath=ancestor::details").locator("summary").click()
        for name, value in fields.items():
            control = form.locator(f'[name="{name}"]').first
            kind = control.evaluate("e => e.type")
            if kind == "radio":
                form.locator(f'[name="{name}"][value="{value}"]').check(force=True)
            elif kind.startswith("select"):
                control.select_option(value) if value else control.select_option(index=0)
            else:
                control.fill(value)
        word = form.locator(f'button[value="{button}"]') if button else form.locator("button").first
        with page.expect_navigation():
            word.click()

    def sees(self, *words: str) -> None:
        text = self.page.locator("body").inner_text()
        assert not [word for word in words if word not in text], f"{words} in {text[:2500]}"

    def until(self, *words: str) -> None:
        """Reads the page again until these words stand there: a crew is sent by another process."""
        for _turn in range(40):
            if all(word in self.page.locator("body").inner_text() for word in words):
                return
            self.page.wait_for_timeout(250)
            self.page.reload()
        self.sees(*words)


def value_of(desk: Desk, act: str, name: str) -> str:
    """The first choice of a radio group in an act's form."""
    control: Any = desk.page.locator(f'form[action$="/{act}"] [name="{name}"]').first
    return str(control.get_attribute("value"))


def test_from_reports_to_a_reopened_incident(
    house: House, context_of: Callable[..., "Page"], tmp_path: Path
) -> None:
    duty = Desk(context_of(DESK), house, "duty_street", tmp_path)
    first, second, third = told(
        house, "street_order:rubbish", (122.4810, 30.4910), (122.4811, 30.4910), (122.4822, 30.4910)
    )
    assert first["case"] == second["case"] != third["case"]
    incident = f"incidents/{first['case']}/"

    duty.open(incident)
    duty.sees("另有 1 人也报告了", "核实", "待先行联系")
    duty.act("confirm", "no", note="")
    duty.sees("不予办理的理由")
    duty.act("confirm", "yes")
    duty.until("为什么派它")
    duty.look("sent")

    duty.open(f"incidents/{third['case']}/")
    duty.act("merge", into=first["case"], note="")
    duty.sees("理由")
    duty.act("merge", into=first["case"], note="同一堆垃圾")
    duty.open(incident)
    duty.sees("并案", "同一堆垃圾", "另有 2 人也报告了")
    duty.look("merged")
    with duty.page.expect_navigation():
        duty.page.locator('form[action*="/undo/"] button').click()
    duty.sees("已撤销", "恢复单独办理")
    duty.open(f"reports/{second['report']}/")
    duty.sees("陈阿姨", "13800000000", "先行联系")
    duty.look("report")
    duty.act("split", note="是旁边小区的")
    duty.sees("已拆成单独的案件")

    duty.open(f"reports/{first['report']}/")
    duty.act("contact", reached="yes", note="已告知马上来人")
    duty.sees("已联系")
    crew_does(house, first["case"], "decline")
    duty.open(incident)
    duty.sees("指定主办", "已退单", "不是我们的路段")
    assert "not_ours" not in duty.page.locator("body").inner_text()
    assert "退过单" in duty.page.locator('form[action$="/rule"] option').last.inner_text()
    duty.look("declined")
    duty.act("rule", office="", note="首接负责")
    duty.sees("不能再退")
    duty.act("supervise", note="两小时内清完")
    duty.sees("督办单", "待回复")
    duty.act("assist", office=f"market.{DISTRICT}", wanted="查店家")
    duty.act("level", level="yellow", note="靠近学校")
    duty.sees("协办单位", "等级已改", "等级由蓝改为黄", "靠近学校")
    crew_does(house, first["case"], "accept", "defer")
    duty.open(incident)
    duty.sees("审批延期", "车坏了")
    duty.look("deferral")
    duty.act("defer-decide", "yes", note="明早八点前")
    duty.sees("审批意见已记下")

    crew_does(house, first["case"], "arrive", "report")
    grid = Desk(context_of(DESK), house, "grid", tmp_path)  # whoever verifies does not close
    grid.open(incident)
    grid.sees("处置前后", "核查")
    grid.act("verify", "no", note="")
    grid.sees("核查不通过的原因")
    grid.act("verify", "no", note="角落还有")
    grid.sees("第 2 次")
    crew_does(house, first["case"], "arrive", "report")
    grid.open(incident)
    grid.look("to-verify")
    grid.act("verify", "yes", note="")
    duty.open(incident)
    duty.act("close", note="已清")
    duty.sees("已结案")
    duty.look("closed")
    duty.open(f"{incident}after/")
    duty.sees("各阶段用时", "参与单位")
    duty.look("after")

    duty.open(f"reports/{first['report']}/")
    duty.act("call-back", reached="yes", solved="no", score="1", note="还有味道")
    duty.sees("不满意，待复核")
    duty.open(f"reports/{first['report']}/")
    duty.look("review")
    with duty.page.expect_navigation():
        duty.page.locator('form[action*="/review/"] textarea').fill("去看过，确实没冲洗")
        duty.page.locator('form[action*="/review/"] button[value="yes"]').click()
    duty.until("派遣")
    duty.look("reopened")
    phone = Desk(context_of(PHONE), house, "duty_street", tmp_path)
    phone.open(incident)
    phone.look("phone")


def test_an_office_is_asked_and_the_district_approves_what_rests(
    house: House, context_of: Callable[..., "Page"], tmp_path: Path
) -> None:
    duty = Desk(context_of(DESK), house, "duty_street", tmp_path)
    clerk = Desk(context_of(DESK), house, "street_clerk", tmp_path)
    district = Desk(context_of(DESK), house, "duty_district", tmp_path)
    (only,) = told(house, "street_order:other", (122.4790, 30.4890))
    incident = f"incidents/{only['case']}/"
    duty.open(incident)
    duty.act("confirm", "yes")
    clerk.open(incident)
    clerk.act("decline", reason=value_of(clerk, "decline", "reason"), note="不归我们")
    clerk.sees("已退单")
    duty.open(incident)
    duty.act("rule", office=f"subdistrict.{STREET}", note="首接负责")
    clerk.open(incident)
    assert not clerk.page.locator('form[action$="/decline"]').count(), "declined once"
    clerk.act("defer", how="shelve", until="2027-03-01", note="等预算")
    clerk.sees("申请挂账")
    duty.open(incident)
    duty.act("defer-decide", "yes")
    duty.sees("区级以上")
    district.open(incident)
    district.look("shelving")
    district.act("defer-decide", "yes", note="列入明年")
    duty.open(incident)
    duty.sees("挂账", "恢复办理")
    duty.act("wake")
    duty.act("up", note="要市里协调")
    duty.sees("已上报")
    district.open(incident)
    district.act("down", note="预算已批，街道办")
    clerk.open(incident)
    clerk.act("done", note="已电话答复，月底整治")
    duty.open(incident)
    duty.act("close", note="")
    duty.sees("已结案")
    duty.act("reopen", note="又来电了")
    duty.sees("已重开")


def test_a_shift_is_handed_over_and_both_sign(
    house: House, context_of: Callable[..., "Page"], tmp_path: Path
) -> None:
    giver, taker = (Desk(context_of(DESK), house, name, tmp_path) for name in ("duty_city", "duty_city2"))
    giver.open("90/shift/")
    giver.sees("在办案件", "未回复的督办")
    giver.look("shift")
    giver.page.fill("#leader", "施宁")
    giver.page.fill("#notes", "盯住菜场后门")
    with giver.page.expect_navigation():
        giver.page.get_by_role("button", name="签名交班").click()
    address = giver.page.url
    giver.look("given")
    taker.page.goto(address)
    taker.page.fill("#remark", "已看过")
    with taker.page.expect_navigation():
        taker.page.get_by_role("button", name="签名接班").click()
    taker.sees("盯住菜场后门", "已看过")
    taker.look("taken")
    giver.open("90/rates/")
    giver.look("rates")
