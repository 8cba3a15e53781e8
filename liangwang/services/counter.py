"""综窗: who stands at the counter, her data on the ground of the visit, an application filled in for her and confirmed by her."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.utils.translation import get_language

from liangwang.base import audit, notices
from liangwang.base.access import Thing, require, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor, wear
from liangwang.base.keys import blind
from liangwang.base.labels import Label, pick
from liangwang.base.models import Party, Person, PurposeGrant
from liangwang.base.packs import declarations
from liangwang.base.subjects import masked, person_by_identity, unseal_field
from liangwang.base.working_days import local_day
from liangwang.cases import queries as case_queries
from liangwang.hub import queries as hub

from . import actions, catalogue, confirming, queries_codes, routing
from .actions.submit import submit
from .code_tokens import LIFE_S, looks_like_handle, open_handle
from .drafting import see
from .models import Draft, Submission
from .models_counter import DeskFilter, Intake, Paper, Visit
from .queries.applications import applications_of
from .queries.drafts import drafts_of

PURPOSE = "counter"
IDENTITY_LENGTH = 18
TRIES = 5
NUMBER_LIFE = timedelta(minutes=10)
WAYS: dict[str, Label] = {
    "code": {"zh": "本人再次亮码", "en": "showed her code again"},
    "number": {"zh": "本人报出确认码", "en": "said the number sent to her"},
    "paper": {"zh": "本人在申请确认单上签字", "en": "signed the printed summary"},
}


class NobodyFound(Refusal):
    status, code = 404, "nobody_found"
    template: ClassVar[Label] = {
        "zh": "没有找到这个人：请核对号码，或请本人在亮码页刷新后再扫",
        "en": "Nobody found: check the number, or let her refresh the code and scan it again",
    }


class GateCode(Refusal):
    """The signed code verifies offline and names nobody: a counter needs the other one."""

    status, code = 422, "gate_code"
    template: ClassVar[Label] = {
        "zh": "这是门岗用的离线码，不含身份；请扫亮码页下方的窗口码，或输入 26 位码、身份证号",
        "en": "This is the offline code of gates, which names nobody: scan the counter's code below it, or type a number",
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


# --- who stands there ----------------------------------------------------------------------------------


def recognise(text: str, at: datetime) -> tuple[Person, str]:
    """The person whose city code (26 characters) or identity number was scanned or typed, and by which of the two.

    Raises GateCode for the signed text of a gate, NobodyFound otherwise.
    """
    typed = text.strip()
    if typed.upper().startswith("LW1:"):
        raise GateCode
    if len(typed) == IDENTITY_LENGTH:
        person = person_by_identity(typed)
        if person is not None:
            return person, Visit.Found.IDENTITY
    if looks_like_handle(typed) and (subject_id := _holder_of(typed, at)):
        person = Person.objects.select_related("subject", "home").filter(pk=subject_id).first()
        if person is not None:
            return person, Visit.Found.CODE
    raise NobodyFound


def _holder_of(text: str, at: datetime) -> int | None:
    """The subject of a handle that is not older than a code lives; None for any other text."""
    opened = open_handle(text.strip())
    if opened is None or not 0 <= at.timestamp() - opened.issued_s <= LIFE_S:
        return None
    return opened.subject_id


def open_visit(*, actor: Actor, text: str, at: datetime) -> Visit:
    """Begins to serve whoever was scanned or typed: the one before leaves, and her data are open on this ground alone."""
    require(actor, "create", _place_of(actor))
    person, found_by = recognise(text, at)
    for before in Visit.objects.filter(post_id=actor.post_id or 0, ended_at=None):
        _end(before, at)
    assert actor.post_id is not None
    assert actor.office_id is not None
    visit = Visit.objects.create(
        subject_id=person.pk,
        post_id=actor.post_id,
        office_id=actor.office_id,
        found_by=found_by,
        opened_at=at,
    )
    PurposeGrant.objects.create(
        case_ref=visit.ref, subject_id=person.pk, purpose=PURPOSE, office_id=actor.office_id, opened_at=at
    )
    hat = assisted(actor, visit, at)
    thing = thing_of("person", person)
    require(hat, "read", thing, "case")
    audit.record(hat, "read", thing, at=at, purpose="case", body={"visit": visit.ref, "found_by": found_by})
    return visit


def _place_of(actor: Actor) -> Thing:
    """A visit that is not there yet: it would be one of the actor's own office."""
    return Thing(
        kind="visit",
        place_code=actor.place_code,
        office_ids=frozenset({actor.office_id} if actor.office_id else ()),
    )


