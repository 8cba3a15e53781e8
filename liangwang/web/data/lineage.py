"""Where a value comes from and where a row went, as a picture both ways; rows are withdrawn from here."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import audit, clock
from liangwang.base.access import Thing, door, require
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.models import Subject
from liangwang.base.subjects import subject_by_ref
from liangwang.base.transactions import write
from liangwang.hub import actions, queries

from .attributes import labels as rule_labels
from .attributes import verdict_kind, verdict_word
from .conflicts import ROLES, role_word, why_word
from .page import actor_of, attribute_labels, department, departments, english, page, picked, source_labels
from .values import lettered, shown

LANE = 100  # units of height of one lane in the connecting curves
STATE_KINDS = {"verified": "ok", "majority": "info", "single": "idle", "conflict": "watch"}

WEIGHT = ("ruling", "wins", "loses", "silent")  # what stands comes before what it stands against


def state_word(state: str | None) -> str:
    """How sure a settled value is, in words."""
    return {
        "verified": _("多源一致"),
        "single": _("只有一源"),
        "majority": _("多数一致"),
        "conflict": _("来源不一致"),
    }.get(state or "", _("没有值"))


@door("read", "attribute")
def lineage(request: HttpRequest) -> HttpResponse:
    """A value back to its rows (`?subject=&attribute=`), or a row on to its answers (`?batch=&row=`)."""
    given = {
        name: request.GET.get(name, "").strip() for name in ("subject", "attribute", "pack", "batch", "row")
    }
    context: dict[str, Any] = {"given": given, "choices": _choices(), "error": ""}
    status = 200
    try:
        if given["subject"] and given["attribute"]:
            context["back"] = _back(request, given["subject"], given["attribute"], given["pack"])
        elif given["batch"]:
            context["forth"] = _forth(request, given["batch"], given["row"])
        else:
            context["begin"] = _beginnings()
    except NotFound:
        context["error"], status = _("没有找到；请核对编号"), 404
    return page(request, "data/lineage.html", context, status)


def _choices() -> list[tuple[str, str]]:
    """The attributes that some source says something of."""
    said = {
        column.says
        for one in queries.declared_sources()
        for column in one.value.columns.values()
        if column.says
    }
    return [(key, picked(label)) for key, label in attribute_labels().items() if key in said]


def _beginnings() -> dict[str, Any]:
    """Where to begin without a number at hand: the oldest open conflicts, the newest batches."""
    attributes, sources = attribute_labels(), source_labels()
    return {
        "conflicts": [
            (one, picked(attributes.get(one.attribute)) or one.attribute)
            for one in queries.disagreements()[:6]
        ],
        "batches": [
            (one, picked(sources.get(f"{one.pack}:{one.source}")) or one.source)
            for one in queries.batches().filter(state="loaded")[:6]
        ],
    }


def connectors(count: int) -> dict[str, Any]:
    """Curves from one node in the middle of the left side to each of `count` lanes on the right."""
    middle = count * LANE / 2
    paths = []
    for i in range(count):
        y = i * LANE + LANE / 2
        paths.append(f"M0 {middle:g}C30 {middle:g} 10 {y:g} 40 {y:g}")
    return {"paths": paths, "height": max(count, 1) * LANE}


# --- back: from a value to its rows --------------------------------------------------------------------


def _look(request: HttpRequest, thing: Thing) -> None:
    """Asks the policy and writes the look into the log of those it is about."""
    actor = actor_of(request)
    require(actor, "read", thing)
    with write():
        audit.record(actor, "read", thing, at=clock.now())


def _back(request: HttpRequest, ref: str, attribute: str, pack: str) -> dict[str, Any]:
    """The value in the middle of nothing but its statements: which won, which lost, from which rows.

    An emergency pack weighs what it was told by itself: its value is another than the routine one.
    """
    subject: Subject = subject_by_ref(ref)
    _look(request, Thing(kind="attribute", ref=attribute, subject_ids=frozenset({subject.pk})))
    found = queries.lineage_behind(subject.pk, attribute, pack)
    said = sorted(
        found["statements"], key=lambda one: WEIGHT.index(one["role"])
    )  # each kind stays newest first
    letters = lettered(said, english=english())
    offices = departments()
    return {
        "subject": subject,
        "emergency": found["pack"] != "",
        "label": picked(attribute_labels().get(attribute)) or attribute,
        "value": shown(attribute, found["value"]),
        "state": (STATE_KINDS.get(found["state"] or "", "idle"), state_word(found["state"])),
        "since": found["since"],
        "why": why_word(found["rule"], found["office"]),
        "office": department(found["office"]) if found["office"] else None,
        "lanes": [
            {
                **one,
                "letter": letters[one["value"]],
                "text": shown(attribute, one["value"]),
                "office": offices.get(one["office"], one["office"]),
                "role": (ROLES[one["role"]], role_word(one["role"])),
            }
            for one in said
        ],
        "connectors": connectors(len(said)),
        "disagreements": list(found["disagreements"][:5]),
    }


# --- forth: from a row to its answers ------------------------------------------------------------------


def _forth(request: HttpRequest, ref: str, text: str) -> dict[str, Any]:
    batch = queries.batch_by_ref(ref)
    if batch is None:
        raise NotFound
    require(actor_of(request), "read", Thing(kind="batch", ref=batch.ref))
    label = source_labels().get(f"{batch.pack}:{batch.source}") or batch.source
    context = {"batch": batch, "label": label, "recalls": list(queries.recalls(batch)[:20])}
    if not text.isdigit():
        return {**context, "row": None, "people": len(actions.subjects_of(batch))}
    row = int(text)
    found = queries.lineage_used_by(batch, row)
    if found["subjects"]:
        _look(request, Thing(kind="attribute", ref="", subject_ids=frozenset(found["subjects"])))
    return {**context, "row": row, **_went(found)}


def _went(found: dict[str, Any]) -> dict[str, Any]:
    """Where a row went, for the picture: values, derived verdicts and answers, each with its words."""
    attributes, offices = attribute_labels(), departments()
    subjects = dict(Subject.objects.filter(pk__in=found["subjects"]).values_list("pk", "ref"))
    values = [
        {
            **one,
            "label": picked(attributes.get(one["attribute"])) or one["attribute"],
            "subject": subjects.get(one["subject_id"], ""),
            "kind": STATE_KINDS.get(one["state"], "idle"),
            "word": state_word(one["state"]),
            "role": role_word(one["role"]),
        }
        for one in _newest(found["values"])
    ]
    rules = rule_labels()
    derived = []
    for one in found["derived"][:6]:
        label, verdicts = rules.get(one["name"], (None, {}))
        derived.append(
            {
                **one,
                "label": picked(label) or one["name"],
                "word": verdict_word(one["value"], verdicts) if one["value"] else "",
                "kind": verdict_kind(one["value"]) if one["value"] else "idle",
            }
        )
    answers = [
        {**one, "office": picked(offices.get(str(one.get("office")))) or one.get("office") or ""}
        for one in found["answers"][:20]
    ]
    return {
        "people": len(found["subjects"]),
        "subjects": [ref[:8] for ref in subjects.values()],
        "values": values,
        "derived": derived,
        "derived_total": len(found["derived"]),
        "answers": answers,
        "answers_total": len(found["answers"]),
        "connectors": connectors(len(values)),
    }


def _newest(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each value the newest version only, the routine one before an emergency pack's: they say the same of the row."""
    seen: set[tuple[int, str]] = set()
    found = []
    for one in sorted(values, key=lambda value: value["pack"] != ""):
        key = (one["subject_id"], one["attribute"])
        if key not in seen:
            seen.add(key)
            found.append(one)
    return found


