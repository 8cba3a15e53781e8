"""One small city and a sample of every kind of thing, for the tests that ask who may do what.

A new kind of thing gets a line in SAMPLES: a function (where, office, subject) -> saved object.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from liangwang.base.models import (
    AuditEntry,
    AuditSubject,
    Company,
    CompanyRole,
    Guardian,
    Mandate,
    Notice,
    Office,
    Party,
    Person,
    Place,
    Post,
    SourceKey,
    StoredFile,
    Subject,
)
from liangwang.base.subjects import new_subject, register_person
from liangwang.cases.call_models import Call
from liangwang.cases.models import Case, Plan, Task
from liangwang.cases.numbers import case_number
from liangwang.hub.models import AttributeVersion, Batch, Disagreement, LinkReview, Order
from liangwang.hub.sources import sources
from liangwang.operations.models import Asset, Datastream, Report
from liangwang.services.models import Certificate, Draft, ItemVersion
from liangwang.services.models_counter import Handover, Visit

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
CITY, DISTRICT, SIBLING = "90", "900101", "900102"
STREET, OTHER_STREET, SIBLING_STREET = "900101001", "900101002", "900102001"
COMMITTEE = "900101001001"
LEVELS = {2: "city", 6: "district", 9: "street", 12: "neighbourhood"}
_serial = count(1)


def place(code: str) -> Place:
    """The place with this code, its parents too."""
    known = Place.objects.filter(code=code).first()
    if known:
        return known
    parent = next((code[:n] for n in (9, 6, 2) if n < len(code)), None)
    level = LEVELS[len(code)]
    kind = "residents_committee" if level == "neighbourhood" else level
    return Place.objects.create(
        subject=new_subject("place", at=AT),
        code=code,
        kind=kind,
        level=level,
        parent=place(parent) if parent else None,
        name={"zh": f"地{code}", "en": code},
        lon=122.5,
        lat=30.5,
    )


def office(
    code: str = STREET, department: str = "subdistrict", key: str = "", kind: str = "department"
) -> Office:
    """An office of a department in a place; the same key gives the same office."""
    key = key or f"{department}-{code}"
    where = place(code)
    level = where.level if where.level != "neighbourhood" else "street"
    return Office.objects.get_or_create(
        key=key,
        defaults={
            "name": {"zh": key, "en": key},
            "department": department,
            "kind": kind,
            "level": level,
            "place": where,
            "lon": where.lon,
            "lat": where.lat,
        },
    )[0]


def person(home: str | None = STREET, name: str = "林晓") -> Person:
    """A person who lives somewhere."""
    where = place(home) if home else None
    return register_person(at=AT, name=name, sex="f", birth_on=date(1990, 1, 1), home=where)


def party(subject: Subject | None = None) -> Party:
    """A login, of a person where one is given."""
    n = next(_serial)
    return Party.objects.create(
        login_name=f"party-{n}", subject=subject, label={"zh": f"某{n}", "en": f"P{n}"}
    )


def post(role: str, where: Office) -> Post:
    """A post with a party of its own."""
    return Post.objects.create(party=party(), office=where, role=role)


def company(where: str = STREET, director: Person | None = None) -> Company:
    """A company, with its legal person where one is given."""
    n = next(_serial)
    made = Company.objects.create(
        subject=new_subject("company", at=AT),
        name=f"公司{n}",
        credit_code=f"91310199{n:010d}",
        place=place(where),
    )
    if director:
        CompanyRole.objects.create(company=made.subject, person=director.subject)
    return made


def guardian(of: Subject, by: Person) -> Guardian:
    return Guardian.objects.create(guardian=by.subject, ward=of, since=AT)


def mandate(giver: Subject, taker: Party, days: int = 30) -> Mandate:
    """A mandate for everything, from a day ago."""
    ends = datetime.now(UTC) + timedelta(days=days)
    starts = datetime.now(UTC) - timedelta(days=1)
    return Mandate.objects.create(giver=giver, taker=taker, scope=["*"], starts_at=starts, ends_at=ends)


def source_key(bearer: str, where: Office) -> SourceKey:
    digest = hashlib.sha256(bearer.encode()).hexdigest()
    return SourceKey.objects.create(
        key_hash=digest, name=f"source-{next(_serial)}", office=where, sources=["*"]
    )


# ---- one sample of each kind of thing


@dataclass(frozen=True)
class About:
    """What a sample is about: where it lies, which office has it, whose it is; each may be None."""

    where: Place | None
    office: Office | None
    subject: Subject | None


def plan(kind: str) -> Plan:
    node = {"key": "decide", "label": {"zh": "办", "en": "do"}, "by": {"department": "subdistrict"}}
    body = {"key": f"a:{kind}", "kind": kind, "label": {"zh": "计划", "en": "plan"}, "nodes": [node]}
    digest = hashlib.sha256(kind.encode()).hexdigest()
    return Plan.objects.get_or_create(
        hash=digest, defaults={"kind": kind, "key": f"a:{kind}", "body": body, "created_at": AT}
    )[0]


def case(kind: str, about: About, **fields: Any) -> Case:
    """A case of a kind, led by the office."""
    return Case.objects.create(
        number=case_number("TE", AT, next(_serial)),
        kind=kind,
        plan=plan(kind),
        subject=about.subject,
        title={"zh": "件", "en": "case"},
        place=about.where,
        source="person",
        pack="a",
        lead_office=about.office,
        opened_at=AT,
        **fields,
    )


def task(about: About, kind: str = "incident") -> Task:
    """A task with the office, in a case that another office leads."""
    led = case(kind, About(about.where, None, about.subject))
    return Task.objects.create(
        case=led,
        node="decide",
        label={"zh": "办", "en": "do"},
        by={"department": "subdistrict"},
        office=about.office,
        state="assigned",
        ready_at=AT,
    )


def draft(about: About) -> Draft:
    version, _ = ItemVersion.objects.get_or_create(
        key="a:item", hash="0" * 64, defaults={"body": {"key": "a:item"}, "published_at": AT}
    )
    owner = about.subject or person(None).subject
    return Draft.objects.create(
        version=version, key="a:item", applicant=owner, place=about.where, created_at=AT, updated_at=AT
    )


def certificate(about: About) -> Certificate:
    return Certificate.objects.create(
        number=f"C{next(_serial)}",
        type="identity_card",
        subject=about.subject or person(None).subject,
        role="applicant",
        node="decide",
        office=about.office or office(about.where.code if about.where else CITY),
        body={},
        signed="",
        issued_at=AT,
    )


def asset(about: About) -> Asset:
    where = about.where or place(CITY)
    n = next(_serial)
    return Asset.objects.create(
        subject=new_subject("thing", at=AT),
        pack="manholes",
        key=f"M{n}",
        kind="cover",
        owner="rain",
        label={"zh": "井盖", "en": "cover"},
        place=where,
        lon=122.5,
        lat=30.5,
        h3_9=1,
    )


def reading(about: About) -> Datastream:
    """A datastream of an asset there."""
    thing = asset(about)
    return Datastream.objects.create(
        asset=thing, pack="manholes", source="covers", quantity="tilt", key=f"{thing.key}.tilt"
    )


def batch(about: About) -> Batch:
    n = next(_serial)
    digest = hashlib.sha256(str(n).encode()).hexdigest()
    pack, _, source = next((one.ref for one in sources()), "a:s").partition(":")
    return Batch.objects.create(
        pack=pack, source=source, office=about.office, content_hash=digest, bytes=1, received_at=AT
    )


def review(about: About) -> LinkReview:
    left, right = about.subject or new_subject("person", at=AT), new_subject("person", at=AT)
    return LinkReview.objects.create(pack="", left=left, right=right, score=0.5, model="m", opened_at=AT)


def order(about: About) -> Order:
    return Order.objects.create(
        place=about.where,
        number=f"O{next(_serial)}",
        title={"zh": "令", "en": "order"},
        basis="演示",
        packs=[],
        starts_at=AT,
        ends_at=AT + timedelta(days=30),
        proposed_at=AT,
    )


def notice(about: About) -> Notice:
    """A notice to the subject, or else to the office."""
    to_office = None if about.subject else about.office
    return Notice.objects.create(
        subject=about.subject,
        office=to_office,
        template="test",
        title={"zh": "通知", "en": "notice"},
        body={"zh": "内容", "en": "text"},
        at=AT,
        key=f"n{next(_serial)}",
    )


def audit_entry(about: About) -> AuditEntry:
    entry = AuditEntry.objects.create(
        at=AT, body=b"{}", salt=b"0" * 16, leaf=next(_serial).to_bytes(32, "big")
    )
    if about.subject:
        AuditSubject.objects.create(entry=entry, subject=about.subject)
    return entry


def stored_file(about: About) -> StoredFile:
    """A file that the subject has handed in, or else someone of the office."""
    by = (
        party(about.subject) if about.subject else post("clerk", about.office).party if about.office else None
    )
    return StoredFile.objects.create(
        sha256="0" * 64, size=1, media_type="text/plain", name="a.txt", created_at=AT, uploaded_by=by
    )


def visit(about: About) -> Visit:
    """The subject stands at a counter of the office."""
    at_office = about.office or office(about.where.code if about.where else CITY)
    subject = about.subject or person(None).subject
    at_post = post("counter", at_office)
    return Visit.objects.create(
        subject=subject, post=at_post, office=at_office, found_by="identity", opened_at=AT
    )


def call(about: About) -> Call:
    """What the office is asked to check for a case, about the subject."""
    at_office = about.office or office(about.where.code if about.where else CITY)
    return Call.objects.create(
        case=case("application", about), call="a:a", label={"zh": "核实", "en": "Check"}, way="check", office=at_office,
        subject=about.subject, asked_at=AT,
    )  # fmt: skip


def handover(about: About) -> Handover:
    """Paper on its way to the office from a counter elsewhere."""
    to_office = about.office or office(about.where.code if about.where else CITY)
    origin = office(OTHER_STREET, "subdistrict", "counter-elsewhere", "counter")
    by = post("counter", origin)
    return Handover.objects.create(
        number=f"JJ{next(_serial)}", from_office=origin, to_office=to_office, packed_at=AT, packed_by=by
    )


def report(about: About) -> Report:
    """What the subject has reported of something in a place."""
    where = about.where or place(CITY)
    return Report.objects.create(
        case=case("incident", About(where, about.office, None)),
        kind="a:a",
        sort="help",
        subject=about.subject,
        channel="app",
        place=where,
        lon=121.4,
        lat=31.2,
        at=AT,
    )


def _person(about: About) -> Person:
    if about.subject and Person.objects.filter(pk=about.subject.pk).exists():
        return Person.objects.get(pk=about.subject.pk)
    return person(about.where.code if about.where else None)


Make = Callable[[About], Any]
SAMPLES: dict[str, Make] = {
    "visit": visit,
    "call": call,
    "handover": handover,
    "report": report,
    "person": _person,
    "company": lambda about: company(about.where.code if about.where else CITY),
    "notice": notice,
    "audit": audit_entry,
    "file": stored_file,
    "application": lambda about: case("application", about),
    "incident": lambda about: case("incident", about),
    "ticket": lambda about: case("ticket", about),
    "application_task": lambda about: task(about, "application"),
    "incident_task": task,
    "ticket_task": lambda about: task(about, "ticket"),
    "draft": draft,
    "certificate": certificate,
    "asset": asset,
    "reading": reading,
    "board": lambda about: about.where or place(CITY),
    "batch": batch,
    "review": review,
    "attribute": lambda about: AttributeVersion.objects.create(
        name="a", version=f"v{next(_serial)}", rule_hash="0" * 64, at=AT, changed=0, counts={}
    ),
    "disagreement": lambda about: Disagreement.objects.create(
        subject=about.subject or person(None).subject,
        attribute=f"birth_date{next(_serial)}",  # of one subject and attribute only one is open
        said={},
        department=about.office.department if about.office else "",
        opened_at=AT,
    ),
    "order": order,
}


def sample(kind: str, about: About) -> Any:
    """One thing of a kind; fails with what to add for a kind that is not known here."""
    if kind not in SAMPLES:
        raise LookupError(f"tests/factories.py: add SAMPLES[{kind!r}] = a function (About) -> saved object")
    return SAMPLES[kind](about)
