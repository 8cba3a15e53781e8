"""Hats: one session is one person wearing one hat; machines have hats too. Nothing here is cached, so revocation is at once."""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import FilteredRelation, Q
from django.http import HttpRequest

from .clock import now
from .errors import Refusal
from .labels import Label
from .models import CompanyRole, Deputation, Guardian, Mandate, Office, Party, Post, SourceKey, Subject
from .packs import packs


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, and as what. `for_subject_id` is the one acted for: oneself, a company, a ward, a giver."""

    hat: str  # anonymous self company guardian proxy assisted post source platform
    role: str
    label: Label
    key: str = ""  # the hat as a session keeps it, e.g. post:<ref>
    party_id: int | None = None
    party_ref: str = ""
    subject_id: int | None = None
    for_subject_id: int | None = None
    level: str = "none"
    place_code: str = ""
    office_id: int | None = None
    office_key: str = ""
    department: str = ""
    post_id: int | None = None
    mandate_ref: str = ""
    scope: tuple[str, ...] = ("*",)
    assurance: str = "basic"

    @property
    def is_anonymous(self) -> bool:
        return self.hat == "anonymous"

    @property
    def is_post(self) -> bool:
        return self.hat == "post"


class HatGone(Refusal):
    """The hat in the session has ended: a post left, a mandate revoked."""

    status, code = 403, "hat_gone"
    template = {"zh": "您的这个身份已经失效，请换一个身份", "en": "This role has ended; choose another"}


ANONYMOUS = Actor(hat="anonymous", role="anonymous", label={"zh": "未登录", "en": "not signed in"})


def platform(pack: str) -> Actor:
    """The hat of a rule or clock that acts for a pack; never more than the platform's rows allow."""
    name = next((one.meta.name for one in packs() if one.key == pack), Label(zh=pack, en=pack))
    return Actor(
        hat="platform",
        role="platform",
        key=f"platform:{pack}",
        label={"zh": f"系统（{name['zh']}）", "en": f"system ({name['en']})"},
        assurance="strong",
    )


def _named(office: dict[str, str], party: Party) -> Label:
    """An office with who holds the post there."""
    name: dict[str, str] = party.label
    said = {lang: f"{office[lang]} · {name.get(lang, party.login_name)}" for lang in ("zh", "en")}
    return {"zh": said["zh"], "en": said["en"]}


def _self_hat(party: Party, assurance: str) -> Actor:
    return Actor(
        hat="self",
        role="resident",
        key="self",
        label={"zh": "本人", "en": "myself"},
        party_id=party.pk,
        party_ref=party.ref,
        subject_id=party.subject_id,
        for_subject_id=party.subject_id,
        assurance=assurance,
    )


def post_hat(post: Post, assurance: str = "strong") -> Actor:
    """The hat of a post: role, office, place and department come from the office."""
    office = post.office
    return Actor(
        hat="post",
        role=post.role,
        key=f"post:{post.ref}",
        label=_named(office.name, post.party),
        party_id=post.party_id,
        party_ref=post.party.ref,
        subject_id=post.party.subject_id,
        level=office.level,
        place_code=office.place.code,
        office_id=office.pk,
        office_key=office.key,
        department=office.department,
        post_id=post.pk,
        assurance=assurance,
    )


def _live_post(party: Party, ref: str) -> Post | None:
    return (
        Post.objects.select_related("office__place", "party")
        .filter(party=party, ref=ref, ended_at=None, office__ended_at=None)
        .first()
    )


def _mandate(party: Party, ref: str, at: datetime) -> Mandate | None:
    return Mandate.objects.filter(
        taker=party, ref=ref, revoked_at=None, starts_at__lte=at, ends_at__gt=at
    ).first()


