"""The audit log and the policy table in words: posts by name, people never; no code word in Chinese."""

from datetime import timedelta

import pytest

from liangwang.base import audit, clock
from liangwang.base.access import Thing
from tests.cases.factories import make_applicant, make_street
from tests.web.posts import browser, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def test_posts_are_named_in_the_log_and_people_are_not() -> None:
    street = make_street()
    ends = (clock.now() + timedelta(days=10)).date().isoformat()
    officer = browser(street.city_centre, "duty_officer", "1")
    officer.post("/staff/orders/open", {"number": "1号", "basis": "演示", "ends_on": ends})
    _subject, person = make_applicant()
    audit.record(person, "create", Thing(kind="draft"), at=clock.now())
    page = said(browser(street.city_centre, "auditor").get("/staff/audit/"))
    assert "duty_officer1@city" in page  # the label of the post's party in the tests
    assert (
        "值班长" in page
        and "发布命令" in page
        and "应急命令" in page
        and street.city_centre.name["zh"] in page
    )
    assert person.party_ref in page or person.party_ref[:20] in page
    assert ">林<" not in page


def test_a_level_without_cosignature_is_shown(at: object) -> None:
    street = make_street()
    _subject, person = make_applicant()
    audit.record(person, "create", Thing(kind="draft"), at=clock.now() - timedelta(hours=5))
    page = said(browser(street.city_centre, "auditor").get("/staff/audit/"))
    assert "超过 4 小时没有联署" in page and "街镇" in page


def test_the_policy_table_is_in_words() -> None:
    street = make_street()
    page = said(browser(street.city_centre, "security_admin").get("/staff/policy/"))
    assert "辖区" in page and "网格监督员" in page and "办件环节" in page
    assert "<th>territory" not in page and ">duty_officer" not in page
