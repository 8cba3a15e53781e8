"""The hub over HTTP: an office pushes a batch, whole or in pieces, and reads back what became of it, row by row."""

from typing import Any, ClassVar

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router

from liangwang.base import clock
from liangwang.base.access import ApiDoor
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.packs import Declared
from liangwang.base.transactions import write

from . import corrections, inbox, queries
from .models import Batch
from .sources import source_of

router = Router(tags=["batches"])
WRONG_MEDIA = ("multipart/", "application/json", "text/html")


class WrongMedia(Refusal):
    status, code = 415, "wrong_media"
    template: ClassVar[Label] = {
        "zh": "请把文件本身作为请求体发送：Content-Type 用 text/csv 或 application/vnd.apache.parquet",
        "en": "Send the file itself as the body, with Content-Type text/csv or application/vnd.apache.parquet",
    }


def batch_of(source: str, ref: str) -> Batch | None:
    """The batch that a URL names."""
    declared = source_of(source)
    return Batch.objects.filter(pack=declared.pack, source=declared.key, ref=ref).first()


@router.post(
    "/batches/{source}", auth=ApiDoor("push", "batch"), response={200: dict[str, Any], 202: dict[str, Any]}
)
def push(request: HttpRequest, source: str, corrects: str = "") -> tuple[int, dict[str, Any]]:
    """Delivers one CSV or Parquet file (the body) of a source. 202: received and durable; 200: it was here before.

    `corrects` is the ref of a batch whose refused rows this one mends. Files over 32 MB go in pieces.
    """
    declared = _for_delivery(request, source)
    return _taken(request, declared, inbox.deposit(request), corrects)


@router.put(
    "/batches/{source}/uploads/{upload}",
    auth=ApiDoor("push", "batch"),
    response={200: dict[str, Any], 202: dict[str, Any]},
)
def put_piece(
    request: HttpRequest, source: str, upload: str, corrects: str = ""
) -> tuple[int, dict[str, Any]]:
    """Delivers a piece of a large file: `Content-Range: bytes 0-33554431/900000000`, at most 32 MB each.

    The sender chooses the name `upload`, sends pieces in any order and any piece again. The one that makes the file
    whole is answered like a push of all of it; until then `have` says which spans are kept.
    """
    declared = _for_delivery(request, source)
    spans, whole = inbox.keep_piece(
        request,
        declared=declared,
        actor=_actor(request),
        upload=upload,
        content_range=request.headers.get("Content-Range", ""),
    )
    if whole is None:
        return 200, {"have": spans}
    status, answer = _taken(request, declared, whole, corrects)
    inbox.forget_upload(declared, _actor(request), upload)
    return status, answer


@router.get("/batches/{source}/uploads/{upload}", auth=ApiDoor("push", "batch"))
def read_pieces(request: HttpRequest, source: str, upload: str) -> dict[str, Any]:
    """Which spans `[first, end)` of a delivery in pieces are kept, so that a sender can go on after a break."""
    declared = _for_delivery(request, source)
    return {"have": inbox.held_spans(declared, _actor(request), upload)}


@router.get("/batches/{source}/{ref}", auth=ApiDoor("push", "batch", of=batch_of))
def read_report(
    request: HttpRequest, source: str, ref: str, limit: int = 200, after: int = 0
) -> dict[str, Any]:
    """What became of a delivery: counts, and every reason of each refused row after row `after`."""
    batch = _own_batch(request)
    return queries.report(batch, max(0, min(limit, 1000)), after)


@router.get("/batches/{source}/{ref}/refused.csv", auth=ApiDoor("push", "batch", of=batch_of))
def read_refused(request: HttpRequest, source: str, ref: str) -> StreamingHttpResponse:
    """The refused rows as a sheet: every reason in zh and en and, for the source's own key, the cells to mend."""
    batch, actor = _own_batch(request), _actor(request)
    lines = corrections.sheet(batch, actor, clock.now())
    with write():  # the look is audited before anything is shown
        first = next(lines)
    sheet = (line.encode() for part in ((f"\ufeff{first}",), lines) for line in part)
    response = StreamingHttpResponse(sheet, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{batch.source}-{batch.ref}-refused.csv"'
    return response


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _for_delivery(request: HttpRequest, source: str) -> Declared:
    """The source, if this key may push to it now; asked before a byte of the body is read."""
    declared = source_of(source)
    inbox.require_may_deliver(_actor(request), declared, clock.now(), "http")
    if request.content_type and request.content_type.startswith(WRONG_MEDIA):
        raise WrongMedia
    return declared


def _taken(
    request: HttpRequest, declared: Declared, held: inbox.Deposit, corrects: str
) -> tuple[int, dict[str, Any]]:
    with write():
        batch, created = inbox.take(
            held,
            source=declared.ref,
            name=request.headers.get("X-File-Name", ""),
            actor=_actor(request),
            at=clock.now(),
            corrects=corrects or None,
        )
    report = f"/api/v1/batches/{declared.ref}/{batch.ref}"
    return (202 if created else 200), {"batch": batch.ref, "state": batch.state, "report": report}


def _own_batch(request: HttpRequest) -> Batch:
    batch: Batch = request.found  # type: ignore[attr-defined]
    actor = _actor(request)
    if actor.hat == "source" and not {"*", f"{batch.pack}:{batch.source}"} & set(actor.scope):
        raise inbox.NotYourSource(source=f"{batch.pack}:{batch.source}")
    return batch
