"""Where a load stands: its stages in words, the one that runs, and the rows done."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from liangwang.base.labels import Label
from liangwang.hub.queries import Batch

STOP_POLLING = 286  # the status by which htmx, too, stops asking
STAGES = ("reading", "checking", "linking", "storing", "settling")


def stage_word(stage: str) -> str:
    """A stage of a load in words."""
    return {
        "": _("排队"),
        "reading": _("读取"),
        "checking": _("逐行核对"),
        "linking": _("关联到人"),
        "storing": _("入库"),
        "settling": _("校核"),
    }.get(stage, stage)


def steps(batch: Batch) -> list[dict[str, Any]]:
    """Every stage of a batch with whether it is past, here or to come."""
    here = STAGES.index(batch.stage) if batch.stage in STAGES else -1
    return [
        {"word": stage_word(stage), "css": "past" if i < here else "here" if i == here else ""}
        for i, stage in enumerate(STAGES)
    ]


def progress(batches: Iterable[Batch], labels: dict[str, Label]) -> list[dict[str, Any]]:
    """What is loading now, with its stages, what runs before what waits; `waits` says why a stopped load is tried again."""
    return [
        {
            "batch": batch,
            "label": labels.get(f"{batch.pack}:{batch.source}", batch.source),
            "stage": stage_word(batch.stage),
            "steps": steps(batch),
            "waits": batch.refusal,
        }
        for batch in sorted(batches, key=lambda one: not one.stage)
    ]


def loading_part(request: HttpRequest, rows: list[dict[str, Any]]) -> HttpResponse:
    """Only what is loading: a page asks for it while a load runs, and for itself once nothing loads any more."""
    return render(request, "data/_loading.html", {"loading": rows}, status=200 if rows else STOP_POLLING)
