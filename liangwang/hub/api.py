"""The hub over HTTP: an office pushes a batch and reads back what became of it, row by row."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from liangwang.base import clock
from liangwang.base.access import ApiDoor
from liangwang.base.transactions import write

from . import actions, queries
from .inbox import NotYourSource
from .models import Batch
from .sources import source_of

router = Router(tags=["batches"])


def batch_of(source: str, ref: str) -> Batch | None:
    """The batch that a URL names."""
    declared = source_of(source)
    return Batch.objects.filter(pack=declared.pack, source=declared.key, ref=ref).first()


@router.post(
    "/batches/{source}", auth=ApiDoor("push", "batch"), response={200: dict[str, Any], 202: dict[str, Any]}
)
def push(request: HttpRequest, source: str) -> tuple[int, dict[str, Any]]:
    """Delivers one CSV file (the body) of a source. 202: received and durable; 200: this content was here before."""
    with write():
        batch, created = actions.receive(
            request.body,
            source=source,
            name=request.headers.get("X-File-Name", ""),
            actor=request.actor,  # type: ignore[attr-defined]
            at=clock.now(),
        )
    report = f"/api/v1/batches/{batch.pack}:{batch.source}/{batch.ref}"
    return (202 if created else 200), {"batch": batch.ref, "state": batch.state, "report": report}


@router.get("/batches/{source}/{ref}", auth=ApiDoor("push", "batch", of=batch_of))
def read_report(request: HttpRequest, source: str, ref: str, limit: int = 200) -> dict[str, Any]:
    """What became of a delivery: counts, and every reason of each refused row."""
    batch = request.found  # type: ignore[attr-defined]
    actor = request.actor  # type: ignore[attr-defined]
    if actor.hat == "source" and not {"*", f"{batch.pack}:{batch.source}"} & set(actor.scope):
        raise NotYourSource(source=f"{batch.pack}:{batch.source}")
    return queries.report(batch, min(limit, 1000))
