"""一次性补正: what may be asked for, from the application's own list, and the one notice that a clerk's ticks come to."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from liangwang.base.labels import Label

from .models import Submission
from .queries.work import submitted_facts

MORE_MAX = 20  # lines that a clerk adds in her own words
FAULTS: dict[str, Label] = {
    "missing": {"zh": "没有交", "en": "not handed in"},
    "unclear": {"zh": "看不清", "en": "not readable"},
    "other": {"zh": "不是要求的这一份", "en": "not the one asked for"},
    "expired": {"zh": "过了有效期", "en": "out of date"},
    "unsigned": {"zh": "缺签名或盖章", "en": "not signed or stamped"},
}
AMEND: Label = {"zh": "请更正或补全", "en": "please correct or complete"}


class Point(NamedTuple):
    """One thing of an application that may be asked for again; `file` says whether it is a material with a fault."""

    id: str
    label: Label
    file: bool


def points(submission: Submission) -> list[Point]:
    """Everything that this application could be asked to supplement: its materials first, then what was told."""
    found = submitted_facts(submission)
    asked = [need for need in found["materials"] if need["way"] in ("ask", "commitment")]
    told = [fact for fact in found["facts"] if not fact["source"]]
    return [Point(need["id"], _of(need), True) for need in asked] + [
        Point(fact["id"], _of(fact), False) for fact in told
    ]


def _of(one: dict[str, Any]) -> Label:
    """The thing with whom it is about, where that is said."""
    role, label = one.get("role_label"), one["label"]
    if not role:
        return {"zh": label["zh"], "en": label["en"]}
    return {"zh": f"{role['zh']}的{label['zh']}", "en": f"{label['en']} ({role['en']})"}


def wanted(submission: Submission, ticked: Iterable[str], faults: dict[str, str], more: str) -> list[Label]:
    """What the notice lists: each ticked point with its fault, then the clerk's own lines; [] where nothing is asked."""
    chosen = set(ticked)
    listed = [_line(point, faults.get(point.id, "")) for point in points(submission) if point.id in chosen]
    own = [line.strip()[:200] for line in more.splitlines() if line.strip()][:MORE_MAX]
    return listed + [{"zh": line, "en": line} for line in own]


def _line(point: Point, fault: str) -> Label:
    why = FAULTS.get(fault, FAULTS["missing"]) if point.file else AMEND
    return {"zh": f"{point.label['zh']}：{why['zh']}", "en": f"{point.label['en']}: {why['en']}"}
