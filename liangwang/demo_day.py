"""The demo day: readings and records arrive by the same HTTP doors that devices and offices use, while one watches."""

import csv
import io
import json
import secrets
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.db import OperationalError, close_old_connections

from liangwang.base import clock
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Person
from liangwang.base.places import city_settings
from liangwang.base.subjects import unseal_field
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.operations.models import Asset

TICK_S = 15.0
ROUND_S = 240.0  # every cover reports once in this time
MISHAP_EVERY_S = 240.0  # something happens to a cover about as often
AT_HOME_SHARE = 0.5  # so many mishaps are in the demo street, where the hats are
KEPT_S = 20 * 60.0  # it ends by itself after this, whoever came
MISHAPS = {  # share; quantities with their range; a lorry is over before the rule's `lasting`
    "displaced": (0.55, {"tilt": (24.0, 70.0)}),
    "lorry": (0.20, {"tilt": (18.0, 30.0)}),
    "missing": (0.10, {"open": (1.0, 1.0), "tilt": (85.0, 95.0)}),
    "flooded": (0.15, {"water_depth": (255.0, 330.0)}),
}
AT_REST = {"tilt": (0.2, 2.4), "open": (0.0, 0.0), "water_depth": (20.0, 90.0), "battery": (60.0, 100.0)}
RECORDS_EVERY_S = 180.0
PLACES_WITH_RISK = (
    ("北京市", "medium"),
    ("杭州市", "low"),
    ("武汉市", "high"),
    ("南京市", "low"),
    ("广州市", "medium"),
)
COVER_PACK = "manholes"
MOST_PEOPLE = 50_000
KEY_NAME = "演示数据源 · demo source"

Send = Callable[[str, bytes, str, dict[str, str]], dict[str, Any]]


class Mishap(NamedTuple):
    """What is wrong with a cover until `until`: its readings by quantity."""

    cover: str
    until: datetime
    values: dict[str, float]