# --- recall --------------------------------------------------------------------------------------------


@door(None, "batch", post="update", of=queries.batch_by_ref)
def recall(request: HttpRequest, batch: Any) -> HttpResponse:
    """Withdraws one row or the whole batch, for a reason; whoever is touched is settled and judged anew."""
    text = request.POST.get("row", "")
    rows = [int(text)] if text.isdigit() else None
    try:
        with write():
            actions.recall_rows(
                batch, rows, reason=request.POST.get("reason", ""), actor=actor_of(request), at=clock.now()
            )
    except Refusal as refused:
        messages.error(request, refused.message("en" if english() else "zh"))
    else:
        messages.success(request, _("已撤回，用到它的值和答复正在重算"))
    return HttpResponseRedirect(_address(batch.ref, text))


@door(None, "batch", post="update")
def undo_recall(request: HttpRequest, ref: str) -> HttpResponse:
    """Lets withdrawn rows count again."""
    made = queries.recall_by_ref(ref)
    if made is None:
        raise NotFound
    try:
        with write():
            actions.undo_recall(made, actor=actor_of(request), at=clock.now())
    except Refusal as refused:
        messages.error(request, refused.message("en" if english() else "zh"))
    else:
        messages.success(request, _("已恢复，正在重算"))
    return HttpResponseRedirect(_address(made.batch.ref, str(made.rows[0]) if made.rows else ""))


def _address(ref: str, row: str) -> str:
    found = f"{reverse('data-lineage')}?batch={ref}"
    return f"{found}&row={row}" if row.isdigit() else found
