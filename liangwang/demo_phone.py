"""The phones of the demo day's applicants: seeded mothers, signed in, using the public API."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore

from liangwang.base import clock
from liangwang.base.models import Guardian, Party, Person
from liangwang.base.places import city_settings
from liangwang.base.subjects import unseal_field
from liangwang.base.working_days import local_day

from .demo_applicant import Applicant, multipart
from .demo_http import ORIGIN, called


class AppPhone:
    """A resident's app: the public API under her own session, as a browser on this machine would use it."""

    def __init__(self, session_key: str) -> None:
        self.session_key = session_key

    @classmethod
    def of(cls, person_id: int, at: datetime) -> tuple["AppPhone", Applicant]:
        """The phone of a seeded mother who is signed in, and what she knows by heart."""
        person = Person.objects.select_related("subject").get(pk=person_id)
        child = Person.objects.filter(subject__guardians__guardian_id=person_id).latest("birth_on")
        party, _ = Party.objects.get_or_create(
            login_name=f"demo-{person.subject.ref}",
            defaults={
                "subject": person.subject,
                "label": {"zh": person.name, "en": person.name},
                "password": make_password(None),
            },
        )
        session = SessionStore()
        session[SESSION_KEY], session[BACKEND_SESSION_KEY] = (
            str(party.pk),
            settings.AUTHENTICATION_BACKENDS[0],
        )
        session[HASH_SESSION_KEY] = party.get_session_auth_hash()
        session["hat"] = "self"
        session.set_expiry(3600)
        session.create()
        who = Applicant(
            name=person.name,
            identity=unseal_field(person, "identity") or "",
            phone=unseal_field(person, "phone") or "",
            address=unseal_field(person, "address") or "",
            child=child.name,
            child_sex=child.sex,
            child_born=child.birth_on.isoformat(),
        )
        return cls(session.session_key or ""), who

    def read(self, path: str) -> dict[str, Any]:
        return self._call(path, None, {})

    def post(self, path: str, body: object, *, key: str = "") -> dict[str, Any]:
        sent = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self._call(path, sent, headers)

    def upload(self, path: str, name: str, content: bytes) -> dict[str, Any]:
        sent, kind = multipart(name, content)
        return self._call(path, sent, {"Content-Type": kind})

    def _call(self, path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        cookie = f"{settings.SESSION_COOKIE_NAME}={self.session_key}"
        return called(path, body, {"Cookie": cookie, "Origin": ORIGIN, **headers})


def applicants(most: int) -> list[int]:
    """Seeded mothers of the demo district whose youngest child is under three: subject ids."""
    home = city_settings(settings.CITY_DIR)["demo"]["street"][:6]
    babies = Person.objects.filter(demo=True, birth_on__gt=local_day(clock.now()) - timedelta(days=3 * 365))
    mothers = Guardian.objects.filter(
        ward__person__in=babies, guardian__person__sex="f", guardian__person__home__code__startswith=home
    )
    return list(mothers.order_by("id").values_list("guardian_id", flat=True)[:most])
