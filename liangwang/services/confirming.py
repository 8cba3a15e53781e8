"""本人确认: what somebody fills in for another counts only when she herself confirms it, at a counter as at home.

One question, one code: she agrees on her own phone, or reads out six digits that stand on her own screen or came by text.
"""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from liangwang.base import audit, notices
from liangwang.base.access import require, thing_of
from liangwang.base.audit import canonical
from liangwang.base.errors import Conflict, NotFound, Refusal
from liangwang.base.hats import Actor
from liangwang.base.keys import blind
from liangwang.base.labels import Label
from liangwang.base.models import Party, Person
from liangwang.base.subjects import masked
from liangwang.base.working_days import local_day

from . import sealed, text_messages
from .drafting import missing, see
from .models import Draft
from .models_counter import Visit
from .models_messages import TextMessage
from .models_together import Confirmation
from .refusals import DraftClosed, NotReady
from .sharing import material_marks

LIFE = timedelta(minutes=10)
TRIES = 5  # wrong entries, over all codes of one question
CODES = 5  # codes that she may ask for, of one question
ASKED_A_DAY = 6  # how often she may be asked about one draft
HOLDS = timedelta(days=7)
ADULT = 18  # 民法典 art. 17


class NotConfirmedByPerson(Conflict):
    """Filled in for somebody who has not confirmed it, or changed since she did."""

    code = "not_confirmed_by_person"
    template: ClassVar[Label] = {
        "zh": "是您代{who}填的，还要本人确认（或确认以后又改过）；请先请本人确认",
        "en": "You filled this in for {who}, who has not confirmed it as it stands now; ask for that first",
    }


class AskedTooOften(Refusal):
    status, code = 429, "asked_too_often"
    template: ClassVar[Label] = {
        "zh": "今天已经请本人确认过很多次，请明天再试，或到窗口当面办理",
        "en": "The person has been asked many times today; try again tomorrow, or go to a counter together",
    }


class NoMoreCodes(Refusal):
    status, code = 429, "no_more_codes"
    template: ClassVar[Label] = {
        "zh": "确认码已经要过好几次；请帮办的人重新发起一次确认",
        "en": "Several codes were made already; let your helper ask once more",
    }


def needs_confirmation(actor: Actor, draft: Draft, at: datetime) -> bool:
    """Whether the actor acts for a person who can speak for herself: not for oneself, a company, or a child."""
    if actor.hat == "guardian":
        born = Person.objects.filter(pk=draft.applicant_id).values_list("birth_on", flat=True).first()
        today = local_day(at)
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day)) if born else 0
        return age >= ADULT
    return actor.hat in {"proxy", "assisted"}


def digest(draft: Draft) -> str:
    """A keyed hash of everything that is handed in: situation, answers as typed, materials, commitments, paper."""
    body = {
        "situation": dict(draft.scenario),
        "answers": sealed.read_all(draft.answers, draft.ref),
        "disputed": sorted(draft.disputed),
        "materials": material_marks(draft),
        "committed": list(draft.committed),
        "papers": sorted(draft.papers),
    }
    return blind(canonical(body).decode(), "confirmed draft")


def is_confirmed(actor: Actor, draft: Draft, at: datetime) -> bool:
    """Whether the applicant has confirmed the draft as it stands, by this question or with her code or pen at a counter."""
    if confirmed_by_her(draft, at) is not None:
        return True
    visit = Visit.objects.filter(post_id=actor.post_id or 0, ended_at=None, draft=draft).first()
    return visit is not None and visit.confirmed.get("digest") == digest(draft)


def confirmed_by_her(draft: Draft, at: datetime) -> Confirmation | None:
    """Her answer to a question about the draft as it stands, at most a week old."""
    rows = Confirmation.objects.filter(draft=draft, subject=draft.applicant_id, refused_at=None)
    return rows.filter(digest=digest(draft), confirmed_at__gt=at - HOLDS).order_by("-confirmed_at").first()


def require_confirmed(actor: Actor, draft: Draft, at: datetime) -> None:
    """Raises NotConfirmedByPerson where somebody acts for another who has not confirmed."""
    if needs_confirmation(actor, draft, at) and not is_confirmed(actor, draft, at):
        raise NotConfirmedByPerson(who=_name(draft))


