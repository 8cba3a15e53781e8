"""Who stands at the counter, found by code or number, and her data on the ground of the visit alone."""

from datetime import datetime
from typing import Any, ClassVar

from liangwang.base import audit
from liangwang.base.access import Thing, require, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor, wear
from liangwang.base.labels import Label
from liangwang.base.models import Party, Person, Place, PurposeGrant
from liangwang.base.packs import declarations
from liangwang.base.subjects import masked, person_by_identity, unseal_field
from liangwang.base.working_days import local_day
from liangwang.hub import queries as hub

from . import catalogue, queries_codes, sealed
from .code_tokens import LIFE_S, looks_like_handle, open_handle
from .models_counter import Visit
from .queries.applications import applications_of
from .queries.drafts import drafts_of
from .worded import worded

PURPOSE = "counter"
IDENTITY_LENGTH = 18
SHOWN_ALREADY = {"name", "sex", "identity_number", "birth_date", "phone"}  # in the head of the page


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
    if looks_like_handle(typed) and (subject_id := holder_of(typed, at)):
        person = Person.objects.select_related("subject", "home").filter(pk=subject_id).first()
        if person is not None:
            return person, Visit.Found.CODE
    raise NobodyFound


def holder_of(text: str, at: datetime) -> int | None:
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
    own(actor, visit)
    _end(visit, at)
    audit.record(actor, "update", thing_of("visit", visit), at=at, body={"ended": True})


def _end(visit: Visit, at: datetime) -> None:
    visit.ended_at = at
    visit.save(update_fields=["ended_at"])
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


def own(actor: Actor, visit: Visit) -> None:
    """Only the post that serves her sees her; raises NotFound for colleagues and after she has left."""
    if visit.post_id != actor.post_id or visit.ended_at is not None:
        raise NotFound


def assisted(actor: Actor, visit: Visit, at: datetime) -> Actor:
    """The hat in which the post acts for the person present; raises NotFound when she has left."""
    own(actor, visit)
    party = Party.objects.get(pk=actor.party_id or 0)
    return wear(party, f"assisted:{visit.post.ref}:{visit.subject.ref}", at)


def person_shown(actor: Actor, visit: Visit, at: datetime) -> dict[str, Any]:
    """Her data and certificates for the counter's page.

    Returns {name, identity: masked, phone: masked, sex, age, home: Label | None, facts: [{label, value, source,
    state}], certificates (as in queries_codes), drafts, running}.
    """
    own(actor, visit)
    person: Person = visit.subject.person
    identity, phone = unseal_field(person, "identity") or "", unseal_field(person, "phone") or ""
    today = local_day(at)
    born = person.birth_on
    return {
        "name": person.name,
        "identity": sealed.masked("person.identity_number", identity),
        "phone": sealed.masked("person.phone", phone),
        "sex": person.sex,
        "age": today.year - born.year - ((today.month, today.day) < (born.month, born.day)),
        "home": person.home.name if person.home else None,
        "facts": _known(person.pk),
        "certificates": queries_codes.certificates(person.pk, at),
        "drafts": drafts_of(person.pk),
        "running": [one for one in applications_of(person.pk) if not one["closed"]],
    }


def _known(subject_id: int) -> list[dict[str, Any]]:
    """What the registers know of her, in words: choices by name, numbers and addresses masked, places by name."""
    attributes = {d.key: d.value for d in declarations("attributes.csv")}
    rows = [row for row in hub.known(subject_id) if row["value"] not in (None, "")]
    codes = [str(row["value"]) for row in rows if _kind(attributes.get(row["attribute"])) == "place"]
    places = dict(Place.objects.filter(code__in=codes).values_list("code", "name"))
    return [
        {
            "label": attribute.label if attribute else {"zh": row["attribute"], "en": row["attribute"]},
            "value": places.get(str(row["value"])) or _said(row["attribute"], attribute, row["value"]),
            "state": row["state"],
            "at": row["at"],
        }
        for row in rows
        for attribute in [attributes.get(row["attribute"])]
        if row["attribute"] not in SHOWN_ALREADY
    ]


def _kind(attribute: Any) -> str:
    return attribute.type if attribute else ""


def _said(key: str, attribute: Any, value: Any) -> Any:
    concept = catalogue.words().concepts.get(attribute.concept) if attribute else None
    shown = worded(concept, f"person.{key}", value) if concept else value
    return sealed.masked(f"person.{key.removeprefix('home_')}", shown) if isinstance(shown, str) else shown


def name_of(visit: Visit) -> str:
    """Whom the visit serves, as a screen that others can see shows it."""
    return masked(visit.subject.person.name)
