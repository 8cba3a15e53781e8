"""The command screen: own place, drill-down, live fragments, and nobody else's district."""

from datetime import datetime

import pytest
from django.conf import settings
from django.test import Client

from liangwang.base import places
from liangwang.base.models import Office, Party, Place, Post

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