def end_visit(*, actor: Actor, visit: Visit, at: datetime) -> None:
    """She leaves: what was opened for her is closed, a draft stays hers."""
    _own(actor, visit)
    _end(visit, at)
    audit.record(actor, "update", thing_of("visit", visit), at=at, body={"ended": True})


def _end(visit: Visit, at: datetime) -> None:
    visit.ended_at, visit.code_hash = at, ""
    visit.save(update_fields=["ended_at", "code_hash"])
    PurposeGrant.objects.filter(case_ref=visit.ref, ended_at=None).update(ended_at=at)


def visit_by_ref(ref: str) -> Visit | None:
    """The visit that a page names, with whom it serves."""
    return (
        Visit.objects.select_related("subject__person__home", "post", "office__place", "draft__version")
        .filter(ref=ref)
        .first()
    )


def visit_of(actor: Actor) -> Visit | None:
    """Whoever this post serves now."""
    return Visit.objects.filter(post_id=actor.post_id or 0, ended_at=None).first()


def _own(actor: Actor, visit: Visit) -> None:
    """Only the post that serves her sees her; raises NotFound for colleagues and after she has left."""
    if visit.post_id != actor.post_id or visit.ended_at is not None:
        raise NotFound


def assisted(actor: Actor, visit: Visit, at: datetime) -> Actor:
    """The hat in which the post acts for the person present; raises NotFound when she has left."""
    _own(actor, visit)
    party = Party.objects.get(pk=actor.party_id or 0)
    return wear(party, f"assisted:{visit.post.ref}:{visit.subject.ref}", at)


def person_shown(actor: Actor, visit: Visit, at: datetime) -> dict[str, Any]:
    """Her data and certificates for the counter's page.

    Returns {name, identity: masked, phone: masked, sex, age, home: Label | None, facts: [{label, value, source,
    state}], certificates (as in queries_codes), drafts, running}.
    """
    _own(actor, visit)
    person: Person = visit.subject.person
    identity, phone = unseal_field(person, "identity") or "", unseal_field(person, "phone") or ""
    today = local_day(at)
    born = person.birth_on
    return {
        "name": person.name,
        "identity": f"{identity[:6]}{'*' * 8}{identity[-4:]}" if identity else "",
        "phone": f"{phone[:3]}****{phone[-4:]}" if phone else "",
        "sex": person.sex,
        "age": today.year - born.year - ((today.month, today.day) < (born.month, born.day)),
        "home": person.home.name if person.home else None,
        "facts": _known(person.pk),
        "certificates": queries_codes.certificates(person.pk, at),
        "drafts": drafts_of(person.pk),
        "running": [one for one in applications_of(person.pk) if not one["closed"]],
    }


def _known(subject_id: int) -> list[dict[str, Any]]:
    labels = {d.key: d.value.label for d in declarations("attributes.csv")}
    return [
        {
            "label": labels.get(row["attribute"], {"zh": row["attribute"], "en": row["attribute"]}),
            "value": row["value"],
            "state": row["state"],
            "at": row["at"],
        }
        for row in hub.known(subject_id)
        if row["value"] not in (None, "")
    ]


# --- writing for her -----------------------------------------------------------------------------------


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
    hat, draft = assisted(actor, visit, at), _draft(visit)
    require(hat, "update", thing_of("draft", draft))
    asked = {need.id for need in see(draft, at).compiled.needs if need.supply.way in ("ask", "commitment")}
    papers = sorted(asked & set(ticked))
    if papers != draft.papers:
        draft.papers, draft.updated_at = papers, at
        draft.save(update_fields=["papers", "updated_at"])
        audit.record(hat, "update", thing_of("draft", draft), at=at, body={"papers": papers})


def _draft(visit: Visit) -> Draft:
    if visit.draft is None:
        raise NotFound
    draft = Draft.objects.select_related("version", "applicant", "place").get(pk=visit.draft.pk)
    visit.draft = draft
    return draft


