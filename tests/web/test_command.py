"""The command screen: own place, drill-down, live fragments, and nobody else's district."""

import re
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client

from liangwang.base import places
from liangwang.base.models import Office, Party, Place, Post
from liangwang.base.transactions import write
from liangwang.cases import actions
from liangwang.cases.models import Task
from tests.cases.factories import make_actor, make_street, open_incident
from tests.web.posts import browser_of, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def city(at: datetime) -> Place:
    places.load_places(settings.CITY_DIR, at=at)
    return Place.objects.get(level="city")


def officer(place: Place) -> Client:
    """A browser of the duty officer of a place."""
    office = Office.objects.create(
        key=f"centre.{place.code}",
        name=place.name,
        department="operations",
        kind="operations_centre",
        level=place.level,
        place=place,
    )
    party = Party.objects.create_user(f"officer-{place.code}", label={"zh": "值班长", "en": "Duty officer"})
    Post.objects.create(party=party, office=office, role="duty_officer")
    client = Client()
    client.force_login(party, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def test_the_screen_opens_at_the_own_place_and_drills_down(city: Place) -> None:
    client = officer(city)
    own = client.get("/command/")
    assert own.status_code == 302 and own["Location"] == f"/command/{city.code}/"
    page = client.get(own["Location"])
    assert page.status_code == 200 and city.name["zh"] in page.content.decode()
    district = Place.objects.filter(level="district").first()
    assert district is not None
    assert client.get(f"/command/{district.code}/").status_code == 200


@pytest.mark.parametrize("part", ["panels", "feed", "day", "points"])
def test_each_part_renews_itself(city: Place, part: str) -> None:
    assert officer(city).get(f"/command/{city.code}/{part}").status_code == 200


def test_a_district_does_not_see_the_city_or_its_neighbour(city: Place) -> None:
    one, other = Place.objects.filter(level="district").order_by("code")[:2]
    client = officer(one)
    assert client.get(f"/command/{one.code}/").status_code == 200
    assert client.get(f"/command/{other.code}/").status_code == 404
    assert client.get(f"/command/{city.code}/").status_code == 404


def test_areas_hold_the_outline_and_the_names_below(city: Place) -> None:
    drawn = officer(city).get(f"/map/{city.code}/").json()["features"]
    names = {f["properties"]["name"] for f in drawn if f["properties"]["role"] == "name"}
    assert names == {p.name["zh"] for p in Place.objects.filter(level="district")}


def test_a_card_says_what_is_next_and_who_is_on_the_way_with_minutes(at: datetime) -> None:
    street = make_street()
    case = open_incident(street, at=at)
    task = case.tasks.get(node="guard")
    duty = make_actor(street.centre, "duty_officer")
    because = {"minutes": 2.4, "why": {"zh": "最近的在岗人员", "en": "the nearest on duty"}}
    with write():
        actions.assign_task(actor=duty, at=at, task=task, crew_office=street.crew, because=because)
    client = browser_of(duty)
    feed = said(client.get(f"/command/{street.place.code}/feed"))
    assert street.crew.name["zh"] in feed and "待接单，约 2 分钟" in feed and "待派单" in feed
    crew = make_actor(street.crew, "crew")
    with write():
        actions.accept_task(actor=crew, at=at, task=Task.objects.get(pk=task.pk))
    assert "在路上，约 2 分钟" in said(client.get(f"/command/{street.place.code}/feed"))


def test_the_list_beside_the_map_counts_open_and_late_and_opens_each_place(at: datetime) -> None:
    street = make_street()
    open_incident(street, at=at - timedelta(days=30))
    city = browser_of(make_actor(street.city_centre, "duty_officer"))
    panels = said(city.get(f"/command/{street.city.code}/panels"))
    assert f'href="/command/{street.district.code}/"' in panels
    assert re.search(r"1 超时.*<b>1</b>", panels) and "True" not in panels
    assert city.get(f"/command/{street.district.code}/").status_code == 200


def test_a_calm_place_says_so(city: Place) -> None:
    assert "现在没有在办的案件" in said(officer(city).get(f"/command/{city.code}/feed"))
