"""Records of the demo day: small deliveries of three offices, now and then with a bad row."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from liangwang.base.models import Person
from liangwang.base.subjects import unseal_field
from liangwang.base.working_days import local_day

PLACES_WITH_RISK = (
    ("北京市", "medium"),
    ("杭州市", "low"),
    ("武汉市", "high"),
    ("南京市", "low"),
    ("广州市", "medium"),
)


def records(
    people: Sequence[int], delivered: int, random: np.random.Generator, at: datetime
) -> tuple[str, list[dict[str, str]]]:
    """A small delivery about some of `people` (subject ids), of the three sources in turn; every second has a bad row."""
    makers = (("fever_clinics", _visit), ("travel", _journey), ("community", _registration))
    source, make = makers[delivered % 3]
    chosen = random.choice(people, min(len(people), int(random.integers(8, 25))), replace=False)
    rows = []
    for i, person in enumerate(
        Person.objects.filter(pk__in=chosen.tolist()).select_related("home").order_by("pk")
    ):
        identity = unseal_field(person, "identity") or ""
        number = f"{at:%Y%m%d%H%M%S}{i:03d}"
        rows.append(make(random, number, person, identity, at))
    if delivered % 2 and rows:
        spoiled = rows[int(random.integers(len(rows)))]
        spoiled["identity"] = spoiled["identity"][:-1] + ("0" if spoiled["identity"][-1:] != "0" else "1")
    return source, rows


def _visit(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    result = str(random.choice(["negative", "pending", "positive"], p=[0.9, 0.07, 0.03]))
    return {
        "visit_no": f"F{number}", "identity": identity, "name": person.name,
        "visited_on": local_day(at).isoformat(), "temperature": f"{random.normal(37.1, 0.7):.1f}",
        "result": result,
    }  # fmt: skip


def _journey(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    region, risk = PLACES_WITH_RISK[int(random.integers(len(PLACES_WITH_RISK)))]
    arrived = local_day(at) - timedelta(days=int(random.integers(0, 3)))
    return {
        "ticket_no": f"T{number}", "identity": identity, "name": person.name, "arrived_on": arrived.isoformat(),
        "from_region": region, "risk": risk, "mode": str(random.choice(["rail", "air", "road"])),
    }  # fmt: skip


def _registration(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    until = local_day(at) + timedelta(days=int(random.integers(3, 14)))
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
