"""重放: a recorded day run again under another rule, other forces or other limits, both outcomes side by side."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.operations import jobs_trials, replays, rule_drafts
from liangwang.operations.signals import instant

from . import rule_words
from .pages import actor_of, page

FORCES = (0.5, 0.75, 1.0, 1.5, 2.0)
WITHIN = (0.5, 0.75, 1.0, 1.5)
LESS_IS_BETTER = {"detect_min", "arrive_min", "arrive_p95_min", "done_min", "km", "missed"}


@door("read", "rule", post="configure")
def listed(request: HttpRequest) -> HttpResponse:
    """The replays that were asked for, and the form that asks for one."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        asked, error = _asked(request)
        if asked:
            with write():
                trial = replays.ask(asked, actor_of(request).party_id, clock.now())
            jobs_trials.run_trial.enqueue(trial.ref)
            return HttpResponseRedirect(reverse("replay", args=[trial.ref]))
        errors["day"] = error
    today = local_day(clock.now())
    context = {
        "rows": [
            (row, instant(row.given["from"]), _variant_words(row.given["b"])) for row in replays.lately()
        ],
        "drafts": [(draft, rule_words.title(draft)) for draft in rule_drafts.open_drafts()],
        "forces": FORCES,
        "within": WITHIN,
        "day": request.POST.get("day") or (today - timedelta(days=1)).isoformat(),
        "today": today.isoformat(),
        "errors": errors,
    }
    return page(request, "staff/replays.html", context, status=422 if errors else 200)


def _asked(request: HttpRequest) -> tuple[dict[str, Any] | None, str]:
    """What the form asks for: a day of the city and how the second run differs."""
    try:
        day = date.fromisoformat(request.POST.get("day", ""))
        forces, within = float(request.POST.get("forces", "1")), float(request.POST.get("within", "1"))
        seed = int(request.POST.get("seed") or 1)
    except ValueError:
        return None, _("日期没有看懂，请选一天")
    if forces not in FORCES or within not in WITHIN:
        return None, _("请选列出的倍数")
    zone = ZoneInfo(settings.TIME_ZONE)
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    when = [round(at.timestamp() * 1e6) for at in (begins, begins + timedelta(days=1))]
    draft = request.POST.get("draft", "")
    if draft:
        rule_drafts.one(draft)
    second = {"draft": draft, "forces": forces, "within": within}
    return {"from": when[0], "to": when[1], "a": {}, "b": second, "seed": seed}, ""


@door("read", "rule")
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """One replay: how far it is, then both outcomes."""
    trial = replays.one(ref)
    over = trial.state in ("done", "failed")
    if request.GET.get("part") == "progress":
        return render(request, "staff/_trial_progress.html", {"trial": trial}, status=286 if over else 200)
    context = {
        "trial": trial,
        "day": instant(trial.given["from"]),
        "changed": _variant_words(trial.given["b"]),
        "seed": trial.given.get("seed", 1),
        "rows": _rows(trial.found) if trial.state == "done" else [],
        "differ": trial.found.get("differ"),
        "rules": _rules(trial.found) if trial.state == "done" else [],
        "command": _command(trial.given),
    }
    return page(request, "staff/replay.html", context)


def _variant_words(given: dict[str, Any]) -> list[str]:
    """How the second run differs, in words."""
    words = []
    if given.get("draft"):
        words.append(_("按草稿“%(label)s”判") % {"label": _label(given["draft"])})
    if given.get("forces", 1.0) != 1.0:
        words.append(_("队伍 %(n)s 倍") % {"n": f"{given['forces']:g}"})
    if given.get("within", 1.0) != 1.0:
        words.append(_("时限 %(n)s 倍") % {"n": f"{given['within']:g}"})
    return words or [_("一切照旧")]


def _label(ref: str) -> str:
    from .reform import lang_now

    label = rule_words.title(rule_drafts.one(ref))
    return str(label.get(lang_now()) or label["zh"])


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of both runs, which of them is better, in words."""
    words = {
        "signals": _("信号"),
        "incidents": _("案件"),
        "detect_min": _("发现，分钟（中位数）"),
        "arrive_min": _("到场，分钟（中位数）"),
        "arrive_p95_min": _("到场，分钟（95%）"),
        "done_min": _("办完，分钟（中位数）"),
        "km": _("路程，公里"),
        "missed": _("超时或没人到"),
        "sent": _("派出"),
        "crews": _("在岗队伍"),
    }
    rows = []
    for name, word in words.items():
        a, b = found["a"][name], found["b"][name]
        kind = ""
        if name in LESS_IS_BETTER and a is not None and b is not None and a != b:
            kind = "ok" if b < a else "bad"
        rows.append({"word": word, "a": a, "b": b, "kind": kind})
    return rows


def _rules(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Incidents of each rule in both runs."""
    a, b = found["a"]["by_rule"], found["b"]["by_rule"]
    return [
        {"label": replays.rule_label(key), "a": a.get(key, 0), "b": b.get(key, 0)} for key in sorted({*a, *b})
    ]


def _command(given: dict[str, Any]) -> str:
    day = instant(given["from"]).astimezone(ZoneInfo(settings.TIME_ZONE)).date().isoformat()
    second = given["b"]
    words = ["liangwang replay", day]
    words += [f"--against {second['draft']}"] if second.get("draft") else []
    words += [f"--{name} {second[name]:g}" for name in ("forces", "within") if second.get(name, 1.0) != 1.0]
    return " ".join([*words, f"--seed {given.get('seed', 1)}"])
