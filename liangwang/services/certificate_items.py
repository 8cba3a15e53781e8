"""Items about one certificate: change, renewal, replacement, giving up, and being heard before it is revoked.

They are made of certificate_items.yaml and of what the certificate states, and are applied for like any other item.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from liangwang.base.access import relation, require, thing_of
from liangwang.base.errors import NotFound
from liangwang.base.hats import Actor
from liangwang.base.yaml import load
from liangwang.cases.history import is_live
from liangwang.cases.queries import Case

from . import catalogue, sealed
from .after_plans import LABELS
from .certificate_layouts import layout_of
from .certified import stated_values
from .compiled import Bound, Source
from .declare import Item
from .models import Certificate, Draft
from .vocabulary import field_id

PACK = "services"
KINDS = ("change", "renewal", "reissue", "cancellation", "heard")
HOLDING = {"self", "company", "guardian", "proxy", "assisted"}


class About(NamedTuple):
    """What is asked (one of KINDS), and of which certificate."""

    kind: str
    certificate: Certificate


def key_of(kind: str, certificate: Certificate) -> str:
    """The key under which such a draft is begun: services:renewal.<ref>."""
    return f"{PACK}:{kind}.{certificate.ref}"


def about(key: str) -> About | None:
    """The certificate behind a key; None for an item of the catalogue, and for what never was."""
    pack, _, name = key.partition(":")
    kind, _, ref = name.partition(".")
    if pack != PACK or kind not in KINDS:
        return None
    found = Certificate.objects.select_related("office__place", "subject", "keeper", "case").filter(ref=ref)
    certificate = found.first()
    return About(kind, certificate) if certificate else None


def bound(key: str) -> Bound:
    """The item called `key`, of the catalogue or about a certificate; raises NotFound where it cannot be asked now."""
    asked = about(key)
    if asked is None:
        return catalogue.bound(key)
    if asked.kind not in offered(asked.certificate):
        raise NotFound
    return _bound(key, asked)


def offered(certificate: Certificate) -> dict[str, Case | None]:
    """What may be asked now, by kind, each with the open case in which it is being decided already."""
    if certificate.revoked_at is not None or certificate.replaced_by_id is not None:
        return {}
    live = {
        case.follows_as: case
        for case in Case.objects.filter(
            subject_id=certificate.kept_by_id, follows_as__in=LABELS, facts__certificate=certificate.ref
        ).order_by("id")
        if is_live(case)
    }
    found = {kind: live.get(kind) for kind in ("reissue", "cancellation")}
    if certificate.body["values"]:
        found = {"change": live.get("change"), **found}
    if certificate.valid_until is not None:
        found = {"renewal": live.get("renewal"), **found}
    if to_be_heard(live.get("revocation")):
        found = {"heard": None, **found}
    return found


def to_be_heard(revocation: Case | None) -> bool:
    """Whether the holder may still say something before it is decided."""
    return (
        revocation is not None
        and revocation.tasks.filter(node="hear", state__in=("ready", "accepted")).exists()
    )


def revocation_of(certificate: Certificate) -> Case | None:
    """The case in which the certificate is to be revoked; None where there is none open."""
    rows = Case.objects.filter(
        subject_id=certificate.kept_by_id, follows_as="revocation", facts__certificate=certificate.ref
    )
    return next((case for case in rows.order_by("-id") if is_live(case)), None)


def begin(actor: Actor, key: str) -> dict[str, str]:
    """Whether this hat may begin it (raises NotFound), and what of its situation is known; {} for other items."""
    asked = about(key)
    if asked is None:
        return {}
    thing = thing_of("certificate", asked.certificate)
    require(actor, "read", thing)
    if relation(actor, thing) not in HOLDING:
        raise NotFound
    role = asked.certificate.role
    own = actor.for_subject_id == asked.certificate.subject_id
    return {"i_am": role} if own and role != "applicant" else {}


def stated_in(draft: Draft) -> tuple[Certificate, dict[str, Any]] | None:
    """The certificate that a draft is about with its values by "role.concept"; None for any other draft."""
    asked = about(draft.key)
    return (asked.certificate, stated_values(asked.certificate)) if asked else None


def is_about(key: str) -> bool:
    """Whether a key names an item about a certificate; known without a statement."""
    return key.startswith(f"{PACK}:")


@cache
def _templates() -> dict[str, dict[str, Any]]:
    document = load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = document.data
    return found


def _bound(key: str, asked: About) -> Bound:
    certificate, office = asked.certificate, asked.certificate.office
    body = dict(_templates()[asked.kind])
    name = certificate.body["label"]
    body["label"] = {lang: text.format(**name) for lang, text in body["label"].items()}
    body["item"] = asked.kind
    body["office"] = {"department": office.department, "level": office.level}
    if asked.kind == "change":
        body["fields"] = [*_fields(certificate), *body["fields"]]
        body["roles"] = {certificate.role: {"zh": "证照内容", "en": "What it states"}}
    item = msgspec.convert(body, Item)
    return Bound(key, item, (Source(key, item),))


def _fields(certificate: Certificate) -> list[dict[str, Any]]:
    """What it states, each to be kept or changed; a value that is known masked only is left empty to keep it."""
    known, role = stated_values(certificate), certificate.role
    stays = {"zh": "空着就不变", "en": "Leave it empty to keep it as it is"}
    return [
        {
            "concept": concept,
            "role": role,
            "required": field in known,
            **({} if field in known else {"hint": stays}),
        }
        for concept in layout_of(certificate.type).shows
        if (field := field_id(role, concept)) in certificate.body["values"]
    ]


def changed(asked: About, values: Mapping[str, Any]) -> dict[str, str]:
    """Of the values of a form, those that are not what the certificate says."""
    printed = asked.certificate.body["values"]
    return {
        field: str(value)
        for field, value in values.items()
        if field in printed and str(sealed.masked(field, value)) != str(printed[field])
    }