@dataclass
class Day:
    """What the demo day remembers between two steps: covers by key, those in the demo street, what happens now."""

    covers: list[str]
    at_home: list[str]
    random: np.random.Generator
    people: list[int]
    ticks: int = 0
    mishaps: dict[str, Mishap] = field(default_factory=dict)
    next_mishap: datetime | None = None
    next_records: datetime | None = None
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
            if day is None or send is None or not day.covers:
                send, day = sender(), begin(seed=secrets.randbits(32))
            step(day, at=clock.now(), send=send)
        except (OSError, OperationalError, Office.DoesNotExist) as error:
            # The city is not loaded yet, or the web process is starting again.
            sys.stdout.write(f"demo day waits: {error}\n")
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
    scheme = "https" if settings.TLS_CERT else "http"

    def send(path: str, body: bytes, kind: str, headers: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{scheme}://{settings.HOST}:{settings.PORT}{path}",
            body,
            {"Content-Type": kind, "Authorization": f"Bearer {bearer}", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    return send


def begin(*, seed: int) -> Day:
    """A day over the covers and people that are loaded."""
    home = city_settings(settings.CITY_DIR)["demo"]["street"]
    covers = Asset.objects.filter(pack=COVER_PACK, ended_at=None).order_by("key")
    at_home = covers.filter(place__code__startswith=home)
    people = Person.objects.filter(demo=True).exclude(identity_sealed=None)
    return Day(
        list(covers.values_list("key", flat=True)),
        list(at_home.values_list("key", flat=True)),
        np.random.default_rng(seed),
        list(people.values_list("pk", flat=True)[:MOST_PEOPLE]),
    )


def step(day: Day, *, at: datetime, send: Send) -> dict[str, int]:
    """What happens in one tick; returns how many readings and records were accepted."""
    done = {"readings": 0, "records": 0}
    body = b"\n".join(json.dumps(row).encode() for row in readings(day, at))
    day.ticks += 1
    if body:
        done["readings"] = send("/api/v1/readings", body, "application/x-ndjson", {})["accepted"]
    if day.people and (day.next_records is None or at >= day.next_records):
        day.next_records = at + timedelta(seconds=RECORDS_EVERY_S)
        source, rows = records(day, at)
        day.delivered += 1
        send(
            f"/api/v1/batches/city_code:{source}", as_csv(rows), "text/csv", {"X-File-Name": f"{source}.csv"}
        )
        done["records"] = len(rows)
    return done


# --- readings ------------------------------------------------------------------------------------------


def readings(day: Day, at: datetime) -> Iterator[dict[str, Any]]:
    """A slice of all covers at rest (the first time all of them), and every cover to which something happens."""
    _happen(day, at)
    slices = round(ROUND_S / TICK_S) if day.ticks else 1
    for cover in day.covers[day.ticks % slices :: slices]:
        if cover not in day.mishaps:
            yield from _reported(cover, _drawn(day, AT_REST), at)
    for mishap in list(day.mishaps.values()):
        over = mishap.until <= at
        if over:
            del day.mishaps[mishap.cover]
        yield from _reported(mishap.cover, _drawn(day, AT_REST) | ({} if over else mishap.values), at)


def _drawn(day: Day, ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    return {quantity: float(day.random.uniform(*bounds)) for quantity, bounds in ranges.items()}


def _reported(cover: str, values: Mapping[str, float], at: datetime) -> Iterator[dict[str, Any]]:
    for quantity, value in values.items():
        micros = round(at.timestamp() * 1e6)
        yield {"datastream": f"{cover}.{quantity}", "at": micros, "value": round(value, 2)}


def _happen(day: Day, at: datetime) -> None:
    """Now and then something happens to a cover that was at rest."""
    if day.next_mishap is not None and at < day.next_mishap:
        return
    wait_s = float(day.random.exponential(MISHAP_EVERY_S))
    day.next_mishap = at + timedelta(seconds=min(max(wait_s, MISHAP_EVERY_S / 4), 3 * MISHAP_EVERY_S))
    pool = day.at_home if day.at_home and day.random.random() < AT_HOME_SHARE else day.covers
    resting = [cover for cover in pool if cover not in day.mishaps]
    if resting:
        cover = resting[int(day.random.integers(len(resting)))]
        kind = str(day.random.choice(list(MISHAPS), p=[share for share, _ in MISHAPS.values()]))
        kept_s = TICK_S if kind == "lorry" else KEPT_S
        values = _drawn(day, MISHAPS[kind][1])
        day.mishaps[cover] = Mishap(cover, at + timedelta(seconds=kept_s), values)


# --- records -------------------------------------------------------------------------------------------


def records(day: Day, at: datetime) -> tuple[str, list[dict[str, str]]]:
    """A small delivery of one of the three sources in turn; every second one has a bad row."""
    makers = (("fever_clinics", _visit), ("travel", _journey), ("community", _registration))
    source, make = makers[day.delivered % 3]
    chosen = day.random.choice(
        day.people, min(len(day.people), int(day.random.integers(8, 25))), replace=False
    )
    rows = []
    for i, person in enumerate(
        Person.objects.filter(pk__in=chosen.tolist()).select_related("home").order_by("pk")
    ):
        identity = unseal_field(person, "identity") or ""
        number = f"{at:%Y%m%d%H%M%S}{i:03d}"
        rows.append(make(day, number, person, identity, at))
    if day.delivered % 2 and rows:
        spoiled = rows[int(day.random.integers(len(rows)))]
        spoiled["identity"] = spoiled["identity"][:-1] + ("0" if spoiled["identity"][-1:] != "0" else "1")
    return source, rows


def _visit(day: Day, number: str, person: Person, identity: str, at: datetime) -> dict[str, str]:
    result = str(
        day.random.choice(
            ["negative", "negative", "negative", "pending", "positive"], p=[0.3, 0.3, 0.3, 0.07, 0.03]
        )
    )
    return {
        "visit_no": f"F{number}", "identity": identity, "name": person.name,
        "visited_on": local_day(at).isoformat(), "temperature": f"{day.random.normal(37.1, 0.7):.1f}",
        "result": result,
    }  # fmt: skip


def _journey(day: Day, number: str, person: Person, identity: str, at: datetime) -> dict[str, str]:
    region, risk = PLACES_WITH_RISK[int(day.random.integers(len(PLACES_WITH_RISK)))]
    arrived = local_day(at) - timedelta(days=int(day.random.integers(0, 3)))
    return {
        "ticket_no": f"T{number}", "identity": identity, "name": person.name, "arrived_on": arrived.isoformat(),
        "from_region": region, "risk": risk, "mode": str(day.random.choice(["rail", "air", "road"])),
    }  # fmt: skip


def _registration(day: Day, number: str, person: Person, identity: str, at: datetime) -> dict[str, str]:
    until = local_day(at) + timedelta(days=int(day.random.integers(3, 14)))
    return {
        "register_no": f"C{number}", "identity": identity, "name": person.name,
        "committee": person.home.code if person.home else "", "registered_on": local_day(at).isoformat(),
        "observed_until": until.isoformat(), "released": "observing",
    }  # fmt: skip


def as_csv(rows: list[dict[str, str]]) -> bytes:
    """The rows as a CSV file in UTF-8 with a header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
