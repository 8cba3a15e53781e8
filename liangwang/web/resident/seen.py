"""谁看过我的数据: every act that touched the person's data, with who, what for and its place in the log."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.access import door, visible
from liangwang.base.models import AuditEntry, Office, Party
from liangwang.base.policy_words import word

PAGE = 50
ACTING = ("assisted", "proxy", "guardian")


def _act(verb: str, thing: str) -> str:
    """The act in words; making a certificate is issuing it."""
    lang = get_language() or "zh"
    said = _("签发") if (verb, thing) == ("create", "certificate") else word("verb", verb, lang)
    return f"{said[:1].upper()}{said[1:]} · {word('thing', thing, lang)}"


def purpose_word(purpose: str) -> str:
    return {"case": _("为办理您的办件"), "order": _("依应急命令"), "none": ""}.get(purpose, purpose)


@door("read", "audit")
def page(request: HttpRequest) -> HttpResponse:
    """The newest entries, older ones by `?after=<id>`; each names office, act, purpose and proof."""
    actor = request.actor  # type: ignore[attr-defined]
    rows = AuditEntry.objects.filter(subjects__subject=actor.for_subject_id, body__isnull=False)
    rows = visible(actor, "read", "audit", rows).order_by("-id")
    after = request.GET.get("after", "")
    if after.isdigit():
        rows = rows.filter(pk__lt=int(after))
    entries = list(rows[: PAGE + 1])
    more = entries[PAGE - 1].pk if len(entries) > PAGE else ""
    lines = _together(lines_of(entries[:PAGE], actor.party_ref))
    others = sum(line["times"] for line in lines if not line["own"])
    return render(
        request, "resident/seen.html", {"lines": lines, "others": others, "more": more, "after": after}
    )


def lines_of(entries: list[AuditEntry], me: str) -> list[dict[str, Any]]:
    """The entries in words, for whoever `me` (a party's ref) is: {at, own, who, what, why, idx, leaf}."""
    bodies = [json.loads(bytes(entry.body or b"{}")) for entry in entries]
    offices = dict(
        Office.objects.filter(key__in={b["office"] for b in bodies if b["office"]}).values_list("key", "name")
    )
    acting = [b["who"] for b in bodies if b["hat"] in ACTING]
    helpers = dict(Party.objects.filter(ref__in=acting).values_list("ref", "label"))
    return [
        {
            "at": entry.at,
            "own": body["who"] == me,
            "who": _who(body, offices, me, helpers),
            "what": _act(body["verb"], body["thing"]),
            "why": purpose_word(body["purpose"]),
            "idx": entry.idx,
            "leaf": bytes(entry.leaf).hex(),
        }
        for entry, body in zip(entries, bodies, strict=True)
    ]


def _together(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same act by the same hand again and again is one line with a count; every entry keeps its proof."""
    runs: list[dict[str, Any]] = []
    for line in lines:
        proof = {"idx": line["idx"], "leaf": line["leaf"], "at": line["at"]}
        last = runs[-1] if runs else None
        if last and (last["who"], last["what"], last["why"]) == (line["who"], line["what"], line["why"]):
            last["proofs"].append(proof)
            last["times"] += 1
        else:
            runs.append({**line, "times": 1, "proofs": [proof]})
    return runs


def _who(body: dict[str, Any], offices: dict[str, Any], me: str, helpers: dict[str, Any]) -> Any:
    """Who it was: a helper by name and office, an office, the system, oneself, or somebody connected."""
    if body["hat"] in ACTING and body["who"] in helpers and body["who"] != me:
        name, office = helpers[body["who"]], offices.get(body["office"], {})
        zh = f"{office.get('zh', '')} {name.get('zh', '')}（替您办）".strip()
        return {"zh": zh, "en": f"{office.get('en', '')} {name.get('en', '')} (acting for you)".strip()}
    if body["office"]:
        return offices.get(body["office"], body["office"])
    if body["hat"] == "anonymous":
        return {"zh": "没有登录的人", "en": "somebody who was not signed in"}
    if body["hat"] == "platform":
        return {"zh": "系统自动", "en": "automatic"}
    return (
        {"zh": "您本人", "en": "yourself"}
        if body["who"] == me
        else {"zh": "与您有关的人", "en": "a person connected to you"}
    )
