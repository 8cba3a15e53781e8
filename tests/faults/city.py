"""Run inside a house (`House.do`): the small city with covers that report, a machine's key, and a committee worker's session."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Count

from liangwang.base.hats import issue_source_key
from liangwang.base.models import Effect, Guardian, Office, Party, Place, Post
from liangwang.base.subjects import register_person
from liangwang.cases.models import Case
from liangwang.demo_phone import AppPhone
from liangwang.operations.actions import NewAsset, register_assets
from liangwang.operations.models import Datastream, Signal
from liangwang.operations.readings_log import READINGS, Reader, unpacked
from liangwang.services.models import Submission
from tests.hub.factories import identity_number, phone_number
from tests.operations.factories import STREET, load_city

KEY = "fault-test-key"


def prepare(covers: int, mothers: int = 0) -> dict[str, Any]:
    """Loads the city; returns the session of someone who may report, and the phones of mothers who may apply."""
    at = datetime.now(UTC)
    street = load_city()
    rows = [
        NewAsset(
            key=f"F{n}", kind="cover", lon=street.lon + n * 1e-5, lat=street.lat, owner="rain", place=street
        )
        for n in range(covers)
    ]
    register_assets("manholes", rows, at=at)
    office = Office.objects.filter(place=street).order_by("id")[0]
    issue_source_key(KEY, name="fault-test", office=office, sources=["*"])
    party = Party.objects.create_user("fault-test", "x")
    Post.objects.create(party=party, office=office, role="committee")
    session = SessionStore()
    session[SESSION_KEY] = str(party.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = party.get_session_auth_hash()
    session.save()
    places = Place.objects.filter(code__startswith=STREET, level="neighbourhood").order_by("code")
    return {
        "session": session.session_key,
        "place": places[0].code,
        "phones": [phone_of(n, places[0], at) for n in range(mothers)],
    }


def phone_of(n: int, home: Place, at: datetime) -> tuple[str, tuple[str, ...]]:
    """A mother with a child, signed in: her session and what she knows by heart."""
    mother = register_person(
        at=at,
        name="林晓",
        sex="f",
        birth_on=date(1990, 5, 15),
        identity=identity_number(n),
        phone=phone_number(n),
        address="江苏路 1 弄 1 号",
        home=home,
    )
    born = (at - timedelta(days=40)).date()
    child = register_person(at=at, name="林安", sex="m", birth_on=born, home=home)
    Guardian.objects.create(guardian=mother.subject, ward=child.subject, since=at)
    phone, who = AppPhone.of(mother.pk, at)
    return phone.session_key, tuple(who)


def outcome() -> dict[str, Any]:
    """What the house holds now, as far as the test compares it with what was acknowledged."""
    from django.conf import settings

    ids = dict(Datastream.objects.values_list("id", "key"))
    stored = set()
    for record in Reader(settings.DATA / "readings").read():
        if record.kind == READINGS:
            batch, _received = unpacked(record.payload)
            stored |= {
                (ids[int(d)], int(a), int(s))
                for d, a, s in zip(batch.datastream, batch.at, batch.seq, strict=True)
            }
    reports = Case.objects.filter(source="report")
    effects = dict(Effect.objects.values_list("state").annotate(Count("id")))
    return {
        "readings": sorted(stored),
        "signals": list(Signal.objects.values_list("asset__key", flat=True).order_by("asset__key")),
        "by_rule": list(Case.objects.filter(source="rule").values_list("key", flat=True)),
        "reports": list(reports.values_list("number", flat=True)),
        "applications": list(Submission.objects.order_by("id").values_list("case__number", flat=True)),
        "effects": effects,
    }
