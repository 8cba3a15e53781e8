"""Governing, for those who look: the audit log with its signatures, and the policy table, both in words."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from liangwang.base import access, audit, clock
from liangwang.base.access import door, policy
from liangwang.base.hats import platform
from liangwang.base.labels import Label, pick
from liangwang.base.models import AuditEntry, Checkpoint, Office, Party
from liangwang.base.policy_words import ATTRIBUTE_WORDS, word
from liangwang.base.sequencer import COSIGN_WITHIN, silent_witnesses

from .decision import lang_now
from .pages import page

LISTED = 100
LEVELS: dict[str, Label] = {
    "city": {"zh": "市", "en": "city"},
    "district": {"zh": "区", "en": "district"},
    "street": {"zh": "街镇", "en": "street"},
}


@door("open", "audit")
def audit_log(request: HttpRequest) -> HttpResponse:
    """The newest acts with their place in the log, the newest signed checkpoint, and who has not cosigned for long."""
    rows = AuditEntry.objects.order_by("-id")
    after = request.GET.get("after", "")
    if after.isdigit():
        rows = rows.filter(id__lt=int(after))
    listed = list(rows[: LISTED + 1])
    context = {
        "entries": _told(listed[:LISTED]),
        "checkpoint": Checkpoint.objects.order_by("-size").first(),
        "silent": [LEVELS[level] for level in silent_witnesses(clock.now())],
        "hours": round(COSIGN_WITHIN.total_seconds() / 3600),
        "total": AuditEntry.objects.count(),
        "next_url": f"?after={listed[LISTED - 1].pk}" if len(listed) > LISTED else "",
        "first_url": request.path if after else "",
    }
    return page(request, "staff/audit.html", context)


def _told(entries: list[AuditEntry]) -> list[dict[str, Any]]:
    """Entries in words. Posts are shown by name, for they act for the city; people are not: their refs stay refs."""
    bodies = [audit.body_of(entry) for entry in entries]
    known = [body for body in bodies if body]
    offices = dict(Office.objects.filter(key__in={b["office"] for b in known}).values_list("key", "name"))
    posts = {b["who"] for b in known if b["hat"] == "post"}
    names = dict(Party.objects.filter(ref__in=posts).values_list("ref", "label"))
    lang = lang_now()
    return [
        {"entry": entry, "said": _said(body, offices, names, lang) if body else None}
        for entry, body in zip(entries, bodies, strict=True)
    ]


def _said(
    body: dict[str, Any], offices: dict[str, Label], names: dict[str, Label], lang: str
) -> dict[str, str]:
    who, office = body["who"], body["office"]
    kind, _, pack = who.partition(":")
    label = platform(pack).label if kind == "platform" else names.get(who)
    return {
        "who": pick(label, lang) if label else who,
        "role": word("role", body["role"], lang),
        "office": pick(offices.get(office), lang) or office,
        "verb": word("verb", body["verb"], lang),
        "thing": word("thing", body["thing"], lang),
        "purpose": word("purpose", body["purpose"], lang) if body["purpose"] != "none" else "",
    }


@door("open", "policy")
def policy_table(request: HttpRequest) -> HttpResponse:
    """Every row of the policy with its basis: what no row permits is not allowed."""
    lang = lang_now()
    rows = [
        {
            "number": row.number,
            "effect": row.effect,
            "cells": [_cell(name, row.cells.get(name, frozenset()), lang) for name in access.ATTRIBUTES],
            "basis": row.basis,
        }
        for row in policy()
    ]
    columns = [pick(ATTRIBUTE_WORDS[name], lang) for name in access.ATTRIBUTES]
    return page(request, "staff/policy.html", {"rows": rows, "columns": columns})


def _cell(attribute: str, values: frozenset[str], lang: str) -> str:
    """The values of one cell in the order of the domain; all of them is a star."""
    joined = "、" if lang.startswith("zh") else ", "
    return joined.join(word(attribute, v, lang) for v in access.ATTRIBUTES[attribute] if v in values) or "*"
