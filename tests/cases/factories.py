"""A street with its offices and people, and small plans: factories with defaults for everything about cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from liangwang.base.hats import Actor, platform, post_hat
from liangwang.base.models import Office, Party, Place, Post, Subject
from liangwang.base.subjects import new_subject, register_person
from liangwang.cases import actions
from liangwang.cases.models import Case, Plan
from liangwang.cases.plans import store_plan

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday, 9:00 in the city
_serial = count(1)


def make_place(code: str, level: str, parent: Place | None = None, kind: str = "", **fields: Any) -> Place:
    known = Place.objects.filter(code=code).first()
    if known:
        return known
    return Place.objects.create(
        subject=new_subject("place", at=AT), code=code, level=level, kind=kind or level, parent=parent,
        name={"zh": code, "en": code}, lon=121.43, lat=31.22, **fields,
    )  # fmt: skip


def make_office(
    key: str, place: Place, department: str = "operations", kind: str = "department", **fields: Any
) -> Office:
    level = fields.pop("level", place.level)
    return Office.objects.create(
        key=key,
        name={"zh": key, "en": key},
        department=department,
        kind=kind,
        level=level,
        place=place,
        **fields,
    )


def make_actor(office: Office, role: str, name: str = "") -> Actor:
    """A post of its own person in an office, as a hat."""
    name = name or f"{role}{next(_serial)}"
    party = Party.objects.create(login_name=f"{name}-{next(_serial)}", label={"zh": name, "en": name})
    return post_hat(Post.objects.create(party=party, office=office, role=role))


def make_applicant() -> tuple[Subject, Actor]:
    """A person with a login, wearing the own hat."""
    n = next(_serial)
    person = register_person(at=AT, name=f"林{n}", sex="f", birth_on=date(1990, 1, 1))
    party = Party.objects.create(
        login_name=f"person-{n}", subject=person.subject, label={"zh": "林", "en": "Lin"}
    )
    actor = Actor(
        hat="self", role="resident", label={"zh": "本人", "en": "myself"}, key="self", party_id=party.pk,
        party_ref=party.ref, subject_id=person.subject_id, for_subject_id=person.subject_id, assurance="strong",
    )  # fmt: skip
    return person.subject, actor


@dataclass
class Street:
    """A street in its district and city, with offices of three levels and crews."""

    city: Place
    district: Place
    place: Place
    city_centre: Office
    district_centre: Office
    centre: Office
    grid: Office
    crew: Office
    other_crew: Office


def make_street(code: str = "310105002") -> Street:
    city = make_place(code[:2], "city")
    district = make_place(code[:6], "district", city)
    place = make_place(code, "street", district)
    n = next(_serial)
    return Street(
        city, district, place,
        make_office(f"city-centre-{n}", city, kind="operations_centre"),
        make_office(f"district-centre-{n}", district, kind="operations_centre"),
        make_office(f"centre-{n}", place, kind="operations_centre"),
        make_office(f"grid-{n}", place, department="subdistrict", kind="subdistrict"),
        make_office(f"crew-{n}", place, department="drainage", kind="crew", owner_of=["rain"]),
        make_office(f"other-crew-{n}", place, department="drainage", kind="crew"),
    )  # fmt: skip


def node(key: str, needs: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """A plan node; by default of the lead office's approver, without a limit."""
    return {
        "key": key,
        "label": {"zh": key, "en": key},
        "by": {"role": "approver"},
        "needs": list(needs),
        **fields,
    }


def plan_body(nodes: Sequence[dict[str, Any]], kind: str = "application", **fields: Any) -> dict[str, Any]:
    return {
        "key": f"test:{kind}", "kind": kind, "label": {"zh": "试", "en": "test"}, "nodes": list(nodes),
        "legal_days": None, "promised_days": None, **fields,
    }  # fmt: skip


def make_plan(nodes: Sequence[dict[str, Any]], kind: str = "application", **fields: Any) -> Plan:
    return store_plan(plan_body(nodes, kind, **fields), at=AT)


FORK = (
    node("intake", uses=["name"], gives=["checked"]),
    node("police", ["intake"], uses=["checked"], gives=["page"]),
    node("insurance", ["intake"], uses=["name"], gives=["card"]),
    node("health", ["intake"]),
    node("issue", ["police", "insurance", "health"], uses=["page", "card"]),
)


def open_application(
    office: Office, nodes: Sequence[dict[str, Any]] = FORK, *, at: datetime = AT, accept: bool = True,
    subject: Subject | None = None, facts: dict[str, Any] | None = None, **plan: Any,
) -> Case:  # fmt: skip
    """An application at an office, accepted at once unless told otherwise."""
    actor = platform("test")
    case = actions.open_case(
        actor=actor, at=at, plan=make_plan(nodes, **plan), title={"zh": "出生一件事", "en": "Birth"}, source="person",
        pack="birth", subject=subject, facts=facts or {"name": "林晓"}, lead_office=office, place=office.place,
    )  # fmt: skip
    return actions.accept_case(actor=actor, at=at, case=case) if accept else case


INCIDENT = (
    node("guard", by={"anyone": True}, within={"minutes": 15}, stage="handle"),
    node(
        "repair", by={"crew": {"skill": "cover_repair", "of": "asset_owner"}}, within={"minutes": 120}, verify="other",
        stage="handle",
    ),
)  # fmt: skip


def open_incident(
    street: Street, nodes: Sequence[dict[str, Any]] = INCIDENT, *, at: datetime = AT, **fields: Any
) -> Case:
    """An incident that a rule opened in the street."""
    return actions.open_case(
        actor=platform("manholes"), at=at, plan=make_plan(nodes, "incident"), title={"zh": "井盖移位", "en": "Cover displaced"},
        source="rule", pack="manholes", place=street.place, point=(121.43, 31.22), level="red", **fields,
    )  # fmt: skip
