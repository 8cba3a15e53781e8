"""Services over HTTP: the catalogue, applications of the person who is signed in, and the check of certificates."""

from typing import Any, BinaryIO, ClassVar, cast

import msgspec
from django.http import HttpRequest, HttpResponse
from ninja import Body, File, Router, Schema, UploadedFile

from liangwang.base import clock
from liangwang.base.access import ApiDoor
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day

from . import actions, exchange, exchange_jsonld, queries

items = Router(tags=["items"])
applications = Router(tags=["applications"])
certificates = Router(tags=["certificates"])


class KeyNeeded(Refusal):
    """Handing in without an Idempotency-Key could be done twice by a bad connection."""

    status, code = 428, "idempotency_key_needed"
    template: ClassVar[Label] = {
        "zh": "请在请求头 Idempotency-Key 中给出一个自己生成的编号",
        "en": "Send a key of your own in the header Idempotency-Key",
    }


class Wanted(Schema):
    """What is applied for: `item` is pack:key."""

    item: str


class Invited(Schema):
    """Whose authorisation is asked for: the role, and the person's name and identity number."""

    role: str
    name: str
    identity_number: str


@items.get("/items", auth=ApiDoor("read", "item"))
def list_items(request: HttpRequest, q: str = "", theme: str | None = None) -> dict[str, Any]:
    """Items and bundles; `q` finds by the words that people use."""
    today = local_day(clock.now())
    found = queries.search(q) if q.strip() else queries.catalogue(theme, on=today)
    return {"items": found}


FORMS = {"csv": "text/csv; charset=utf-8", "jsonld": "application/ld+json"}


def _file(form: str, key: str | None = None) -> HttpResponse:
    name = f"{key.replace(':', '-') if key else 'items'}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(exchange.exported(form, key), content_type=FORMS[form], headers=headers)


@items.get("/items.csv", auth=ApiDoor("read", "item"))
def items_table(request: HttpRequest) -> HttpResponse:
    """Every item and bundle in force with the elements of the national list, as a table."""
    return _file("csv")


@items.get("/items.jsonld", auth=ApiDoor("read", "item"))
def items_linked(request: HttpRequest) -> HttpResponse:
    """Every item and bundle in force as CPSV-AP 3.2 and schema.org, with the context in it."""
    return _file("jsonld")


@items.get("/items/context.jsonld", auth=ApiDoor("read", "item"))
def items_context(request: HttpRequest) -> HttpResponse:
    """The JSON-LD context: what every term of the linked data means."""
    return HttpResponse(msgspec.json.encode(exchange_jsonld.context()), content_type=FORMS["jsonld"])


