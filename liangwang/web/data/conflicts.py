"""Conflicts between sources: what each says, which value is preferred and why, the ticket, and the office's ruling."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.transactions import write
from liangwang.cases import queries as cases
from liangwang.hub import actions, queries

from .page import (
    PAGE_SIZE,
    actor_of,
    address,
    attribute_labels,
    department,
    departments,
    english,
    page,
    picked,
)
from .values import lettered, shown

ROLES = {"wins": "ok", "loses": "idle", "silent": "idle", "ruling": "brand"}


@door("read", "attribute")
def conflicts(request: HttpRequest) -> HttpResponse:
    """Open conflicts, oldest first, by attribute; the ones of an attribute beside each other as bars."""
    wanted, after = request.GET.get("attribute", ""), request.GET.get("after", "")
    counts = queries.open_conflicts()
    rows = queries.disagreements()
    if wanted:
        rows = rows.filter(attribute=wanted)
    last = queries.disagreement_by_ref(after) if after else None
    if last:
        rows = rows.filter(opened_at__gte=last.opened_at).exclude(opened_at=last.opened_at, pk__lte=last.pk)
    listed = list(rows[: PAGE_SIZE + 1])
    labels, offices, here = attribute_labels(), departments(), address(request)
    context = {
        "counts": _counts(request, counts, labels, wanted),
        "rows": [
            {
                "row": one,
                "label": labels.get(one.attribute, one.attribute),
                "office": offices.get(one.department, one.department),
                "said": len(one.said.get("for", [])) + len(one.said.get("against", [])),
            }
            for one in listed[:PAGE_SIZE]
        ],
        "wanted": wanted,
        "next_url": f"{here}{'&' if '?' in here else '?'}after={listed[PAGE_SIZE - 1].ref}"
        if len(listed) > PAGE_SIZE
        else "",
        "first_url": here if last else "",
    }
    return page(request, "data/conflicts.html", context)


def _counts(
    request: HttpRequest, counts: dict[str, int], labels: dict[str, Any], wanted: str
) -> list[dict[str, Any]]:
    most = max(counts.values(), default=1)
    return [
        {
            "label": labels.get(name, name),
            "count": count,
            "width": round(count * 100 / most, 1),
            "href": address(request, attribute="" if name == wanted else name),
            "here": name == wanted,
        }
        for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


@door("read", "disagreement", of=queries.disagreement_by_ref)
def conflict(request: HttpRequest, disagreement: Any) -> HttpResponse:
    """One conflict."""
    return _shown(request, disagreement)


@door(None, "disagreement", post="handle", of=queries.disagreement_by_ref)
def rule(request: HttpRequest, disagreement: Any) -> HttpResponse:
    """The source office says which statement is right, and why."""
    batch, _sep, row = request.POST.get("statement", "").partition("-")
    reason = request.POST.get("reason", "")
    if not (batch.isdigit() and row.isdigit()):
        return _shown(request, disagreement, error=_("请先选一条说法"), reason=reason, status=422)
    try:
        with write():
            actions.rule_disagreement(
                disagreement,
                batch=int(batch),
                row=int(row),
                reason=reason,
                actor=actor_of(request),
                at=clock.now(),
            )
    except Refusal as refused:
        said = refused.message("en" if english() else "zh")
        return _shown(request, disagreement, error=said, reason=reason, status=refused.status)
    messages.success(request, _("已认定，各处按这个值用"))
    return HttpResponseRedirect(reverse("data-conflict", args=[disagreement.ref]))


def _shown(
    request: HttpRequest, disagreement: Any, *, error: str = "", reason: str = "", status: int = 200
) -> HttpResponse:
    now = clock.now()
    rules_here = actor_of(request).department == disagreement.department
    found = queries.lineage_behind(disagreement.subject_id, disagreement.attribute, disagreement.pack)
    said = found["statements"]
    letters = lettered(said, english=english())
    ticket = cases.ticket_of(disagreement.ref)
    context = {
        "disagreement": disagreement,
        "label": picked(attribute_labels().get(disagreement.attribute)) or disagreement.attribute,
        "office": department(disagreement.department) if disagreement.department else None,
        "statements": [_statement(one, letters, disagreement, whole=rules_here) for one in said],
        "why": why_word(found["rule"], found["office"]),
        "votes": _votes(said, letters),
        "ticket": ticket,
        "clock": cases.clock(ticket, now) if ticket else None,
        "task": ticket.tasks.order_by("id").first() if ticket else None,
        "now": now,
        "rules_here": rules_here and disagreement.ended_at is None,
        "rulings": list(queries.rulings(disagreement)),
        "error": error,
        "reason": reason,
    }
    return page(request, "data/conflict.html", context, status)


def _statement(
    one: dict[str, Any], letters: dict[Any, str], disagreement: Any, *, whole: bool
) -> dict[str, Any]:
    offices = departments()
    return {
        **one,
        "letter": letters[one["value"]],
        "text": shown(disagreement.attribute, one["value"], whole=whole),
        "office": offices.get(one["office"], one["office"]),
        "role": (ROLES[one["role"]], role_word(one["role"])),
        "preferred": one["role"] in {"wins", "ruling"},
    }


def role_word(role: str) -> str:
    """What became of one statement, in words."""
    return {
        "wins": _("暂取"),
        "loses": _("未取"),
        "silent": _("同一单位另有更新的说法"),
        "ruling": _("部门认定"),
    }[role]


def why_word(rule: str, office: str | None) -> str:
    """Why one value is preferred: the attribute's rule in a sentence."""
    return {
        "office": _("先听数源部门“%(office)s”的；它没有说法时，取多数来源一致的值。"),
        "newest": _("取发生时间最近的说法。"),
        "agreement": _("按来源的可信权重取多数；一样多时取较新的。"),
    }[rule] % {"office": picked(department(office)) if office else ""}


def _votes(said: list[dict[str, Any]], letters: dict[Any, str]) -> list[dict[str, Any]]:
    """How many statements stand for each value, for the bar on top."""
    counts: dict[str, int] = {}
    for one in said:
        if one["role"] != "silent":
            counts[letters[one["value"]]] = counts.get(letters[one["value"]], 0) + 1
    total = sum(counts.values()) or 1
    start, found = 0.0, []
    for name, count in counts.items():
        width = count * 100 / total
        found.append({"letter": name, "count": count, "x": round(start, 2), "width": round(width, 2)})
        start += width
    return found