def digest(draft: Draft) -> str:
    """What she confirms, as a keyed hash: everything that is handed in, and which papers lie on the counter."""
    return blind(f"{confirming.digest(draft)}:{'|'.join(draft.papers)}", "confirmed draft")


def send_number(*, actor: Actor, visit: Visit, at: datetime) -> None:
    """Sends six digits to her messages, which she reads out: they stand for this draft for ten minutes."""
    _own(actor, visit)
    number = f"{secrets.randbelow(10**6):06d}"
    visit.code_hash, visit.code_tries = _sealed(visit, number, at), 0
    visit.save(update_fields=["code_hash", "code_tries"])
    label = _draft(visit).version.body["head"]["label"]
    notices.notify(
        to=visit.subject,
        template="counter.confirm",
        title={"zh": f"确认码 {number}", "en": f"Your number: {number}"},
        body={
            "zh": f"您正在窗口办理“{label['zh']}”。核对无误后，把确认码报给窗口人员；不是您本人在办，请不要告诉任何人。",
            "en": f"You are applying at a counter for '{label['en']}'. If all is right, tell the clerk this number;"
            " if it is not you, tell nobody.",
        },
        at=at,
        key=f"counter/{visit.ref}/{at.isoformat()}",
    )


def _sealed(visit: Visit, number: str, at: datetime) -> str:
    """The number's keyed hash with the second until which it holds; it stands for the draft as it is now."""
    until = int((at + NUMBER_LIFE).timestamp())
    return f"{until}:{_hash_of(visit, until, number)}"


def _hash_of(visit: Visit, until: int, number: str) -> str:
    return blind(f"{visit.ref}:{until}:{digest(_draft(visit))}:{number}", "counter number")


def _is_number(visit: Visit, said: str, at: datetime) -> bool:
    """Whether this is the number that was sent to her, in time, for the draft as it still is."""
    until, _, kept = visit.code_hash.partition(":")
    if not kept or int(until) < at.timestamp() or visit.code_tries >= TRIES:
        return False
    return secrets.compare_digest(_hash_of(visit, int(until), said.strip()), kept)


def confirm(*, actor: Actor, visit: Visit, way: str, said: str, at: datetime) -> None:
    """Her confirmation of the draft as it stands: by her code again, by the number sent to her, or signed on paper.

    Raises NotHerCode, WrongNumber (count the try by `check_number` first, in a transaction of its own), NotFound for
    another way.
    """
    hat, draft = assisted(actor, visit, at), _draft(visit)
    if way not in WAYS:
        raise NotFound
    if way == "code" and _holder_of(said, at) != visit.subject_id:
        raise NotHerCode
    if way == "number" and not _is_number(visit, said, at):
        raise WrongNumber(left=max(0, TRIES - visit.code_tries))
    visit.confirmed = {"way": way, "at": at.isoformat(), "draft": draft.ref, "digest": digest(draft)}
    visit.code_hash = ""
    visit.save(update_fields=["confirmed", "code_hash"])
    audit.record(hat, "update", thing_of("draft", draft), at=at, body={"confirmed": way, "visit": visit.ref})


def check_number(*, actor: Actor, visit: Visit, said: str, at: datetime) -> bool:
    """Whether this is the number that was sent to her; each wrong try counts, and the fifth ends the number."""
    _own(actor, visit)
    if _is_number(visit, said, at):
        return True
    visit.code_tries += 1
    visit.save(update_fields=["code_tries"])
    return False


def is_confirmed(visit: Visit) -> bool:
    """Whether she has confirmed the draft as it stands now."""
    draft = visit.draft
    return bool(
        draft and visit.confirmed.get("draft") == draft.ref and visit.confirmed.get("digest") == digest(draft)
    )


def lacking_of(draft: Draft, at: datetime) -> list[Any]:
    """Required materials that are asked for and neither uploaded nor on the counter: [Need]."""
    seen = see(draft, at)
    return [need for need in seen.compiled.materials_asked if need.required and need.id not in seen.files]


def may_come_later(need: Any) -> bool:
    """Whether a material gates a later step only, so that 容缺受理 is possible."""
    return bool(need.gates)


