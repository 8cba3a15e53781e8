"""The pages of posts in English are English, need no script of their own, and break no content policy."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from liangwang.base import clock
from liangwang.base.transactions import write
from liangwang.cases import actions
from tests.cases.factories import AT, Street, make_actor, make_office, make_street, open_incident
from tests.web.posts import browser
from tests.web.reading import Reading

pytestmark = pytest.mark.django_db
CJK = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")


@pytest.fixture(autouse=True)
def monday() -> object:
    """The pages are read on the Monday of the factories."""
    clock.shift(AT - datetime.now(UTC))
    yield
    clock.shift(timedelta())


def read(client: Client, path: str) -> Reading:
    answer = client.get(path, follow=True)
    assert answer.status_code == 200, path
    return Reading(answer.content.decode())


def pages(street: Street) -> list[tuple[Client, list[str]]]:
    """Every page of every post, with an incident that a crew was sent to."""
    case = open_incident(street)
    task = case.tasks.get(node="guard")
    with write():
        actions.assign_task(
            actor=make_actor(street.centre, "duty_officer"), at=AT, task=task, crew_office=street.crew,
            because={"minutes": 4.2, "why": {"zh": "最近", "en": "the nearest"}, "others": []},
        )  # fmt: skip
    lists = [
        "/staff/",
        "/staff/?all=1",
        "/staff/late/",
        "/staff/notices/",
        "/staff/incidents/",
    ]
    screens = [f"/command/{street.place.code}/", f"/staff/incidents/{case.ref}/"]
    reform = browser(make_office("reform", street.city), "reform_officer")
    return [
        (browser(street.centre, "duty_officer"), lists + screens),
        (browser(street.city_centre, "duty_officer"), [f"/command/{street.city.code}/", "/staff/orders/"]),
        (
            browser(street.crew, "crew"),
            ["/field/", "/field/done/", "/field/report/", f"/field/tasks/{task.ref}/"],
        ),
        (browser(street.grid, "supervisor"), ["/field/"]),
        (
            browser(make_office("health-e", street.district, "health"), "approver"),
            ["/staff/", "/staff/applications/"],
        ),
        (reform, ["/staff/reform/", "/staff/reform/birth/birth/", "/staff/calendar/", "/staff/effects/"]),
        (browser(make_office("security", street.city), "security_admin"), ["/staff/policy/"]),
        (browser(make_office("audit", street.city), "auditor"), ["/staff/audit/"]),
    ]


def test_pages_of_posts_are_english_and_keep_the_content_policy(data_dir: object) -> None:
    for client, paths in pages(make_street()):
        client.post("/language/", {"language": "en", "next": "/"})
        for path in paths:
            page = read(client, path)
            assert not page.refused, f"{path}: {page.refused}"
            chinese = [text for text in page.said if CJK.search(text) and text != "中文"]
            if path == "/staff/policy/":  # the basis of a row is quoted as the law says it
                continue
            assert not chinese, f"{path}: {chinese[:8]}"
