"""报警规则: the rules in force, drafts by form or YAML with their mistakes at once, trials on history, four eyes."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.export import dump
from liangwang.base.transactions import write
from liangwang.operations import jobs_trials, rule_drafts, rule_overview, trials

from . import rule_form, rule_words
from .pages import actor_of, page

DAYS = (7, 30, 90)


@door("read", "rule")
def listed(request: HttpRequest) -> HttpResponse:
    """Every signal rule in force with what it has done lately, and the drafts that wait."""
    actor = actor_of(request)
    decides = rule_drafts.may_publish(actor)
    drafts = [
        (draft, rule_words.title(draft), draft.author_id == actor.party_id, decides)
        for draft in rule_drafts.open_drafts()
    ]
    context = {"rules": rule_overview.rules(clock.now()), "drafts": drafts, "days": rule_overview.DAYS}
    return page(request, "staff/rules.html", context)


@door("read", "rule", post="configure")
def one(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """One rule with its numbers, tests of its versions and their authors; POST begins a draft or rolls back."""
    held = rule_drafts.in_force(pack, key)
    if held is None:
        raise NotFound
    if request.method == "POST":
        actor, at = actor_of(request), clock.now()
        version = request.POST.get("version", "")
        with write():
            draft = (
                rule_drafts.roll_back(pack, key, int(version), actor, at)
                if version.isdigit()
                else rule_drafts.begin(pack, key, actor, at)
            )
        return HttpResponseRedirect(reverse("rule-draft", args=[draft.ref]))
    context = {
        "held": held,
        "rule": held.value,
        "pack": pack,
        "key": key,
        "rows": rule_words.conditions(held.value),
        "limits": rule_overview.limits(pack, key),
        "versions": rule_overview.versions(pack, key),
        "drafts": rule_drafts.of_rule(pack, key)[:10],
        "text": dump(held.raw),
        "summary": rule_overview.one(pack, key, clock.now()),
        "days": rule_overview.DAYS,
    }
    return page(request, "staff/rule.html", context)


@door("read", "rule", post="configure")
def draft(request: HttpRequest, ref: str) -> HttpResponse:
    """One draft: its author writes, tries and sends it; a colleague sees the same and decides."""
    row, actor = rule_drafts.one(ref), actor_of(request)
    own, errors = row.author_id == actor.party_id, {}
    if request.method == "POST":
        try:
            said = _act(request, row)
            messages.success(request, said)
            done = row.state in ("published", "turned_down", "withdrawn")
            there = reverse("rule", args=[row.pack, row.key]) if done else reverse("rule-draft", args=[ref])
            return HttpResponseRedirect(there)
        except Refusal as refusal:
            errors = {"act": refusal.message(get_language() or "zh")}
    row = rule_drafts.one(ref)
    checked = rule_drafts.check(row.pack, row.key, row.text, row.limits)
    trial = row.trials.order_by("-asked_at").first()
    context = {
        "draft": row,
        "label": rule_words.title(row),
        "own": own,
        "writes": own and row.state in ("draft", "review"),
        "decides": not own and row.state == "review" and rule_drafts.may_publish(actor),
        "problems": checked.problems,
        "form": rule_form.fields(row, checked),
        "changes": rule_words.changes(row, checked),
        "trial": trial,
        "fresh": bool(trial and trial.asked_at >= row.changed_at),
        "found": rule_words.found(trial) if trial and trial.state == "done" else None,
        "days": DAYS,
        "errors": errors,
        "mode": request.GET.get("as", "form"),
    }
    return page(request, "staff/rule_draft.html", context, status=409 if errors else 200)


def _act(request: HttpRequest, row: Any) -> str:
    """Do what the button says; returns what to tell. Raises Refusal."""
    act, actor, at = request.POST.get("act", ""), actor_of(request), clock.now()
    if act in ("save", "try", "review"):
        text, limits, note = rule_form.written(row, request.POST)
        with write():
            rule_drafts.save(row, text=text, limits=limits, note=note, actor=actor, at=at)
    if act == "try":
        days = request.POST.get("days", "30")
        with write():
            trial = trials.ask(row, int(days) if days.isdigit() else 30, actor.party_id, at)
        jobs_trials.run_trial.enqueue(trial.ref)
        return _("正在历史上试，结果会自己出现")
    with write():
        if act == "review":
            rule_drafts.ask_review(row, actor, at)
            return _("已送审，请另一位同事公布")
        if act == "withdraw":
            rule_drafts.withdraw(row, actor, at)
            return _("已撤回，草稿留档")
        if act == "publish":
            rule_drafts.publish(row, actor, at)
            row.refresh_from_db()
            return _("已公布，实时进程几秒内按新版本判")
        if act == "down":
            rule_drafts.turn_down(row, actor, request.POST.get("reason", ""), at)
            row.refresh_from_db()
            return _("已退回，草稿留档")
    return _("已保存")


@door(None, "rule", post="configure")
def check(request: HttpRequest, ref: str) -> HttpResponse:
    """The mistakes of what is being typed, as a part of the page; nothing is kept."""
    row = rule_drafts.one(ref)
    text, limits, _note = rule_form.written(row, request.POST)
    checked = rule_drafts.check(row.pack, row.key, text, limits)
    return render(request, "staff/_rule_problems.html", {"problems": checked.problems, "text": text})


@door("read", "rule")
def progress(request: HttpRequest, ref: str) -> HttpResponse:
    """How far the newest trial of a draft is, as a part of the page; 286 when the page should be read anew."""
    row = rule_drafts.one(ref)
    trial = row.trials.order_by("-asked_at").first()
    over = trial is None or trial.state in ("done", "failed")
    return render(request, "staff/_trial_progress.html", {"trial": trial}, status=286 if over else 200)
