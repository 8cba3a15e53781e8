"""送达: what is still to be delivered, one letter with the ways it went, and each way's next step."""

from collections.abc import Callable
from typing import Any, BinaryIO, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import audit, clock, files
from liangwang.base.access import door, may, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.models import StoredFile
from liangwang.base.transactions import write
from liangwang.cases.queries import Case, case_by_ref
from liangwang.services import actions, queries, signing
from liangwang.services.actions.deliver import SELF, count_wrong_code
from liangwang.services.queries import Letter
from liangwang.services.refusals import WrongCabinetCode

from .case_page import href_of
from .pages import actor_of, page

LISTED = 50
CARRIER = "中国邮政"


def case_of_letter(ref: str) -> Case | None:
    """The case in which this letter was written; whoever may read the one may read the other."""
    found = queries.letter_by_ref(ref)
    return case_by_ref(found.case.ref) if found else None


def case_of_delivery(ref: str) -> Case | None:
    found = queries.delivery_by_ref(ref)
    return case_by_ref(found.letter.case.ref) if found else None


def _letter(request: HttpRequest) -> Letter:
    found = queries.letter_by_ref(request.resolver_match.kwargs["ref"])  # type: ignore[union-attr]
    assert found is not None  # the door has found its case
    return found


def _tabs() -> list[tuple[str, str]]:
    return [
        ("send", _("要送达的")),
        ("way", _("在路上")),
        ("back", _("退回来的")),
        ("done", _("已送达")),
    ]


@door("read", "application")
def listed(request: HttpRequest) -> HttpResponse:
    """Results of this office by how far they got."""
    show = request.GET.get("show", "send")
    tabs = _tabs()
    if show not in dict(tabs):
        raise NotFound
    rows = queries.letters_to_deliver(actor_of(request).office_id or 0, show)
    last = queries.letter_by_ref(request.GET.get("after", ""))
    if last is not None:
        rows = rows.filter(id__lt=last.pk) if show == "done" else rows.filter(id__gt=last.pk)
    found = list(rows[: LISTED + 1])
    context = {
        "tabs": [{"href": f"?show={key}", "word": word, "here": key == show} for key, word in tabs],
        "show": show,
        "rows": [queries.letter_row(one) for one in found[:LISTED]],
        "next_url": f"?show={show}&after={found[LISTED - 1].ref}" if len(found) > LISTED else "",
        "first_url": f"?show={show}" if last else "",
    }
    return page(request, "staff/deliveries.html", context)


@door("read", "application", of=case_of_letter, post="update")
def letter(request: HttpRequest, case: Case) -> HttpResponse:
    """One letter: how it went out, and the forms to post it, hand it over or lay it into a cabinet."""
    found = _letter(request)
    if request.method != "POST":
        return _shown(request, found)
    verb = sending(request, found, actor_of(request))
    return _do(request, found, verb, _said(request.POST.get("way", "")))


def sending(request: HttpRequest, letter: Letter, actor: Actor) -> Callable[[], object]:
    """The act of the form that was sent: `way` is post, counter or cabinet."""
    got, at = request.POST, clock.now()
    way = got.get("way", "")
    common: dict[str, Any] = {"actor": actor, "letter": letter, "at": at}
    if way == "post":
        return lambda: actions.send_by_post(
            carrier=got.get("carrier", ""), tracking=got.get("tracking", ""), **common
        )
    if way == "cabinet":
        return lambda: actions.put_in_cabinet(
            cabinet=got.get("cabinet", ""), box=got.get("box", ""), **common
        )
    if way != "counter":
        raise NotFound
    return lambda: actions.hand_over(
        receiver=got.get("receiver", ""),
        relation=got.get("relation", SELF),
        signature=_signature(request, actor),
        **common,
    )


def _signature(request: HttpRequest, actor: Actor) -> StoredFile | None:
    """What the receiver drew on the pad, or a photo or scan of the paper that she signed; None for neither."""
    drawn, paper = request.POST.get("drawn", ""), request.FILES.get("paper")
    if drawn:
        return signing.picture(drawn, clock.now(), actor.party_id)
    if paper is None or paper.file is None:
        return None
    return files.store(
        cast(BinaryIO, paper.file), paper.name or _("送达回证"), at=clock.now(), by=actor.party_id
    )


