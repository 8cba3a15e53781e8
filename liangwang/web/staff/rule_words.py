"""Rules, drafts and trials in words and pictures."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base.export import dump
from liangwang.base.labels import Label
from liangwang.base.packs import declarations
from liangwang.operations import rule_drafts
from liangwang.operations.signals import instant
from liangwang.rules.declare import LEVELS, SignalRule

AROUND_US = 3 * 3_600_000_000
CHART_W, CHART_H = 720.0, 90.0
ENDS = ("handled", "open", "closed", "refused", "none")


def title(draft: Any) -> Label:
    """What a draft's rule is called in force; its key for one that is gone."""
    held = rule_drafts.in_force(draft.pack, draft.key)
    return held.value.label if held else {"zh": draft.key, "en": draft.key}


def level_word(level: str) -> str:
    """A level in words."""
    return {"blue": _("蓝"), "yellow": _("黄"), "orange": _("橙"), "red": _("红")}.get(level, level)


def end_word(end: str) -> str:
    """How an incident ended, in words."""
    return {
        "handled": _("有人处置了"),
        "open": _("还在办"),
        "closed": _("没动手就结了"),
        "refused": _("不予立案"),
        "none": _("没有立案"),
    }[end]


def ends(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The ends of some incidents, in a fixed order, without those that are none."""
    return [(end_word(end), counts[end]) for end in ENDS if counts.get(end)]


def conditions(rule: SignalRule) -> list[tuple[str, str]]:
    """A rule as pairs of word and expression."""
    rows = [(_("发生条件"), rule.when), (_("持续"), rule.lasting or ""), (_("解除条件"), rule.clear or "")]
    if isinstance(rule.level, str):
        rows.append((_("等级"), level_word(rule.level)))
    else:
        rows += [
            (_("%(level)s级") % {"level": level_word(name)}, rule.level[name])
            for name in LEVELS
            if name in rule.level
        ]  # type: ignore[index]
    if rule.plan:
        rows.append((_("预案"), rule.plan))
    if rule.under:
        rows.append((_("被谁覆盖"), rule.under))
    if rule.join:
        of = {"asset": _("同一设施"), "street": _("同一街镇")}[rule.join.of]
        rows.append((_("并案"), _("%(within)s 内%(of)s") % {"within": rule.join.within, "of": of}))
    if rule.flap:
        rows.append(
            (
                _("防抖"),
                _("%(within)s 内最多 %(most)s 次") % {"within": rule.flap.within, "most": rule.flap.most},
            )
        )
    return [(word, text) for word, text in rows if text]


def changes(draft: Any, checked: rule_drafts.Checked) -> list[tuple[str, str]]:
    """The lines of a draft against what is in force: (" " | "-" | "+", text), and its numbers."""
    held = rule_drafts.in_force(draft.pack, draft.key)
    before = dump(held.raw).splitlines() if held else []
    after = dump(checked.entry.raw).splitlines() if checked.entry else draft.text.splitlines()
    lines = [(line[0], line[2:]) for line in difflib.ndiff(before, after) if line[0] in " -+"]
    now = {one.key: one.value for one in declarations(rule_drafts.LIMITS) if one.pack == draft.pack}
    for name, value in draft.limits.items():
        if name in now and now[name].value != value:
            lines += [
                ("-", f"{name} = {now[name].value:g} {now[name].unit}"),
                ("+", f"{name} = {value:g} {now[name].unit}"),
            ]
    return lines


def found(trial: Any) -> dict[str, Any]:
    """A trial's outcome for the page."""
    got = trial.found
    both, old, new = got["both"], got["old"], got["new"]
    return {
        **got,
        "start": instant(got["from"]),
        "end": instant(got["to"]),
        "since": instant(got["first"]) if got["first"] else None,
        "chart": days_chart(new["days"], old["days"]),
        "ends_both": ends(got["done_both"]),
        "ends_missed": ends(got["done_missed"]),
        "sooner": _minutes(got["sooner_s"]),
        "delayed": _minutes(got["later_s"]),
        "missed_list": [_row(row) for row in got["missed_rows"]],
        "fresh_list": [_row(row) for row in got["fresh_rows"]],
        "both_list": [_row(row) for row in got["both_rows"]],
        "per_day": (_rate(old), _rate(new)),
        "kept": both,
    }


def _rate(side: Mapping[str, Any]) -> str:
    return f"{side['raises'] / max(len(side['days']) - 1, 1):.1f}"


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return (
        _("%(n)s 分钟") % {"n": f"{seconds / 60:.3g}"}
        if seconds >= 60
        else _("%(n)s 秒") % {"n": f"{seconds:.0f}"}
    )


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    around = f"?from={row['at'] - AROUND_US}&to={row['at'] + AROUND_US}"
    return {
        **row,
        "when": instant(row["at"]),
        "old_when": instant(row["old_at"]) if "old_at" in row else None,
        "level_word": level_word(row["level"]),
        "done_word": end_word(row["done"]),
        "curve": reverse("reading", args=[row["stream"]]) + around,
    }


def days_chart(new: Sequence[Sequence[Any]], old: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Signals a day, in force and draft side by side: bars in a box of 720 × 90."""
    top = max([n for _day, n in [*new, *old]], default=0) or 1
    slot = CHART_W / max(len(new), 1)
    bars = []
    for place, ((day, after), (_same, before)) in enumerate(zip(new, old, strict=True)):
        bars.append(
            {
                "day": day, "new": after, "old": before, "x": round(place * slot + slot * 0.1, 2),
                "width": round(slot * 0.38, 2), "x2": round(place * slot + slot * 0.52, 2),
                "old_h": round(before / top * CHART_H, 2), "old_y": round(CHART_H - before / top * CHART_H, 2),
                "new_h": round(after / top * CHART_H, 2), "new_y": round(CHART_H - after / top * CHART_H, 2),
            }
        )  # fmt: skip
    return {"bars": bars, "top": top, "first": new[0][0] if new else "", "last": new[-1][0] if new else ""}