def ask_confirmation(*, actor: Actor, draft: Draft, at: datetime, whole: bool = True) -> Confirmation:
    """Asks the applicant to confirm what was filled in for her; earlier questions are void.

    A counter may ask before all is there (`whole` False): what is lacking comes later, by one notice. Raises NotReady
    while something is missing, AskedTooOften, NotFound for who does not act for her.
    """
    draft = _locked(draft, actor)
    if not needs_confirmation(actor, draft, at) or actor.for_subject_id != draft.applicant_id:
        raise NotFound
    if whole and (lacking := missing(see(draft, at), at)):
        raise NotReady(
            missing="；".join(one["zh"] for one in lacking),
            missing_en="; ".join(one["en"] for one in lacking),
        )
    rows = Confirmation.objects.filter(draft=draft)
    if rows.filter(asked_at__gt=at - timedelta(days=1)).count() >= ASKED_A_DAY:
        raise AskedTooOften
    rows.filter(confirmed_at=None, refused_at=None).update(refused_at=at, code_hash="")
    made = Confirmation.objects.create(
        draft=draft,
        subject=draft.applicant,
        asked_by_id=actor.party_id,
        text=_words(actor, draft),
        digest=digest(draft),
        asked_at=at,
    )
    notices.notify(
        to=draft.applicant,
        template="services.confirmation_asked",
        title={
            "zh": f"请您确认：{made.text['item']['zh']}",
            "en": f"Please confirm: {made.text['item']['en']}",
        },
        body=made.text["said"],
        at=at,
        key=f"confirmation/{made.ref}",
        link=f"/confirm/{made.ref}/",
    )
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"asked": made.ref})
    return made


def confirmation_by_ref(ref: str) -> Confirmation | None:
    """The question that a link names."""
    rows = Confirmation.objects.select_related(
        "draft__version", "draft__applicant", "draft__place", "subject"
    )
    return rows.filter(ref=ref).first()


def open_question(draft: Draft) -> Confirmation | None:
    """The newest question about a draft that still fits it and was not refused."""
    row = Confirmation.objects.filter(draft=draft, refused_at=None).order_by("-id").first()
    return row if row and row.digest == digest(draft) else None


def fresh_code(*, actor: Actor, confirmation: Confirmation, at: datetime) -> str:
    """Six digits for her own screen, good for ten minutes; the one before is void. Only a keyed hash is kept."""
    return _new_code(_hers(actor, confirmation), at)