def _relations() -> list[tuple[str, str]]:
    """Who signs, as the proof of delivery records it, and as the form says it."""
    return [(SELF, _("本人")), ("家属", _("家属")), ("代理人", _("代理人")), ("单位收发", _("单位收发"))]


def _said(way: str) -> str:
    return {
        "post": _("已登记寄出，等回执"),
        "counter": _("已当面交给签收人，送达回证可以打印"),
        "cabinet": _("已放入自助柜，取件码已发给本人"),
    }.get(way, "")


def _do(request: HttpRequest, letter: Letter, verb: Callable[[], object], said: str) -> HttpResponse:
    try:
        with write():
            verb()
    except Refusal as refusal:
        fresh = queries.letter_by_ref(letter.ref)
        assert fresh is not None
        return _shown(request, fresh, refusal.message(get_language() or "zh"), refusal.status)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("staff-letter", args=[letter.ref]))


def _shown(request: HttpRequest, letter: Letter, error: str = "", status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    context = {
        **queries.letter_row(letter),
        **forms(request, letter),
        "case_href": href_of(letter.case),
        "may": may(actor, "update", thing_of("application", letter.case)).allowed,
        "errors": {"main": error} if error else {},
    }
    return page(request, "staff/letter.html", context, status=status)


def forms(request: HttpRequest, letter: Letter) -> dict[str, Any]:
    """What the three forms show: what was typed, or what is most often right."""
    open_ways = {one.way for one in letter.deliveries.all() if one.state != "returned"}
    got = request.POST
    return {
        "open_ways": open_ways,
        "typed": {"carrier": CARRIER, **got.dict()} if got else {"carrier": CARRIER},
        "relations": _relations(),
        "way": got.get("way", ""),
    }


@door(None, "application", of=case_of_letter, post="update")
def label(request: HttpRequest, case: Case) -> HttpResponse:
    """寄件单: name and whole address for the envelope; that they were read is logged."""
    found, actor = _letter(request), actor_of(request)
    with write():
        audit.record(
            actor, "read", thing_of("application", case), at=clock.now(), purpose="case",
            body={"letter": found.number, "read": "address"},
        )  # fmt: skip
    row = queries.letter_row(found)
    return render(request, "staff/label.html", {**row, "address": queries.address_of(found)})


@door(None, "application", of=case_of_delivery, post="update")
def step(request: HttpRequest, case: Case) -> HttpResponse:
    """The next step of one way: the return receipt came, the letter came back, the code opened the box."""
    ref = request.resolver_match.kwargs["ref"]  # type: ignore[union-attr]
    found = queries.delivery_by_ref(ref)
    assert found is not None  # the door has found its case
    got, act = request.POST, request.POST.get("act", "")
    common: dict[str, Any] = {"actor": actor_of(request), "delivery": found, "at": clock.now()}
    verbs: dict[str, tuple[Callable[[], object], str]] = {
        "arrived": (
            lambda: actions.post_delivered(
                receiver=got.get("receiver", ""), relation=got.get("relation", SELF), **common
            ),
            _("已登记签收，送达回证可以打印"),
        ),
        "returned": (
            lambda: actions.returned(because=got.get("because", ""), **common),
            _("已登记退回，请换一种方式送达"),
        ),
        "collected": (
            lambda: actions.collect_from_cabinet(code=got.get("code", ""), **common),
            _("取件码正确，已取走"),
        ),
    }
    if act not in verbs:
        raise NotFound
    verb, said = verbs[act]

    def counted() -> None:
        try:
            verb()
        except WrongCabinetCode:
            wrong.append(True)
            raise

    wrong: list[bool] = []
    answer = _do(request, found.letter, counted, said)
    if wrong:
        with write():  # the refused transaction took its own count back
            count_wrong_code(found)
    return answer
