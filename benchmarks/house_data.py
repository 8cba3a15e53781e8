"""What the house benchmark needs in the demo city: an emergency order, codes, a gate, sessions, a machine's key."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from liangwang.base import clock
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Party, Person
from liangwang.base.transactions import write
from liangwang.hub import derive
from liangwang.services import code_tokens, codes, gate_list
from tests.hub import factories

KEY = "bench-key"
GATE = "bench-gate"
SIGNED = 3000
HANDLES = 20_000


def prepare() -> dict[str, Any]:
    """Puts the city under an order and judges everybody; returns what the load generator sends."""
    at = clock.now()
    with write():
        gate_list.open_gate(key=GATE, name={"zh": "测试门岗", "en": "bench gate"})
        issue_source_key(KEY, name="bench", office=Office.objects.order_by("id")[0], sources=["*"])
        factories.order(at=at, days=30, number="测试〔2026〕1号")
    derive.run(gate_list.STATUS_ATTRIBUTE, None, at)
    gate_list.write_state(at)
    return {
        "handles": [code_tokens.handle(pk, at) for pk in people(HANDLES)],
        "signed": [codes.mint(pk, "林晓", at).text for pk in people(SIGNED)],
        "sessions": {
            party.login_name: session_of(party) for party in Party.objects.filter(is_active=True)[:80]
        },
    }


def people(n: int) -> list[int]:
    return list(Person.objects.order_by("pk").values_list("pk", flat=True)[:n])


def session_of(party: Party) -> str:
    """A session as the demo login makes it."""
    session = SessionStore()
    session[SESSION_KEY] = str(party.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = party.get_session_auth_hash()
    session.save()
    return str(session.session_key)
