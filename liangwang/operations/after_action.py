"""案后复盘: how an incident went: when it reached each of the ten stages and the minutes that it stayed there."""

from datetime import datetime, timedelta
from typing import TypedDict

from liangwang.base.labels import Label
from liangwang.cases import queries as cases
from liangwang.cases.queries import STAGE_LABELS, STAGES, Case

NOBODY: Label = {"zh": "", "en": ""}


class StageRow(TypedDict):
    """One of the ten stages: who reached it first and when, minutes until the next one; None where it was not reached."""

    stage: str
    label: Label
    at: datetime | None
    who: Label
    minutes: float | None
    share: float


def stages(case: Case, at: datetime) -> list[StageRow]:
    """The ten stages of GB/T 30428 in order, each from when it was first reached until the next one was.

    The minutes of a stage that is still the last one run to `at`; those of a closed case stop at its closing.
    """
    first: dict[str, tuple[datetime, Label]] = {}
    for line in cases.timeline(case):
        if line["stage"]:
            who: Label = line["who"].get("label", NOBODY)
            first.setdefault(line["stage"], (line["at"], who))
    reached = sorted((moment, STAGES.index(stage), stage) for stage, (moment, _) in first.items())
    ends = [moment for moment, _, _ in reached[1:]] + [case.closed_at or at]
    stay = {
        stage: max(timedelta(), end - moment) for (moment, _, stage), end in zip(reached, ends, strict=True)
    }
    whole = sum(stay.values(), timedelta()) or timedelta(seconds=1)
    return [
        StageRow(
            stage=stage, label=STAGE_LABELS[stage],  # type: ignore[typeddict-item]
            at=first[stage][0] if stage in first else None,
            who=first[stage][1] if stage in first else {"zh": "", "en": ""},
            minutes=round(stay[stage] / timedelta(minutes=1), 1) if stage in stay else None,
            share=round(stay.get(stage, timedelta()) / whole, 4),
        )
        for stage in STAGES
    ]  # fmt: skip
