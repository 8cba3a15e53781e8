"""The demo day: readings, records and applications arrive by the same HTTP doors as real ones, while one watches."""

import json
import secrets
import signal
import sys
import threading
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import OperationalError, close_old_connections

from liangwang.base import clock
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Person, Post
from liangwang.base.places import city_settings
from liangwang.base.transactions import write
from liangwang.operations.models import Asset

from .demo_applicant import Stuck, apply
from .demo_http import called
from .demo_phone import AppPhone, applicants
from .demo_readings import TICK_S, Covers, readings
from .demo_records import MAKERS, as_csv, records

COVER_PACK = "manholes"
FEW = 6  # fewer than the least delivery, so that all of them are in it
PERMITS = "public_security:residence_permits"
KEY_NAME = "演示数据源 · demo source"
RECORDS_EVERY_S = 45.0
APPLICATIONS_EVERY_S = 120.0
MOST_PEOPLE = 50_000
MOST_APPLICANTS = 200
FROM_THE_NEIGHBOURHOOD = 0.25  # so that the committee of the demo has something to do
ITEMS = (  # what one parent alone can apply for
    "health:childcare_guidance",
    "health:vaccination_booklet",
    "medical_insurance:newborn_enrolment",
    "social_security:social_card",
)
NOT_NOW = 409  # an emergency pack takes nothing while no order is in force

Send = Callable[[str, bytes, str, dict[str, str]], dict[str, Any]]


@dataclass
class Day:
    """What the demo day remembers between two steps."""

    covers: Covers
    random: np.random.Generator
    people: list[int] = field(default_factory=list)
    mothers: list[int] = field(default_factory=list)
    neighbours: list[int] = field(default_factory=list)  # those in whose committee somebody plays a part
    next_records: datetime | None = None
    next_application: datetime | None = None
    delivered: int = 0


def run() -> int:
    """Steps every fifteen seconds until it is told to stop; a web process that is away is waited for."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return demo_day(stop)


def demo_day(stop: threading.Event) -> int:
    """Runs the day until `stop` is set."""
    day: Day | None = None
    send: Send | None = None
    while not stop.is_set():
        began = time.monotonic()
        try:
            if day is None or send is None or not day.covers.keys:
                send, day = sender(), begin(seed=secrets.randbits(32))
            step(day, at=clock.now(), send=send)
        except (OSError, OperationalError, Office.DoesNotExist, Stuck) as error:
            # The city is not loaded yet, or the web process is starting again.
            sys.stdout.write(f"demo day waits: {error} {getattr(error, 'url', '')}\n")
            sys.stdout.flush()
        close_old_connections()
        stop.wait(max(0.0, TICK_S - (time.monotonic() - began)))
    return 0


def sender() -> Send:
    """Posts with a fresh key of the demo source, of which the database keeps the hash only."""
    bearer = secrets.token_urlsafe(32)
    city = city_settings(settings.CITY_DIR)["code"]
    with write():
        office = Office.objects.get(key=f"operations.{city}")
        issue_source_key(bearer, name=KEY_NAME, office=office, sources=["*"])

    def send(path: str, body: bytes, kind: str, headers: dict[str, str]) -> dict[str, Any]:
        return called(path, body, {"Content-Type": kind, "Authorization": f"Bearer {bearer}", **headers})

    return send


def begin(*, seed: int) -> Day:
    """A day over the covers and people that are loaded."""
    home = city_settings(settings.CITY_DIR)["demo"]["street"]
    covers = Asset.objects.filter(pack=COVER_PACK, ended_at=None).order_by("key")
    at_home = covers.filter(place__code__startswith=home)
    people = Person.objects.filter(demo=True).exclude(identity_sealed=None)
    random = np.random.default_rng(seed)
    mothers = applicants(MOST_APPLICANTS)
    committees = Post.objects.filter(role="committee", ended_at=None).values("office__place_id")
    neighbours = Person.objects.filter(pk__in=mothers, home_id__in=committees).order_by("pk")
    keys, near = list(covers.values_list("key", flat=True)), list(at_home.values_list("key", flat=True))
    return Day(
        Covers(keys, near, random),
        random,
        people=list(people.values_list("pk", flat=True)[:MOST_PEOPLE]),
        mothers=mothers,
        neighbours=list(neighbours.values_list("pk", flat=True)),
    )


def step(day: Day, *, at: datetime, send: Send) -> dict[str, int]:
    """What happens in one tick; returns how many readings, records and applications were taken."""
    body = b"\n".join(json.dumps(row).encode() for row in readings(day.covers, at))
    day.covers.ticks += 1
    done = {"readings": 0, "records": 0, "applications": 0}
    if body:
        done["readings"] = send("/api/v1/readings", body, "application/x-ndjson", {})["accepted"]
    if day.people and (day.next_records is None or at >= day.next_records):
        day.next_records = at + timedelta(seconds=RECORDS_EVERY_S)
        done["records"] = deliver(day, at, send)
    if day.mothers and (day.next_application is None or at >= day.next_application):
        day.next_application = at + timedelta(seconds=APPLICATIONS_EVERY_S)
        hand_in(day, at)
        done["applications"] = 1
    return done


def deliver(day: Day, at: datetime, send: Send) -> int:
    """One office offers a file to the hub; how many rows were taken, none of an emergency pack without an order."""
    source, rows = records(_about(day), day.delivered, day.random, at)
    day.delivered += 1
    name = f"{source.partition(':')[2]}.csv"
    try:
        send(f"/api/v1/batches/{source}", as_csv(rows), "text/csv", {"X-File-Name": name})
    except urllib.error.HTTPError as error:
        if error.code != NOT_NOW:
            raise
        return 0
    return len(rows)


def _about(day: Day) -> list[int]:
    """Whom a delivery is about: the first of residence permits half of the committee's own, whom nobody need check then."""
    first_permits = day.delivered < len(MAKERS) and MAKERS[day.delivered][0] == PERMITS
    known = day.neighbours[::2] if first_permits else []
    return [*known, *day.people[:FEW]] if known else day.people


def hand_in(day: Day, at: datetime) -> str:
    """One mother hands in one item; returns its number."""
    near = day.neighbours and day.random.random() < FROM_THE_NEIGHBOURHOOD
    people = day.neighbours if near else day.mothers
    person = people[int(day.random.integers(len(people)))]
    with write():
        phone, who = AppPhone.of(person, at)
    return apply(phone, ITEMS[int(day.random.integers(len(ITEMS)))], who, day.random, at)