def take_in(*, actor: Actor, visit: Visit, key: str, later: str, at: datetime) -> Submission:
    """收件: hands her confirmed draft in for the office that decides, with paper and, for what is lacking, one notice.

    `later`: "supplement" (one notice that lists everything) or "lacking" (容缺受理: promised, gates a later step).
    Raises NotConfirmed, NotReady, NotCitywide and what handing in raises.
    """
    hat, draft = assisted(actor, visit, at), _draft(visit)
    if not is_confirmed(visit):
        raise NotConfirmed
    # Saving the form once more moved the draft's time, not what she confirmed: her word stands for this moment.
    visit.confirmed = {**visit.confirmed, "given_at": visit.confirmed["at"], "at": at.isoformat()}
    visit.save(update_fields=["confirmed"])
    away = routing.elsewhere(catalogue.bound(draft.key), visit.office.place, visit.subject.person.home)
    lacking = lacking_of(draft, at)
    papers = _labels(draft, at)
    made = submit(actor=hat, draft=draft, key=key, at=at, lacking=frozenset(need.id for need in lacking))
    Intake.objects.get_or_create(
        case=made.case,
        defaults={
            "visit": visit, "office": visit.office, "citywide": away, "confirmed": visit.confirmed, "at": at,
        },
    )  # fmt: skip
    for need, label in papers.items():
        Paper.objects.get_or_create(
            case=made.case, need=need, defaults={"label": label, "held_by": visit.office, "at": at}
        )
    if lacking:
        _ask_for(hat, made, lacking, later, at)
    visit.draft, visit.confirmed = None, {}
    visit.save(update_fields=["draft", "confirmed"])
    return made


def _labels(draft: Draft, at: datetime) -> dict[str, Label]:
    names = {need.id: need.label for need in see(draft, at).compiled.needs}
    return {need: dict(names[need]) for need in draft.papers if need in names}  # type: ignore[misc]


def _ask_for(hat: Actor, made: Submission, lacking: list[Any], later: str, at: datetime) -> None:
    if later == "lacking" and all(may_come_later(need) for need in lacking):
        ids = [need.id for need in lacking]
        actions.accept_lacking(actor=hat, submission=made, materials=ids, at=at)
        return
    wanted: list[Label] = [
        {
            "zh": f"{need.role_label['zh']}的{need.label['zh']}",
            "en": f"{need.label['en']} ({need.role_label['en']})",
        }
        for need in lacking
    ]
    actions.ask_supplement(actor=hat, submission=made, wanted=wanted, at=at)


def still_to_bring(draft: Draft, at: datetime) -> dict[str, Any]:
    """After what data prove: {asked: [Need], not_asked: [Need], office: Label | None, citywide: bool}."""
    seen = see(draft, at)
    office = routing.deciding_office(seen.bound.head.office, draft.place)
    return {
        "asked": seen.compiled.materials_asked,
        "not_asked": seen.compiled.materials_not_asked,
        "office": office.name if office else None,
        "citywide": routing.is_citywide(seen.bound),
    }


def case_from(text: str) -> case_queries.Case | None:
    """The case whose number was scanned or typed; None for any other text."""
    return case_queries.case_by_number(text.strip())


def intake_of(case: case_queries.Case) -> Intake | None:
    """Which counter took a case in; None for one that came over the net."""
    return Intake.objects.select_related("office", "visit__post__party").filter(case=case).first()


def name_of(visit: Visit) -> str:
    """Whom the visit serves, as a screen that others can see shows it."""
    return masked(visit.subject.person.name)


# --- saved filters of the inbox ------------------------------------------------------------------------


def filters_of(actor: Actor) -> list[DeskFilter]:
    """The filters that this person keeps, by name."""
    return list(DeskFilter.objects.filter(party_id=actor.party_id or 0).order_by("name")[:20])


def keep_filter(actor: Actor, *, name: str, query: str, at: datetime) -> DeskFilter:
    """Keeps a filter under a name; the same name again replaces it."""
    assert actor.party_id is not None
    kept, _ = DeskFilter.objects.update_or_create(
        party_id=actor.party_id, name=name[:40], defaults={"query": query[:400], "at": at}
    )
    return kept


def drop_filter(actor: Actor, ref: str) -> None:
    """Takes a kept filter away."""
    DeskFilter.objects.filter(party_id=actor.party_id or 0, ref=ref).delete()


def say(label: Mapping[str, str]) -> str:
    """A label in the reader's language."""
    return pick(dict(label), get_language() or "zh")
