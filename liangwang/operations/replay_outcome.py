"""What came of a replayed day in figures, its course over the day, and where two outcomes differ."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from .dispatch_models import Crew
from .replay_sending import NOBODY, Incident
from .trials import Raise, Seen

MINUTE_S: Final = 60.0
SLOT_S: Final = 600.0
MOST_ROWS: Final = 2_000
LISTED: Final = 100


def counted(
    incidents: Sequence[Incident],
    crews: Sequence[Crew],
    raises: Mapping[str, Sequence[Raise]],
    seen: Seen,
    span_s: float = 86_400.0,
) -> dict[str, Any]:
    """Return the figures of an outcome: found, minutes to find, to be there and to be done, kilometres, missed."""
    jobs = [job for one in incidents for job in one.jobs]
    first = [min((j.arrived_s for j in one.jobs if j.crew != NOBODY), default=np.nan) for one in incidents]
    last = [float(np.max([np.nan, *(j.done_s for j in one.jobs)][bool(one.jobs) :])) for one in incidents]
    missed = [one for one in incidents if _missed(one)]
    arrived = [a - one.raised_s for a, one in zip(first, incidents, strict=True)]
    return {
        "readings": seen.readings, "signals": sum(len(rows) for rows in raises.values()),
        "incidents": len(incidents), "crews": len(crews), "sent": sum(job.crew != NOBODY for job in jobs),
        "detect_min": _median([one.raised_s - one.since_s for one in incidents]),
        "arrive_min": _median(arrived), "arrive_p95_min": _share(arrived, 95),
        "done_min": _median([a - one.raised_s for a, one in zip(last, incidents, strict=True)]),
        "km": round(sum(job.metres for job in jobs) / 1000.0, 1),
        "missed": len(missed), "by_rule": Counter(one.rule for one in incidents),
        "rows": [_row(one) for one in incidents[:MOST_ROWS]],
        "arrivals": [_share(arrived, percent) for percent in range(0, 101, 5)],
        "course": _course(incidents, last, span_s),
        "keys": sorted(f"{one.rule}/{one.thing}/{round(one.since_s)}" for one in incidents),
    }  # fmt: skip


def _missed(one: Incident) -> bool:
    """Whether somebody came too late to a task of an incident, or nobody."""
    return any(j.crew == NOBODY or j.arrived_s > j.ready_s + j.within_s for j in one.jobs)


def _course(incidents: Sequence[Incident], last: Sequence[float], span_s: float) -> list[int]:
    """How many incidents were open at the end of each ten minutes; one to which nobody came stays open."""
    raised = np.sort([one.raised_s for one in incidents])
    over = np.sort([done for one, done in zip(incidents, last, strict=True) if not _unserved(one)])
    at = np.arange(1, int(span_s // SLOT_S) + 1) * SLOT_S
    return [int(n) for n in np.searchsorted(raised, at, "right") - np.searchsorted(over, at, "right")]


def _unserved(one: Incident) -> bool:
    return not one.jobs or any(job.crew == NOBODY for job in one.jobs)


def _row(one: Incident) -> dict[str, Any]:
    arrived = min((j.arrived_s for j in one.jobs if j.crew != NOBODY), default=None)
    return {
        "rule": one.rule, "thing": one.thing, "label": dict(one.label), "level": one.level,
        "raised_s": round(one.raised_s, 3),
        "arrived_min": None if arrived is None else round((arrived - one.raised_s) / MINUTE_S, 1),
        "km": round(sum(j.metres for j in one.jobs) / 1000.0, 2), "missed": _missed(one),
    }  # fmt: skip


def _median(seconds: Sequence[float]) -> float | None:
    return _share(seconds, 50)


def _share(seconds: Sequence[float], percent: float) -> float | None:
    known = [s for s in seconds if np.isfinite(s)]
    return round(float(np.percentile(known, percent)) / MINUTE_S, 2) if known else None


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, int]:
    """Return how many incidents are in both outcomes, only in the first, only in the second."""
    first, second = Counter(_place(key) for key in a["keys"]), Counter(_place(key) for key in b["keys"])
    return {
        "both": sum((first & second).values()),
        "only_a": sum((first - second).values()),
        "only_b": sum((second - first).values()),
    }


def _place(key: str) -> str:
    """An incident without its moment: another rule finds the same thing a little sooner or later."""
    return key.rpartition("/")[0]


def pairs(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The incidents of both outcomes side by side, where they differ most first: {row, a, b}, None where one has none.

    The first incident of a rule and thing in one outcome stands beside the first in the other, and so on.
    """
    sides: dict[tuple[str, int, int], dict[str, Any]] = {}
    for name, outcome in (("a", a), ("b", b)):
        times: Counter[tuple[str, int]] = Counter()
        for row in outcome["rows"]:
            key = (str(row["rule"]), int(row["thing"]))
            sides.setdefault((*key, times[key]), {"row": row, "a": None, "b": None})[name] = row
            times[key] += 1
    return sorted(sides.values(), key=_likeness)[:LISTED]


def _likeness(pair: Mapping[str, Any]) -> tuple[int, float, float]:
    """Only in one, then somebody came in one only, then by how much sooner or later."""
    a, b = pair["a"], pair["b"]
    if a is None or b is None:
        return 0, 0.0, float(pair["row"]["raised_s"])
    if (a["arrived_min"] is None) != (b["arrived_min"] is None):
        return 1, 0.0, float(a["raised_s"])
    return 2, -abs((b["arrived_min"] or 0.0) - (a["arrived_min"] or 0.0)), float(a["raised_s"])
