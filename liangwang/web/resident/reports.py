"""随手报: what a person reports from the phone, and how it goes on: where it stands, who else reported it, the own rating."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from liangwang.base import clock, files
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.models import Place, StoredFile
from liangwang.base.transactions import write
from liangwang.cases import actions as case_actions
from liangwang.cases import history, queries
from liangwang.operations import actions, after_action, contacts, kinds, reporting, reports
from liangwang.operations.report_clock import clock_of

from ..shared.stored import file_answer
from ..shared.told import told

STEPS = (
    ("report", gettext_lazy("已上报")),
    ("file", gettext_lazy("已受理")),
    ("handle", gettext_lazy("处置中")),
    ("verify", gettext_lazy("已核查")),
    ("close", gettext_lazy("已结案")),
)
STEP_OF = {
    **dict.fromkeys(("report", "confirm"), 0),
    **dict.fromkeys(("accept", "file", "dispatch"), 1),
    **dict.fromkeys(("handle", "feedback"), 2),
    "verify": 3,
    **dict.fromkeys(("close", "rate"), 4),
}


def report_of(ref: str) -> Any:
    return reports.report_by_ref(ref)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


@door("create", "incident")
def mine(request: HttpRequest) -> HttpResponse:
    """What this person has reported, the newest first."""
    rows = [
        {"it": row, "step": _step(row), "kind": _label(row.kind)} for row in reports.mine(_actor(request))
    ]
    return render(request, "resident/reports.html", {"rows": rows})


def _label(kind: str) -> Any:
    try:
        return kinds.kind_named(kind).value.label
    except kinds.UnknownKind:  # a pack may have left since
        return {"zh": kind, "en": kind}


def _step(row: Any) -> tuple[str, str]:
    """Status and word of where it stands."""
    state = row.case.state
    if state == "refused":
        return "idle", _("没有立案")
    if state == "closed":
        return "ok", _("已办好")
    return ("brand", _("办理中")) if state == "accepted" else ("info", _("待核实"))


@door("create", "incident", post="create")
def new(request: HttpRequest) -> HttpResponse:
    """First what it is, then where, with photos and words; the same form sent twice reports once."""
    name = request.POST.get("kind") or request.GET.get("kind", "")
    kind = next((one for one in kinds.kinds() if one.ref == name and one.value.by_people), None)
    if kind is None:
        return render(request, "resident/report_kinds.html", {"groups": kinds.groups()})
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            ref = _reported(request, kind.ref)
        except Refusal as refusal:
            name = (
                "place"
                if refusal.code in {"place_needed", "outside_city"}
                else "photo"
                if "file" in refusal.code
                else "text"
            )
            errors[name] = refusal.message(get_language() or "zh")
        else:
            return HttpResponseRedirect(f"/reports/{ref}/")
        if request.FILES and "photo" not in errors:
            errors["photo"] = _("其他内容都留着，请重新选择照片")
    city = Place.objects.filter(level="city").exclude(lon=None).first()
    context = {
        "kind": kind,
        "city": city,
        "streets": [("", _("请选择"), ""), *_streets()],
        "sorts": [
            (key, label, "")
            for key, (label, _limit) in reporting.SORTS.items()
            if key not in {"review", "enquiry"}
        ],
        "errors": errors,
        "typed": request.POST or {"sort": "help"},
        "form_key": request.POST.get("idempotency_key") or secrets.token_hex(16),
    }
    return render(request, "resident/report_new.html", context, status=422 if errors else 200)


def _streets() -> list[tuple[str, Any, str]]:
    """Streets and towns with their district in front, as somebody who cannot point would choose."""
    rows = Place.objects.filter(level="street", ended_at=None).exclude(lon=None).select_related("parent")
    found = []
    for row in rows.exclude(kind="statistical_unit").order_by("code"):
        district = row.parent.name if row.parent else {"zh": "", "en": ""}
        found.append((row.code, {lang: f"{district[lang]} · {row.name[lang]}" for lang in ("zh", "en")}, ""))
    return found


def _point(request: HttpRequest) -> tuple[float, float] | None:
    try:
        return float(request.POST["at_lon"]), float(request.POST["at_lat"])
    except (KeyError, ValueError):
        return None


def _reported(request: HttpRequest, kind: str) -> str:
    """Takes the report once for a form; returns its ref."""
    at, actor = clock.now(), _actor(request)
    text, point, place = request.POST.get("text", "").strip(), _point(request), request.POST.get("place", "")
    brought: Any = request.FILES.getlist("photo")
    judged = [files.judge(one, one.name or "photo", allowed=files.IMAGES) for one in brought]

    def do() -> dict[str, Any]:
        row = actions.report(
            actor=actor, at=at, kind=kind, text=text, point=point,
            place=Place.objects.select_related("parent").filter(code=place, ended_at=None).first(),
            address=request.POST.get("address", ""), sort=request.POST.get("sort", "help"),
            photos=[files.keep(one, at=at, by=actor.party_id) for one in judged], channel="app",
        )  # fmt: skip
        return {"ref": row.ref}

    key = request.POST.get("idempotency_key") or secrets.token_hex(16)
    asked = hash_request(kind, text, str(point), place)
    with write():
        return str(once(f"report:{actor.party_ref}", key, asked, do)["ref"])


@door("read", "report", of=report_of, post="update")
def one(request: HttpRequest, report: Any) -> HttpResponse:
    """Where a report stands; what the person adds is on the timeline of those who handle it."""
    error = ""
    if request.method == "POST":
        text = request.POST.get("text", "").strip()[: reporting.MAX_TEXT]
        try:
            with write():
                case_actions.say(actor=_actor(request), at=clock.now(), case=report.case, text=text)
        except Refusal as refusal:
            error = refusal.message(get_language() or "zh")
        else:
            messages.success(request, _("已补充，办理的人会看到"))
            return HttpResponseRedirect(f"/reports/{report.ref}/")
    return _shown(request, report, error=error)


def _shown(request: HttpRequest, report: Any, *, error: str = "") -> HttpResponse:
    at, case = clock.now(), queries.case_by_ref(report.case.ref) or report.case
    said = report.contacts.exclude(purpose="first").order_by("id")
    context = {
        "report": report,
        "case": case,
        "label": _label(report.kind),
        "state": _step(report),
        "steps": _steps(case, at),
        "also": reports.also_reported(report),
        "photos": [f"/reports/{report.ref}/photos/{ref}" for ref in report.photos],
        "pairs": _pairs(report, case),
        "clock": clock_of(report, at),
        "events": _told(case),
        "may_rate": case.state == "closed" and not report.contacts.filter(purpose="rating").exists(),
        "said": list(said),
        "refused": _why_refused(case),
        "live": history.is_live(case),
        "error": error,
        "typed": request.POST,
    }
    return render(request, "resident/report.html", context, status=422 if error else 200)


# What goes on between offices (messages, demands, who declined) is not for the reporter, nor is who wrote what.
TOLD = {
    "case.opened", "case.accepted", "case.closed", "case.refused", "case.reopened", "case.merged", "report.joined",
    "report.contacted", "report.called_back", "report.reviewed", "task.assigned", "task.accepted", "task.arrived",
    "task.reported", "task.verified", "task.failed", "task.deferred",
}  # fmt: skip


def _told(case: Any) -> list[dict[str, Any]]:
    """The timeline as the reporter reads it."""
    lines = [line for line in queries.timeline(case) if line["what"] in TOLD]
    return [{**line, "by": "", "note": ""} for line in told(lines, to_applicant=True)]


def _steps(case: Any, at: Any) -> list[dict[str, Any]]:
    """The ten stages as the five steps that matter to whoever reported, each with when it was reached."""
    reached = {row["stage"]: row["at"] for row in after_action.stages(case, at)}
    now = STEP_OF[case.stage]
    return [
        {
            "word": word,
            "at": reached.get(stage) if n <= now else None,
            "done": n < now or case.state == "closed",
            "now": n == now,
        }
        for n, (stage, word) in enumerate(STEPS)
    ]


def _pairs(report: Any, case: Any) -> list[dict[str, Any]]:
    """处置前后 of what was checked, for the reporter to see."""
    found = []
    for task in case.tasks.filter(state="done").order_by("id"):
        for pair in queries.proof_pairs(task)[:1]:
            shown = {
                kind: {"url": f"/reports/{report.ref}/photos/{pair[kind].file.ref}", "at": pair[kind].at}
                for kind in ("photo_before", "photo_after")
                if kind in pair
            }
            if shown:
                found.append(
                    {
                        "label": task.label,
                        "before": shown.get("photo_before"),
                        "after": shown.get("photo_after"),
                    }
                )
    return found


def _why_refused(case: Any) -> str:
    """The reasons that the duty officer gave; empty while it is not refused."""
    lines = [line for line in queries.timeline(case) if line["what"] == "case.refused"]
    return "；".join(lines[0]["body"].get("reasons", [])) if lines else ""


@door("read", "report", of=report_of)
def photo(request: HttpRequest, report: Any, photo: str) -> HttpResponseBase:
    """A photo of the own report, or of what was done about it."""
    own = set(report.photos)
    done = {
        proof.file.ref
        for task in report.case.tasks.filter(state="done")
        for pair in queries.proof_pairs(task)
        for kind, proof in pair.items()
        if kind in {"photo_before", "photo_after"}
    }
    stored = StoredFile.objects.filter(ref=photo).first()
    if stored is None or photo not in own | done:
        raise NotFound
    return file_answer(stored, thumb="small" in request.GET)


@door("rate", "report", of=report_of, post="rate")
def rate(request: HttpRequest, report: Any) -> HttpResponse:
    """评价: really solved, how content; a bad one is reviewed by somebody within three working days."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        score, solved = request.POST.get("score", ""), request.POST.get("solved", "")
        if solved not in {"yes", "no"}:
            errors["solved"] = _("请选择解决了没有")
        if score not in {"1", "2", "3", "4", "5"}:
            errors["score"] = _("请选几颗星")
        if not errors:
            try:
                with write():
                    contacts.rate(
                        actor=_actor(request), at=clock.now(), report=report, solved=solved == "yes", score=int(score),
                        note=request.POST.get("text", "")[:500],
                    )  # fmt: skip
                messages.info(request, _("谢谢，您的评价已记下"))
                return HttpResponseRedirect(f"/reports/{report.ref}/")
            except Refusal as refusal:
                errors["score"] = refusal.message(get_language() or "zh")
    context = {
        "report": report, "label": _label(report.kind), "errors": errors, "typed": request.POST, "stars": "54321",
        "yes_no": [("yes", _("解决了"), ""), ("no", _("没有解决"), "")],
    }  # fmt: skip
    return render(request, "resident/report_rate.html", context, status=422 if errors else 200)
