"""重放: a recorded day run again under another rule, plan, other forces or other limits, both outcomes side by side."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import access, clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.models import Place
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.operations import jobs_trials, recorded_day, replay_outcome, replays, rule_drafts
from liangwang.operations.signals import instant

from . import outcome_chart, rule_words
from .pages import actor_of, page

FORCES = (0.5, 0.75, 1.0, 1.5, 2.0)
WITHIN = (0.5, 0.75, 1.0, 1.5)
LESS_IS_BETTER = {"detect_min", "arrive_min", "arrive_p95_min", "done_min", "km", "missed"}
AS_IT_WENT = {"incidents", "detect_min", "arrive_min", "done_min"}


@door("read", "rule", post="configure")
def listed(request: HttpRequest) -> HttpResponse:
    """The replays that were asked for, and the form that asks for one; ?day= chooses the day."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            asked = _asked(request)
            with write():
                trial = replays.ask(asked, actor_of(request).party_id, clock.now())
        except ValueError as error:
            errors["day"] = str(error)
        except Refusal as refusal:
            errors["day"] = refusal.message(get_language() or "zh")
        else:
            jobs_trials.run_trial.enqueue(trial.ref)
            return HttpResponseRedirect(reverse("replay", args=[trial.ref]))
    days = replays.days(clock.now())
    typed = request.POST if request.method == "POST" else request.GET
    newest = days[0].isoformat() if days else local_day(clock.now()).isoformat()
    context = {
        "rows": [
            (row, instant(row.given["from"]), _variant_words(row.given["b"])) for row in replays.lately()
        ],
        "drafts": [(draft, rule_words.title(draft)) for draft in rule_drafts.open_drafts()],
        "plans": replays.plans(),
        "forces": _choices(FORCES, typed.get("forces", "1")),
        "within": _choices(WITHIN, typed.get("within", "1")),
        "typed": typed,
        "day": typed.get("day") or newest,
        "seed": typed.get("seed") or "1",
        "days": days,
        "errors": errors,
    }
    return page(request, "staff/replays.html", context, status=422 if errors else 200)


def _choices(values: tuple[float, ...], chosen: str) -> list[tuple[str, str, bool]]:
    """(value, word, whether it is the chosen one) of each."""
    return [(f"{n:.2f}", f"{n:g}", f"{n:g}" == chosen.rstrip("0").rstrip(".")) for n in values]


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What the form asks for: a day of the city and how the second run differs; ValueError says what cannot be read."""
    try:
        day = date.fromisoformat(request.POST.get("day", ""))
        forces, within = float(request.POST.get("forces", "1")), float(request.POST.get("within", "1"))
        seed = int(request.POST.get("seed") or 1)
    except ValueError:
        raise ValueError(_("日期没有看懂，请选一天")) from None
    plan = request.POST.get("plan", "")
    if forces not in FORCES or within not in WITHIN or (plan and plan not in dict(replays.plans())):
        raise ValueError(_("请选列出的倍数"))
    when = [round(at.timestamp() * 1e6) for at in recorded_day.bounds(day)]
    draft = request.POST.get("draft", "")
    if draft:
        rule_drafts.one(draft)
    second = {"draft": draft, "forces": forces, "within": within, "plan": plan}
    return {"from": when[0], "to": when[1], "a": {}, "b": second, "seed": abs(seed)}


@door("read", "rule")
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """One replay: how far it is, then both outcomes."""
    trial = replays.one(ref)
    over = trial.state in ("done", "failed")
    if request.GET.get("part") == "progress":
        return render(request, "staff/_trial_progress.html", {"trial": trial}, status=286 if over else 200)
    day = instant(trial.given["from"])
    context: dict[str, Any] = {
        "trial": trial,
        "day": day,
        "changed": _variant_words(trial.given["b"]),
        "seed": trial.given.get("seed", 1),
        "command": _command(trial.given),
        "recorded": _recorded(request, local_day(day)),
        "again": reverse("replays") + f"?day={local_day(day).isoformat()}",
    }
    if trial.state == "done":
        went = replays.as_it_went(day, instant(trial.given["to"]))
        context |= {
            "rows": _rows(trial.found, went),
            "went": went["incidents"],
            "differ": trial.found["differ"],
            "rules": _rules(trial.found),
            "pairs": replay_outcome.pairs(trial.found["a"], trial.found["b"]),
            "charts": outcome_chart.charts(trial.found["a"], trial.found["b"]),
        }
    return page(request, "staff/replay.html", context)


def _recorded(request: HttpRequest, day: date) -> str:
    """Where that day can be dragged on the actor's own command screen; "" where the hat has none."""
    actor = actor_of(request)
    place = Place.objects.filter(code=actor.place_code, level__in=("city", "district", "street")).first()
    if place is None or not access.may(actor, "open", access.thing_of("board", place)).allowed:
        return ""
    return reverse("command", args=[place.code]) + f"#at={day.isoformat()}T08:00:00"


def _variant_words(given: dict[str, Any]) -> list[str]:
    """How the second run differs, in words."""
    words = []
    if given.get("draft"):
        words.append(_("按草稿“%(label)s”判") % {"label": _label(given["draft"])})
    if given.get("plan"):
        label = dict(replays.plans()).get(given["plan"], {"zh": given["plan"], "en": given["plan"]})
        words.append(_("按计划“%(label)s”办") % {"label": _spoken(label)})
    if given.get("forces", 1.0) != 1.0:
        words.append(_("队伍 %(n)s 倍") % {"n": f"{given['forces']:g}"})
    if given.get("within", 1.0) != 1.0:
        words.append(_("时限 %(n)s 倍") % {"n": f"{given['within']:g}"})
    return words or [_("一切照旧")]


def _label(ref: str) -> str:
    return _spoken(rule_words.title(rule_drafts.one(ref)))


def _spoken(label: Any) -> str:
    from .reform import lang_now

    return str(label.get(lang_now()) or label["zh"])


def _rows(found: dict[str, Any], went: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of both runs beside what really happened, and which of the two is better, in words."""
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
        real = went[name] if name in AS_IT_WENT else None
        rows.append({"word": word, "a": a, "b": b, "kind": kind, "real": real})
    return rows


def _rules(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Incidents of each rule in both runs."""
    a, b = found["a"]["by_rule"], found["b"]["by_rule"]
    return [
        {"label": replays.rule_label(key), "a": a.get(key, 0), "b": b.get(key, 0)} for key in sorted({*a, *b})
    ]


def _command(given: dict[str, Any]) -> str:
    second = given["b"]
    words = ["liangwang replay", local_day(instant(given["from"])).isoformat()]
    words += [f"--against {second['draft']}"] if second.get("draft") else []
    words += [f"--plan {second['plan']}"] if second.get("plan") else []
    words += [f"--{name} {second[name]:g}" for name in ("forces", "within") if second.get(name, 1.0) != 1.0]
    return " ".join([*words, f"--seed {given.get('seed', 1)}"])
