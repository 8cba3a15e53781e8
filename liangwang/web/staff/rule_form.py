"""A rule's draft as fields: what the form shows, and the YAML that its answers make."""

from collections.abc import Mapping
from typing import Any

from liangwang.base.export import dump
from liangwang.base.packs import declarations
from liangwang.operations import rule_drafts
from liangwang.rules.declare import LEVELS

PLAIN = ("when", "lasting", "clear", "plan", "under")
LADDER = "ladder"


def fields(row: Any, checked: rule_drafts.Checked) -> dict[str, Any] | None:
    """The form's values; None where the text cannot be read, and YAML alone is shown."""
    if checked.entry is None:
        return None
    raw = checked.entry.raw
    level = raw.get("level", "")
    return {
        "label_zh": raw.get("label", {}).get("zh", ""),
        "label_en": raw.get("label", {}).get("en", ""),
        **{name: raw.get(name, "") for name in PLAIN},
        "level": LADDER if isinstance(level, dict) else level,
        "ladder": [(name, level.get(name, "") if isinstance(level, dict) else "") for name in LEVELS],
        "flap_most": raw.get("flap", {}).get("most", ""),
        "flap_within": raw.get("flap", {}).get("within", ""),
        "join_within": raw.get("join", {}).get("within", ""),
        "join_of": raw.get("join", {}).get("of", "asset") if raw.get("join") else "",
        "plans": [d.key for d in declarations("plans.yaml") if d.pack == row.pack],
        "rules": [d.key for d in declarations(rule_drafts.RULES) if d.pack == row.pack and d.key != row.key],
        "limits": _limits(row, checked),
    }


def _limits(row: Any, checked: rule_drafts.Checked) -> list[dict[str, Any]]:
    """The numbers that the rule names, as in force and as in the draft."""
    if checked.judged is None:
        return []
    held = {d.key: d.value for d in declarations(rule_drafts.LIMITS) if d.pack == row.pack}
    return [
        {
            "one": held[name],
            "now": f"{held[name].value:g}",
            "value": f"{row.limits.get(name, held[name].value):g}",
        }
        for name in rule_drafts.limits_of(checked.judged)
        if name in held
    ]


def written(row: Any, post: Mapping[str, str]) -> tuple[str, dict[str, float], str]:
    """The YAML, the numbers and the note of what was typed; what is no number stays as it was."""
    limits = dict(row.limits)
    for name, value in post.items():
        if name.startswith("limit."):
            try:
                limits[name.removeprefix("limit.")] = float(value)
            except ValueError:
                continue
    held = {d.key: d.value for d in declarations(rule_drafts.LIMITS) if d.pack == row.pack}
    changed = {n: v for n, v in limits.items() if n in held and getattr(held[n], "value", None) != v}
    note = post.get("note", row.note)
    if "text" in post:
        return post["text"].replace("\r\n", "\n"), changed, note
    return (dump(_raw(row, post)) if "when" in post else row.text), changed, note


def _raw(row: Any, post: Mapping[str, str]) -> dict[str, Any]:
    """The rule that the form's answers make; an empty answer leaves its key out."""
    raw: dict[str, Any] = {
        "rule": row.key,
        "label": {"zh": post.get("label_zh", "").strip(), "en": post.get("label_en", "").strip()},
    }
    given = {name: post.get(name, "").strip() for name in PLAIN}
    raw |= {name: given[name] for name in ("when", "lasting", "clear") if given[name]}
    if post.get("level") == LADDER:
        raw["level"] = {name: text for name in LEVELS if (text := post.get(f"level.{name}", "").strip())}
    else:
        raw["level"] = post.get("level", "red")
    raw |= {name: given[name] for name in ("plan", "under") if given[name]}
    if within := post.get("join_within", "").strip():
        raw["join"] = {"within": within, "of": post.get("join_of") or "asset"}
    most = post.get("flap_most", "").strip()
    if most.isdigit():
        raw["flap"] = {"most": int(most), "within": post.get("flap_within", "").strip() or "1h"}
    return raw
