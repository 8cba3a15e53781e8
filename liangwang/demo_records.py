"""Records of the demo day: small deliveries of several offices, now and then with a bad row."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from liangwang.base.models import Company, Person
from liangwang.base.subjects import unseal_field
from liangwang.base.working_days import local_day

PLACES_WITH_RISK = (
    ("北京市", "medium"),
    ("杭州市", "low"),
    ("武汉市", "high"),
    ("南京市", "low"),
    ("广州市", "medium"),
)
DOUBTFUL = 0.2  # of vaccinations


def records(
    people: Sequence[int], delivered: int, random: np.random.Generator, at: datetime
) -> tuple[str, list[dict[str, str]]]:
    """A small delivery about some of `people` (subject ids): `pack:source`, in turn, and its rows.

    Every third has a bad row; those of emergency packs are refused at the door while no order is in force.
    """
    source, make = MAKERS[delivered % len(MAKERS)]
    chosen = random.choice(people, min(len(people), int(random.integers(8, 25))), replace=False)
    rows = []
    for i, person in enumerate(
        Person.objects.filter(pk__in=chosen.tolist()).select_related("home").order_by("pk")
    ):
        identity = unseal_field(person, "identity") or ""
        number = f"{at:%Y%m%d%H%M%S}{i:03d}"
        rows.append(make(random, number, person, identity, at))
    if delivered % 3 == 1 and rows and rows[0].get("identity"):
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


def _inoculation(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    """Some are without number, with a year of birth that was misheard and a phone of somebody else: for people to decide."""
    doubtful = random.random() < DOUBTFUL
    born, phone = person.birth_on, unseal_field(person, "phone")
    if doubtful:
        born = born.replace(year=born.year - 1, day=min(born.day, 28))
    if doubtful or not phone:
        phone = f"1400{random.integers(10_000_000):07d}"
    return {
        "record_no": f"Y{number}", "identity": "" if doubtful else identity, "name": person.name,
        "birth_date": born.isoformat(), "phone": phone, "vaccine": "流感疫苗", "clinic": "社区卫生服务中心",
        "given_on": local_day(at).isoformat(),
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


def _permit(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    return {
        "permit_no": f"P{number}", "identity": identity, "name": person.name,
        "committee": person.home.code if person.home else "", "address": unseal_field(person, "address") or "未登记",
        "registered_on": local_day(at).isoformat(),
    }  # fmt: skip


def _job(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    began = local_day(at) - timedelta(days=int(random.integers(0, 400)))
    employers = list(Company.objects.order_by("pk").values_list("credit_code", flat=True)[:50])
    return {
        "register_no": f"J{number}", "identity": identity, "name": person.name,
        "employer": str(random.choice(employers)) if employers else "", "began_on": began.isoformat(),
    }  # fmt: skip


def _vehicle(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    state = str(random.choice(["normal", "transferred", "cancelled"], p=[0.95, 0.04, 0.01]))
    return {
        "plate": f"沪A{random.integers(100_000):05d}", "kind": "small", "identity": identity, "name": person.name,
        "state": state, "updated_on": local_day(at).isoformat(),
    }  # fmt: skip


def _count(
    random: np.random.Generator, number: str, person: Person, identity: str, at: datetime
) -> dict[str, str]:
    """What a counter near somebody's home saw in this hour; the person is not in it."""
    return {
        "device": f"K{number}", "committee": person.home.code if person.home else "",
        "hour": f"{local_day(at)} 00:00", "people": str(random.poisson(180)), "vehicles": str(random.poisson(25)),
    }  # fmt: skip


MAKERS = (
    ("city_code:fever_clinics", _visit),
    ("public_security:residence_permits", _permit),
    ("health:inoculations", _inoculation),
    ("city_code:travel", _journey),
    ("social_security:employment", _job),
    ("city_sensing:place_counts", _count),
    ("city_code:community", _registration),
    ("public_security:vehicles", _vehicle),
)


def as_csv(rows: list[dict[str, str]]) -> bytes:
    """The rows as a CSV file in UTF-8 with a header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