def _for_subject(party: Party, kind: str, ref: str, at: datetime) -> Actor | None:
    """Company, guardian and proxy hats: a resident acting for another subject; None when the right has ended."""
    me = _self_hat(party, "strong")
    if kind == "company":
        return _company_hat(me, party, ref)
    if kind == "guardian":
        ward = Guardian.objects.filter(guardian=party.subject, ward__ref=ref, ended_at=None).first()
        if ward is None:
            return None
        label: Label = {"zh": "监护人", "en": "guardian"}
        return replace(me, hat="guardian", key=f"guardian:{ref}", for_subject_id=ward.ward_id, label=label)
    mandate = _mandate(party, ref, at)
    if mandate is None:
        return None
    return replace(
        me,
        hat="proxy",
        key=f"proxy:{ref}",
        for_subject_id=mandate.giver_id,
        mandate_ref=mandate.ref,
        scope=tuple(mandate.scope),
        label={"zh": "受托代办", "en": "acting under a mandate"},
    )


def _company_hat(me: Actor, party: Party, ref: str) -> Actor | None:
    roles = CompanyRole.objects.filter(person=party.subject, company__ref=ref, ended_at=None)
    role = roles.select_related("company__company").first()
    if role is None:
        return None
    name = role.company.company.name
    return replace(
        me,
        hat="company",
        role="company",
        key=f"company:{ref}",
        for_subject_id=role.company_id,
        label={"zh": name, "en": name},
    )


def wear(party: Party, key: str, at: datetime, *, assurance: str = "strong") -> Actor:
    """The actor for a session's hat key; raises HatGone when the hat has ended."""
    kind, _, ref = key.partition(":")
    if kind == "self":
        if party.subject_id is None:
            raise HatGone
        return _self_hat(party, assurance)
    if kind == "post":
        post = _live_post(party, ref)
        if post is None:
            raise HatGone
        return post_hat(post, assurance)
    if kind == "deputy":
        return _deputy(party, ref, at, assurance)
    if kind == "assisted":
        return _assisted(party, ref)
    actor = _for_subject(party, kind, ref, at)
    if actor is None:
        raise HatGone
    return actor


def _lent(at: datetime) -> Q:
    """Deputations in force, of posts that still exist."""
    return Q(
        revoked_at=None, starts_at__lte=at, ends_at__gt=at, post__ended_at=None, post__office__ended_at=None
    )


def _deputy(party: Party, ref: str, at: datetime, assurance: str) -> Actor:
    """A colleague at the desk of a post that is away: the post's rights, the own name, and the log says which."""
    rows = party.deputations.filter(_lent(at), ref=ref).select_related("post__office__place", "post__party")
    lent = rows.first()
    if lent is None:
        raise HatGone
    post, away = lent.post, lent.post.party
    office: dict[str, str] = post.office.name
    said = {
        lang: f"{office[lang]} · {party.label.get(lang, party.login_name)}{word}{away.label.get(lang, away.login_name)}"
        for lang, word in (("zh", " 代 "), ("en", " for "))
    }
    return replace(
        post_hat(post, assurance),
        key=f"deputy:{ref}",
        label={"zh": said["zh"], "en": said["en"]},
        party_id=party.pk,
        party_ref=party.ref,
        subject_id=party.subject_id,
        mandate_ref=ref,
    )


def lent_by(post_id: int, at: datetime) -> Deputation | None:
    """To whom a post's desk is lent now, or will be; None while the post sits there itself."""
    rows = Deputation.objects.filter(post_id=post_id, revoked_at=None, ends_at__gt=at)
    return rows.select_related("taker").order_by("starts_at").first()


def _assisted(party: Party, ref: str) -> Actor:
    """`assisted:<post>:<subject>`: a clerk or committee worker acts for a person who is present and confirms."""
    post_ref, _, subject_ref = ref.partition(":")
    post = _live_post(party, post_ref)
    subject = Subject.objects.filter(ref=subject_ref, kind=Subject.Kind.PERSON).first()
    if post is None or subject is None or post.role not in {"counter", "committee"}:
        raise HatGone
    return replace(
        post_hat(post), hat="assisted", key=f"assisted:{post_ref}:{subject_ref}", for_subject_id=subject.pk
    )