def send_code(*, actor: Actor, confirmation: Confirmation, at: datetime) -> str:
    """Six digits by text to her phone, asked for by the helper; '' where a gateway sends them.

    In a demonstration without a gateway the digits themselves, for the page to show and to say why. Raises NoGateway,
    NoPhone, NoMoreCodes, NotFound once it is answered.
    """
    draft = _locked(confirmation.draft, actor)
    row = Confirmation.objects.select_for_update(of=("self",)).get(pk=confirmation.pk)
    if actor.for_subject_id != row.subject_id or row.confirmed_at or row.refused_at:
        raise NotFound
    text_messages.require_way(row.subject)
    code = _new_code(row, at)
    audit.record(actor, "update", thing_of("draft", draft), at=at, body={"texted": row.ref})
    if text_messages.mode() == "demo":
        return code
    assert row.code_until is not None
    text_messages.queue(
        to=row.subject,
        values={"code": code, "minutes": str(int(LIFE.total_seconds() // 60))},
        key=f"{_key_of(row)}{row.codes}",
        until=row.code_until,
        at=at,
    )
    return ""


def may_have_code(confirmation: Confirmation) -> bool:
    """Whether another code may be made for this question, or it must be asked anew."""
    return bool(confirmation.confirmed_at) or (confirmation.codes < CODES and confirmation.tries < TRIES)


def text_of(confirmation: Confirmation) -> TextMessage | None:
    """The newest text message of a question, for a page to say how far it is."""
    return text_messages.latest(_key_of(confirmation))


def _key_of(row: Confirmation) -> str:
    return f"confirmation/{row.ref}/"


def _new_code(row: Confirmation, at: datetime) -> str:
    if not may_have_code(row):
        raise NoMoreCodes
    code = f"{secrets.randbelow(10**6):06d}"
    row.code_hash, row.code_until, row.codes = _hashed(row, code), at + LIFE, row.codes + 1
    row.save(update_fields=["code_hash", "code_until", "codes"])
    return code


def try_code(*, actor: Actor, confirmation: Confirmation, typed: str, at: datetime) -> int | None:
    """Confirms with the code that she read out: None where it is right, else how many tries are left.

    Never raises for a wrong code, because the try must be counted and a refusal would undo the count.
    """
    draft = _locked(confirmation.draft, actor)
    row = Confirmation.objects.select_for_update(of=("self",)).get(pk=confirmation.pk)
    if row.confirmed_at:
        return None
    live = bool(row.code_hash) and row.code_until is not None and at < row.code_until
    right = secrets.compare_digest(_hashed(row, typed.strip()), row.code_hash or "-")
    fits = row.refused_at is None and row.digest == digest(draft)
    if row.tries < TRIES and live and right and fits:
        _confirm(actor, row, "code", at)
        return None
    row.tries += 1
    row.save(update_fields=["tries"])
    audit.record(actor, "update", thing_of("draft", draft), at=at, outcome="refused", body={"code": row.ref})
    return max(0, TRIES - row.tries)


def decide(*, actor: Actor, confirmation: Confirmation, yes: bool, at: datetime) -> None:
    """She confirms, or says no, on her own phone; raises NotConfirmedByPerson where it has changed meanwhile."""
    row = _hers(actor, confirmation)
    if yes:
        if row.digest != digest(row.draft):
            raise NotConfirmedByPerson(who=_name(row.draft))
        _confirm(actor, row, "own phone", at)
        return
    row.refused_at, row.code_hash = at, ""
    row.save(update_fields=["refused_at", "code_hash"])
    body = {"confirmation": row.ref, "given": False}
    audit.record(actor, "update", thing_of("draft", row.draft), at=at, body=body)


def _locked(draft: Draft, actor: Actor) -> Draft:
    rows = Draft.objects.select_for_update(of=("self",)).select_related("version", "applicant")
    fresh = rows.get(pk=draft.pk)
    require(actor, "update", thing_of("draft", fresh))
    if fresh.state != Draft.State.OPEN:
        raise DraftClosed
    return fresh


def _confirm(actor: Actor, row: Confirmation, way: str, at: datetime) -> None:
    row.confirmed_at, row.code_hash = at, ""
    row.save(update_fields=["confirmed_at", "code_hash"])
    body = {
        "confirmation": row.ref,
        "given": True,
        "way": way,
        "digest": row.digest,
        "text": row.text["said"],
    }
    audit.record(actor, "update", thing_of("draft", row.draft), at=at, body=body)


def _hers(actor: Actor, confirmation: Confirmation) -> Confirmation:
    """The open question, held by this transaction; NotFound for anybody else and when it is over."""
    rows = Confirmation.objects.select_for_update(of=("self",)).select_related(
        "draft__version", "draft__applicant"
    )
    row = rows.get(pk=confirmation.pk)
    if actor.hat != "self" or actor.for_subject_id != row.subject_id or row.confirmed_at or row.refused_at:
        raise NotFound
    return row


def _hashed(row: Confirmation, code: str) -> str:
    return blind(f"{row.ref}:{code}", "confirmation")


def _words(actor: Actor, draft: Draft) -> dict[str, Label]:
    """What she confirms, in words without any of her numbers: who, which item, how much."""
    item: Label = draft.version.body["head"]["label"]
    helper = (
        Party.objects.filter(pk=actor.party_id or 0).values_list("label", flat=True).first() or actor.label
    )
    where = f"（{actor.label['zh'].partition(' · ')[0]}）" if actor.office_id else ""
    where_en = f" ({actor.label['en'].partition(' · ')[0]})" if actor.office_id else ""
    filled, files = len(draft.answers), draft.materials.filter(ended_at=None).count()
    return {
        "item": item,
        "said": {
            "zh": f"{helper.get('zh', '')}{where}替您填好了“{item['zh']}”：{filled} 项内容、{files} 份材料。"
            "请您本人看一看，同意才会提交。",
            "en": f"{helper.get('en', '')}{where_en} has filled in '{item['en']}' for you: {filled} answers and"
            f" {files} materials. Look at them; nothing is handed in unless you agree.",
        },
    }


def _name(draft: Draft) -> str:
    name = Person.objects.filter(pk=draft.applicant_id).values_list("name", flat=True).first()
    return masked(name) if name else "本人"