@items.get("/items/{pack}/{key}.csv", auth=ApiDoor("read", "item"))
def item_table(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """One item as a table of one row."""
    return _file("csv", f"{pack}:{key}")


@items.get("/items/{pack}/{key}.jsonld", auth=ApiDoor("read", "item"))
def item_linked(request: HttpRequest, pack: str, key: str) -> HttpResponse:
    """One item as linked data."""
    return _file("jsonld", f"{pack}:{key}")


@items.get("/items/{pack}/{key}", auth=ApiDoor("read", "item"))
def read_item(request: HttpRequest, pack: str, key: str) -> dict[str, Any]:
    """One item: questions, form, materials asked and not asked, steps, limits, before and after.

    Answers to questions are given as query parameters (`?marriage=unmarried`).
    """
    scenario = {name: str(value) for name, value in request.GET.items()}
    page: dict[str, Any] = msgspec.to_builtins(queries.item_page(f"{pack}:{key}", scenario))
    return page


@applications.post("/drafts", auth=ApiDoor("create", "draft"))
def start(request: HttpRequest, wanted: Wanted) -> dict[str, Any]:
    """Begins, or goes on with, the person's draft of an item."""
    with write():
        draft = actions.start_draft(actor=_actor(request), key=wanted.item, at=clock.now())
    return {"draft": draft.ref, "saves": draft.saves}


@applications.get("/drafts/{ref}", auth=ApiDoor("read", "draft", of=queries.draft_by_ref))
def read_draft(request: HttpRequest, ref: str) -> dict[str, Any]:
    """What the draft asks, what it has, what is missing."""
    shown = queries.seen_by(_actor(request), queries.form_pages(_draft(request), clock.now()))
    return {**_plain({k: v for k, v in shown.items() if k != "draft"}), "draft": ref}


@applications.post("/drafts/{ref}/questions", auth=ApiDoor("update", "draft", of=queries.draft_by_ref))
def answer_questions(request: HttpRequest, ref: str, answers: Body[dict[str, str]]) -> dict[str, Any]:
    """Saves answers about the situation."""
    with write():
        found = actions.answer_questions(
            actor=_actor(request), draft=_draft(request), answers=answers, at=clock.now()
        )
    return {"problems": _plain(found)}


@applications.post("/drafts/{ref}/pages/{page}", auth=ApiDoor("update", "draft", of=queries.draft_by_ref))
def answer_page(request: HttpRequest, ref: str, page: str, answers: Body[dict[str, str]]) -> dict[str, Any]:
    """Saves one page; what is wrong comes back, and everything is kept."""
    with write():
        found = actions.answer_page(
            actor=_actor(request), draft=_draft(request), page=page, answers=answers, at=clock.now()
        )
    return {"problems": _plain(found)}


@applications.post("/drafts/{ref}/materials/{need}", auth=ApiDoor("update", "draft", of=queries.draft_by_ref))
def upload(request: HttpRequest, ref: str, need: str, file: UploadedFile = File(...)) -> dict[str, Any]:
    """Hands a file in for the material `need` (role.type)."""
    with write():
        made = actions.upload_material(
            actor=_actor(request),
            draft=_draft(request),
            need=need,
            stream=cast(BinaryIO, file.file),
            name=file.name or need,
            at=clock.now(),
        )
    return {"material": made.ref}


@applications.post(
    "/drafts/{ref}/commitments/{need}", auth=ApiDoor("update", "draft", of=queries.draft_by_ref)
)
def promise(request: HttpRequest, ref: str, need: str) -> dict[str, Any]:
    """告知承诺: the person's word instead of the paper `need`; answers the words in which it is given."""
    with write():
        words = actions.commit_material(
            actor=_actor(request), draft=_draft(request), need=need, given=True, at=clock.now()
        )
    return {"words": words}


@applications.post("/drafts/{ref}/consents", auth=ApiDoor("update", "draft", of=queries.draft_by_ref))
def invite(request: HttpRequest, ref: str, who: Invited) -> dict[str, Any]:
    """Asks the other parent for the authorisation, who decides on her or his own page."""
    with write():
        made = actions.invite(actor=_actor(request), draft=_draft(request), at=clock.now(), **who.dict())
    return {"authorisation": made.ref, "state": made.state}


@applications.post("/drafts/{ref}/submit", auth=ApiDoor("update", "draft", of=queries.draft_by_ref))
def submit(request: HttpRequest, ref: str) -> dict[str, Any]:
    """Hands the draft in, once for each Idempotency-Key; the same key again answers the same."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise KeyNeeded
    with write():
        made = actions.submit(actor=_actor(request), draft=_draft(request), key=key, at=clock.now())
    return {"application": made.ref, "number": made.case.number, "sha256": made.hash}


@applications.get("/applications/{number}", auth=ApiDoor("read", "application", of=queries.case_of_number))
def read_application(request: HttpRequest, number: str) -> dict[str, Any]:
    """Where an application stands: clock, lanes by office, timeline, letters."""
    submission = queries.submission_by_number(number)
    assert submission is not None  # the door has found its case
    shown = queries.track(submission, clock.now())
    kept = (
        "label",
        "number",
        "state",
        "state_label",
        "clock",
        "lanes",
        "now",
        "letters",
        "report",
        "can_rate",
    )
    return {**_plain({key: shown[key] for key in kept}), "application": submission.ref}


@certificates.get("/certificates/verify", auth=ApiDoor("open", "public"))
def verify(request: HttpRequest, code: str) -> dict[str, Any]:
    """Whether a certificate is valid, by its ref or the text of its QR."""
    return queries.verify_certificate(code, clock.now())


@certificates.get("/certificates/keys", auth=ApiDoor("open", "public"))
def keys(request: HttpRequest) -> dict[str, Any]:
    """The public keys with which anyone verifies a certificate offline."""
    return queries.verification_keys()


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _draft(request: HttpRequest) -> queries.Draft:
    draft: queries.Draft = request.found  # type: ignore[attr-defined]
    return draft


def _plain(shown: Any) -> Any:
    """Structs as JSON values."""
    return msgspec.to_builtins(shown)
