"""The record behind the slider of the duty page: days, one day as a browser reads it, a thing as it was."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from liangwang.base import clock
from liangwang.base.transactions import write
from liangwang.cases import actions
from tests.cases.factories import Street, make_actor, make_street, open_incident
from tests.operations.factories import make_asset
from tests.web.posts import browser_of, said

pytestmark = pytest.mark.django_db
DAY = "2026-11-23"


@pytest.fixture(autouse=True)
def evening(at: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """It is six in the evening of the day that the tests replay."""
    now = at + timedelta(hours=6)
    monkeypatch.setattr(clock, "now", lambda: now)
    yield now


@pytest.fixture
def street(at: datetime) -> Street:
    """A street with an incident from noon, level lowered after an hour, sent to a crew after two."""
    street = make_street()
    case = open_incident(street, at=at)
    duty = make_actor(street.centre, "duty_officer")
    with write():
        because = {"zh": "水退", "en": "the water falls"}
        actions.change_level(
            actor=duty, at=at + timedelta(hours=1), case=case, level="yellow", because=because
        )
        task = case.tasks.get(node="guard")
        actions.assign_task(actor=duty, at=at + timedelta(hours=2), task=task, crew_office=street.crew)
    return street


def told(street: Street, path: str, code: str = "") -> Any:
    answer = browser_of(make_actor(street.city_centre, "duty_officer")).get(
        f"/command/{code or street.place.code}/recorded/{path}"
    )
    assert answer.status_code == 200, answer.status_code
    return answer.json()


def test_a_browser_can_show_any_second_of_the_day(street: Street) -> None:
    day = told(street, f"{DAY}/")
    assert (day["until"], day["over"], sum(day["slots"])) == (18 * 3600, False, 1)
    (one,) = day["incidents"]
    assert [row[:3] for row in one["states"]] == [[43200, "bad", 0], [46800, "watch", 0]]
    assert day["words"] == ["guard"]
    assert one["states"][0][3:] == [43200, 900]
    assert one["href"].endswith("/after/") and one["name"] == "井盖移位"


def test_seen_from_the_city_an_incident_counts_in_its_district(street: Street) -> None:
    day = told(street, f"{DAY}/", street.city.code)
    assert [row[0] for row in day["below"]] == [street.district.code]
    assert day["incidents"][0]["below"] == street.district.code


def test_the_calendar_has_the_days_with_a_record_and_the_present_strip(street: Street) -> None:
    month = told(street, "")
    assert (month["month"], month["today"], month["first"]) == ("2026-11", DAY, "2026-11")
    assert {day: one["incidents"] for day, one in month["days"].items()} == {DAY: 1}
    assert sum(month["slots"]) == 1 and month["replays"]
    assert told(street, "?month=2026-10")["days"] == {}
    assert told(street, "?month=nonsense")["month"] == "2026-11"


def test_days_to_come_and_no_days_are_not_there_nor_are_others_places(street: Street) -> None:
    client = browser_of(make_actor(street.centre, "duty_officer"))
    for day in ("2026-11-24", "2026-02-30", "yesterday"):
        assert client.get(f"/command/{street.place.code}/recorded/{day}/").status_code == 404
    assert client.get(f"/command/{street.city.code}/recorded/{DAY}/").status_code == 404


def test_a_thing_is_shown_as_it_was_and_only_at_a_moment_that_has_been(
    street: Street, evening: datetime
) -> None:
    asset = make_asset(street=street.place.code)
    client = browser_of(make_actor(street.city_centre, "duty_officer"))
    path = f"/command/recorded/things/{asset.pk}/"
    page = client.get(path, {"at": (evening - timedelta(hours=1)).isoformat()})
    assert page.status_code == 200 and asset.label["zh"] in said(page)
    for moment in ("", "noon", "2026-11-23T12:00:00", (evening + timedelta(hours=1)).isoformat()):
        assert client.get(path, {"at": moment}).status_code == 404
