"""Keeps crews: makes them from the city's crew offices and patrols, moves them, puts them on and off shift."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office

from .dispatch_models import Crew

GUARD = "cover_guard"


class Vehicle(NamedTuple):
    """What a crew goes by: its name, and how many times as long it takes as a car."""

    label: Label
    slower: float


VEHICLES: dict[str, Vehicle] = {
    "car": Vehicle({"zh": "汽车", "en": "car"}, 1.0),
    "truck": Vehicle({"zh": "工程车", "en": "truck"}, 1.15),
    "ebike": Vehicle({"zh": "电动自行车", "en": "e-bike"}, 1.3),
    "foot": Vehicle({"zh": "步行", "en": "on foot"}, 4.5),
}
"""Times a car's travel time: our own assumption. None is below 1, as the search for the nearest counts on it."""
OWNER_SKILLS = {
    "rain": ("drain_clearing", "pumping"),
    "sewage": ("drain_clearing", "pumping"),
    "water": ("water_repair",),
    "power": ("power_repair",),
    "telecom": ("telecom_repair",),
    "gas": ("gas_repair",),
    "*": ("road_repair",),
}
"""What a crew of an owner can do beside guarding and repairing covers."""
TRADE_SKILLS = {
    "urban": ("street_order",),
    "police": ("traffic_control", "public_order"),
    "cleaning": ("cleaning",),
    "lamps": ("lamp_repair",),
}
"""What a crew can do by its trade, the second word of its key."""
PATROL_KINDS = ("police_station", "committee", "subdistrict")
"""Offices by the first word of their key whose people can guard a place, though they repair nothing."""


def enlist_crews(*, at: datetime) -> int:
    """A crew row for each crew office and patrol of the city that has none yet; returns how many were made."""
    known = set(Crew.objects.values_list("office_id", flat=True))
    offices = Office.objects.filter(ended_at=None, lon__isnull=False).exclude(pk__in=known)
    fresh = [crew for office in offices if (crew := _enlisted(office, at)) is not None]
    return len(Crew.objects.bulk_create(fresh, batch_size=1000))


def _enlisted(office: Office, at: datetime) -> Crew | None:
    if office.lon is None or office.lat is None:
        return None
    if office.kind == Office.Kind.CREW:
        skills = [
            GUARD,
            "cover_repair",
            *(s for owner in office.owner_of for s in OWNER_SKILLS.get(owner, ())),
            *TRADE_SKILLS.get(office.key.split(".")[1], ()),
        ]
        owners = list(office.owner_of)
    elif office.key.partition(".")[0] in PATROL_KINDS:
        skills, owners = [GUARD], []
    else:
        return None
    return Crew(
        office=office,
        skills=list(dict.fromkeys(skills)),
        owners=owners,
        repairs=office.kind == Office.Kind.CREW,
        lon=office.lon,
        lat=office.lat,
        seen_at=at,
    )


def move_crew(*, actor: Actor, at: datetime, office_id: int, lon: float, lat: float) -> bool:
    """The crew's phone says where it is; older than what is known is ignored, and so is an office without a crew."""
    rows = Crew.objects.filter(office_id=office_id)
    return bool(rows.exclude(seen_at__gt=at).update(lon=lon, lat=lat, seen_at=at))


def set_shift(
    *, actor: Actor, at: datetime, office_ids: Iterable[int], on_shift: bool, until: datetime | None = None
) -> int:
    """Puts crews on shift (until when, where that is said) or off; those off shift are sent nowhere."""
    offices = list(office_ids)
    rows = Crew.objects.filter(office_id__in=offices)
    if not on_shift or until is None:
        rows = rows.exclude(on_shift=on_shift, shift_until=None)
    changed = rows.update(on_shift=on_shift, shift_until=until if on_shift else None)
    if changed:
        thing = Thing(kind="board", office_ids=frozenset(offices))
        audit.record(actor, "update", thing, at=at, body={"on_shift": on_shift, "crews": changed})
    return changed


def crew_of(office_id: int | None) -> Crew | None:
    """The crew of an office."""
    return Crew.objects.filter(office_id=office_id).first() if office_id is not None else None