def hats_of(party: Party, at: datetime) -> list[Actor]:
    """Every hat that the party may put on now, the own person first, then posts."""
    keys: list[str] = ["self"] if party.subject_id else []
    keys += _desks(party, at)
    if party.subject_id:
        live = Q(ended_at=None)
        companies = CompanyRole.objects.filter(live, person=party.subject)
        keys += [f"company:{r}" for r in companies.values_list("company__ref", flat=True)]
        wards = Guardian.objects.filter(live, guardian=party.subject)
        keys += [f"guardian:{r}" for r in wards.values_list("ward__ref", flat=True)]
    mandates = party.mandates.filter(revoked_at=None, starts_at__lte=at, ends_at__gt=at)
    keys += [f"proxy:{r}" for r in mandates.values_list("ref", flat=True)]
    return [wear(party, key, at) for key in keys]


def _desks(party: Party, at: datetime) -> list[str]:
    """The party's own posts, then the desks lent to it: one query, because every page lists the hats."""
    lent = Q(lent__taker=party, lent__revoked_at=None, lent__starts_at__lte=at, lent__ends_at__gt=at)
    rows = Post.objects.filter(ended_at=None).annotate(desk=FilteredRelation("lent", condition=lent))
    mine = rows.filter(Q(party=party) | Q(desk__isnull=False, office__ended_at=None))
    found = mine.order_by("id").values_list("party_id", "ref", "desk__ref")
    own = [f"post:{ref}" for holder, ref, _ in found if holder == party.pk]
    return own + [f"deputy:{desk}" for _, _, desk in found if desk]


def source_hat(bearer: str) -> Actor | None:
    """The hat of the machine that holds this bearer key; None for an unknown or ended key."""
    key_hash = hashlib.sha256(bearer.encode()).hexdigest()
    row = SourceKey.objects.select_related("office__place").filter(key_hash=key_hash, ended_at=None).first()
    if row is None:
        return None
    return Actor(
        hat="source",
        role="source",
        key=f"source:{row.name}",
        label={"zh": row.name, "en": row.name},
        level=row.office.level,
        place_code=row.office.place.code,
        office_id=row.office_id,
        office_key=row.office.key,
        department=row.office.department,
        scope=tuple(row.sources),
        assurance="strong",
    )


def issue_source_key(bearer: str, *, name: str, office: Office, sources: list[str]) -> SourceKey:
    """Registers a machine by the hash of its bearer key; naming it again replaces key, office and sources."""
    key_hash = hashlib.sha256(bearer.encode()).hexdigest()
    row, _ = SourceKey.objects.update_or_create(
        name=name, defaults={"key_hash": key_hash, "office": office, "sources": sources, "ended_at": None}
    )
    return row


def _bearer(request: HttpRequest) -> str | None:
    """The key of a machine: a bearer token, or the password of Basic for clients that know nothing else."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            token = base64.b64decode(token.strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
        return token
    return token.strip() if kind.lower() == "bearer" and token else None


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a request: a bearer key is a machine, else the session's party under its hat."""
    bearer = _bearer(request)
    if bearer is not None:
        return source_hat(bearer) or ANONYMOUS
    user: Any = request.user
    if not user.is_authenticated:
        return ANONYMOUS
    key = request.session.get("hat") or _first_hat(user)
    if key is None:
        return ANONYMOUS
    assurance = "strong" if request.session.get("assurance", "strong") == "strong" else "basic"
    return wear(user, key, now(), assurance=assurance)


def _first_hat(party: Party) -> str | None:
    """Someone who works for the city starts in her post, everyone else as herself."""
    post = party.posts.filter(ended_at=None).order_by("id").values_list("ref", flat=True).first()
    if post:
        return f"post:{post}"
    return "self" if party.subject_id else None
