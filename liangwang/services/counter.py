"""综窗: an application filled in for the person present, the papers on the counter, and her confirmation of both."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from liangwang.base import audit
from liangwang.base.access import require, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label

from . import actions, catalogue, confirming, routing
from .counter_visits import assisted, holder_of
from .drafting import see
from .models import Draft
from .models_counter import Visit
from .models_together import Confirmation

PRESENT = ("code", "paper")
WAYS: dict[str, Label] = {
    "code": {"zh": "本人再次亮码", "en": "showed her code again"},
    "number": {"zh": "本人报出确认码", "en": "said the number sent to her"},
    "phone": {"zh": "本人在自己手机上同意", "en": "agreed on her own phone"},
    "paper": {"zh": "本人在申请确认单上签字", "en": "signed the printed summary"},
}


class NotConfirmed(Refusal):
    status, code = 409, "not_confirmed"
    template: ClassVar[Label] = {
        "zh": "还没有本人确认，或确认以后内容又改过：请再请本人确认一次",
        "en": "She has not confirmed, or something changed since she did: let her confirm again",
    }


class WrongNumber(Refusal):
    status, code = 422, "wrong_number"
    template: ClassVar[Label] = {
        "zh": "确认码不对或已过期（还可试 {left} 次）",
        "en": "The number is wrong or too old ({left} more tries)",
    }


class NotHerCode(Refusal):
    status, code = 422, "not_her_code"
    template: ClassVar[Label] = {
        "zh": "这不是窗口前这位的码，或已过期，请刷新后再扫",
        "en": "This is not her code, or it has expired: refresh it and scan again",
    }


def begin(*, actor: Actor, visit: Visit, key: str, at: datetime) -> Draft:
    """Opens her draft of an item at this counter; raises NotCitywide where only her own district takes it in."""
    hat = assisted(actor, visit, at)
    routing.elsewhere(catalogue.bound(key), visit.office.place, visit.subject.person.home)
    draft = actions.start_draft(actor=hat, key=key, at=at)
    visit.draft, visit.confirmed = draft, {}
    visit.save(update_fields=["draft", "confirmed"])
    return draft


def take_papers(*, actor: Actor, visit: Visit, ticked: Iterable[str], at: datetime) -> None:
    """收件 by ticking: which of the materials asked for lie on the counter; the list is the whole truth each time."""
    hat, draft = assisted(actor, visit, at), draft_of(visit)
    require(hat, "update", thing_of("draft", draft))
    asked = {need.id for need in see(draft, at).compiled.needs if need.supply.way in ("ask", "commitment")}
    papers = sorted(asked & set(ticked))
    if papers != draft.papers:
        draft.papers, draft.updated_at = papers, at
        draft.save(update_fields=["papers", "updated_at"])
        audit.record(hat, "update", thing_of("draft", draft), at=at, body={"papers": papers})


def draft_of(visit: Visit) -> Draft:
    if visit.draft is None:
        raise NotFound
    draft = Draft.objects.select_related("version", "applicant", "place").get(pk=visit.draft.pk)
    visit.draft = draft
    return draft


def ask_her(*, actor: Actor, visit: Visit, at: datetime) -> Confirmation:
    """Asks her to confirm the draft as it stands: by a message on her own phone, and then by what she reads out."""
    hat, draft = assisted(actor, visit, at), draft_of(visit)
    asked = confirming.open_question(draft)
    if asked is None or not confirming.may_have_code(asked):
        return confirming.ask_confirmation(actor=hat, draft=draft, at=at, whole=False)
    return asked


def text_her(*, actor: Actor, visit: Visit, at: datetime) -> str:
    """Sends six digits to her phone; in a demonstration they come back, for the page to show. Raises as `send_code`."""
    hat = assisted(actor, visit, at)
    asked = confirming.open_question(draft_of(visit))
    if asked is None:
        raise NotFound
    return "" if asked.confirmed_at else confirming.send_code(actor=hat, confirmation=asked, at=at)


def try_number(*, actor: Actor, visit: Visit, said: str, at: datetime) -> int | None:
    """Confirms with the digits that she read out: None where they are right, else how many tries are left."""
    hat, draft = assisted(actor, visit, at), draft_of(visit)
    asked = confirming.open_question(draft)
    if asked is None:
        return 0
    left = confirming.try_code(actor=hat, confirmation=asked, typed=said, at=at)
    if left is None:
        _note(hat, visit, draft, "number", at)
    return left


def confirm(*, actor: Actor, visit: Visit, way: str, said: str, at: datetime) -> None:
    """Her confirmation of the draft as it stands, present at the counter: by her city code again, or signed on paper.

    Raises NotHerCode, and NotFound for another way.
    """
    hat, draft = assisted(actor, visit, at), draft_of(visit)
    if way not in PRESENT:
        raise NotFound
    if way == "code" and holder_of(said, at) != visit.subject_id:
        raise NotHerCode
    _note(hat, visit, draft, way, at)


def _note(hat: Actor, visit: Visit, draft: Draft, way: str, at: datetime) -> None:
    visit.confirmed = {
        "way": way, "at": at.isoformat(), "draft": draft.ref, "digest": confirming.digest(draft),
    }  # fmt: skip
    visit.save(update_fields=["confirmed"])
    audit.record(hat, "update", thing_of("draft", draft), at=at, body={"confirmed": way, "visit": visit.ref})


def her_word(visit: Visit, at: datetime) -> dict[str, str]:
    """How and when she confirmed the draft as it stands, {way, at, draft, digest}; {} where she has not."""
    draft = visit.draft
    if draft is None:
        return {}
    now = confirming.digest(draft)
    if visit.confirmed.get("digest") == now:
        return dict(visit.confirmed)
    own = confirming.confirmed_by_her(draft, at)
    if own is None or own.confirmed_at is None:
        return {}
    return {"way": "phone", "at": own.confirmed_at.isoformat(), "draft": draft.ref, "digest": now}
