"""Acts by law on the case's page: passing on, co-signing, special procedures, the one extension; letters beside them."""

from datetime import UTC, datetime, timedelta

import pytest

from liangwang.base import clock
from liangwang.base.models import Post
from liangwang.base.transactions import write
from liangwang.cases.models import Case, ClockStop, Signature
from liangwang.services import actions as services
from tests.cases.factories import make_actor
from tests.services.factories import AT, Town, make_town
from tests.walks.test_birth import ready, submitted
from tests.web.posts import browser_of, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday() -> object:
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


def accepted() -> tuple[Town, Case]:
    town = make_town()
    case = submitted(town).case
    with write():
        services.accept(actor=town.approvers["health"], submission=case.submission, at=AT)
    return town, Case.objects.get(pk=case.pk)


def test_a_step_is_passed_on_to_a_colleague_with_a_reason() -> None:
    town, case = accepted()
    task = ready(case)["birth_certificate_issue.check"]
    colleague = Post.objects.get(pk=make_actor(town.offices["health"], "approver", "同事").post_id)
    health = browser_of(town.approvers["health"])
    page = said(health.get(f"/staff/applications/{case.ref}/"))
    assert "转办" in page and f"post:{colleague.ref}" in page
    without = health.post(f"/staff/tasks/{task.ref}/pass-on", {"to": f"post:{colleague.ref}", "why": ""})
    assert without.status_code == 422 and 'role="alert"' in said(without)
    health.post(f"/staff/tasks/{task.ref}/pass-on", {"to": f"post:{colleague.ref}", "why": "我休假"})
    task.refresh_from_db()
    assert task.assignee_id == colleague.pk and "我休假" in said(
        health.get(f"/staff/applications/{case.ref}/")
    )


def test_another_office_signs_and_only_signs() -> None:
    town, case = accepted()
    task = ready(case)["birth_certificate_issue.check"]
    health, police = browser_of(town.approvers["health"]), browser_of(town.approvers["public_security"])
    asked = {"office": town.offices["public_security"].key, "why": "请核对户籍"}
    assert health.post(f"/staff/tasks/{task.ref}/ask-signature", asked).status_code == 302
    early = health.post(f"/staff/tasks/{task.ref}/decide", {"outcome": "granted"})
    assert early.status_code == 409 and "会签" in said(early)
    assert case.number in said(police.get("/staff/?what=sign"))
    page = said(police.get(f"/staff/applications/{case.ref}/?task={task.ref}"))
    assert "请您会签" in page and "请核对户籍" in page and f"/tasks/{task.ref}/decide" not in page
    silent = police.post(f"/staff/tasks/{task.ref}/cosign", {"agreed": "no", "opinion": ""})
    assert silent.status_code == 422
    police.post(f"/staff/tasks/{task.ref}/cosign", {"agreed": "yes", "opinion": "户籍无误"})
    assert Signature.objects.get().state == "agreed"
    assert "户籍无误" in said(health.get(f"/staff/applications/{case.ref}/"))
    assert health.post(f"/staff/tasks/{task.ref}/decide", {"outcome": "granted"}).status_code == 302


def test_the_clock_stands_only_in_writing_and_is_extended_once() -> None:
    town, case = accepted()
    health = browser_of(town.approvers["health"])
    at = f"/staff/applications/{case.ref}/"
    assert "特别程序" in said(health.get(at))
    health.post(f"{at}special", {"ground": "testing", "expected": "五个工作日"})
    assert ClockStop.objects.get(case=case).notice
    page = said(health.get(at))
    assert "已停表" in page and "程序结束，恢复计时" in page and "letter.pdf" in page
    health.post(f"{at}special", {"end": "1"})
    assert not ClockStop.objects.filter(case=case, until=None).exists()
    assert health.post(f"{at}extend", {"days": "x", "why": "案情复杂"}).status_code >= 400
    assert health.post(f"{at}extend", {"days": "3", "why": "案情复杂"}).status_code == 302
    assert health.post(f"{at}extend", {"days": "3", "why": "再一次"}).status_code == 409
    case.refresh_from_db()
    assert case.extended_days == 3
    clerk = browser_of(make_actor(town.offices["health"], "clerk"))
    assert clerk.post(f"{at}extend", {"days": "3", "why": "x"}).status_code == 403
