"""The people of the demo who have a name and a part to play: their parties, posts, mandates, and the login page's list."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password

from liangwang.base.labels import Label
from liangwang.base.models import Company, CompanyRole, Mandate, Office, Party, Person, Place, Post, Subject
from liangwang.base.subjects import new_subject, person_row
from liangwang.base.yaml import load as load_yaml

from .demo_people import Numbers, credit_code

NAMED_COMPANY = 99_999_999  # numbers of the seeded companies begin at 1


@dataclass(frozen=True)
class Hat:
    """One click on the login page: who, as what, what to try, and where it begins."""

    login_name: str
    key: str
    name: Label
    does: Label
    icon: str
    start: str


@dataclass(frozen=True)
class Group:
    title: Label
    hats: list[Hat]


@cache
def cast(city_dir: Path) -> dict[str, Any]:
    """The content of demo_people.yaml."""
    found: dict[str, Any] = load_yaml((city_dir / "demo_people.yaml").read_text(encoding="utf-8")).data
    return found


def demo_hats() -> list[Group]:
    """Hats for the login page, grouped by walk; one who is not loaded is left out."""
    parties = {p.login_name: p for p in Party.objects.filter(is_active=True).prefetch_related("posts")}
    groups = []
    for group in cast(settings.CITY_DIR)["groups"]:
        hats = [_hat(row, parties[row["login"]]) for row in group["hats"] if row["login"] in parties]
        if hats:
            groups.append(Group(group["title"], hats))
    return groups


def _hat(row: dict[str, Any], party: Party) -> Hat:
    posts = sorted((p for p in party.posts.all() if p.ended_at is None), key=lambda p: p.pk)
    key = f"post:{posts[0].ref}" if posts else "self"
    name: Label = {"zh": row["zh"], "en": row["en"]}
    return Hat(row["login"], key, name, row["does"], row["icon"], row["start"])


def load_named(city_dir: Path, numbers: Numbers, *, at: datetime) -> int:
    """Makes whoever of the named people is missing; returns how many parties were made."""
    before = Party.objects.count()
    people = cast(city_dir)["people"]
    residents = {row["login"]: _resident(row, numbers, at) for row in people}
    parties = {row["login"]: _party(row, residents[row["login"]].subject) for row in people}
    for row in people:
        if "helper" in row:
            _mandate(residents[row["login"]].subject, parties[row["helper"]], at)
        if "company" in row:
            company = _company(row["company"], residents[row["login"]], numbers.division, at)
            if "agent" in row:
                _mandate(company, parties[row["agent"]], at)
    for row in cast(city_dir)["staff"]:
        party = _party(row, None)
        for post in row["posts"]:
            role, _, office = post.partition("@")
            at_office = Office.objects.get(key=office)
            Post.objects.get_or_create(party=party, office=at_office, role=role, ended_at=None)
    return Party.objects.count() - before


def _resident(row: dict[str, Any], numbers: Numbers, at: datetime) -> Person:
    # The number is drawn first and always: the sequence of all later people depends on it.
    identity = numbers.next(date.fromisoformat(row["birth_on"]), row["sex"])
    kept = Person.objects.filter(demo=True, name=row["zh"], subject__parties__login_name=row["login"]).first()
    if kept is not None:
        return kept
    person = person_row(
        new_subject("person", at=at),
        name=row["zh"],
        sex=row["sex"],
        birth_on=date.fromisoformat(row["birth_on"]),
        identity=identity,
        phone=f"1400000{len(row['login']):04d}",
        address=row["address"],
        home=Place.objects.get(code=row["at"]),
        demo=True,
    )
    person.save(force_insert=True)
    return person


def _party(row: dict[str, Any], subject: Subject | None) -> Party:
    party, _ = Party.objects.get_or_create(
        login_name=row["login"],
        defaults={
            "label": {"zh": row["zh"], "en": row["en"]},
            "subject": subject,
            "password": make_password(None),  # no password fits: demo hats log in by a click only
        },
    )
    return party


def _mandate(giver: Subject, taker: Party, at: datetime) -> None:
    Mandate.objects.get_or_create(
        giver=giver,
        taker=taker,
        revoked_at=None,
        defaults={
            "scope": ["*"],
            "starts_at": at,
            "ends_at": at + timedelta(days=365),
            "proof": "演示 · demo",
        },
    )


def _company(name: str, owner: Person, division: str, at: datetime) -> Subject:
    """The company of a named person, who is its legal representative; `agent` in the cast gets a mandate of it."""
    code = credit_code(division, NAMED_COMPANY)
    company = Company.objects.filter(credit_code=code).first()
    if company is None:
        company = Company.objects.create(
            subject=new_subject("company", at=at), name=name, credit_code=code,
            legal_person=owner.subject, place=owner.home and owner.home.parent, demo=True,
        )  # fmt: skip
    CompanyRole.objects.get_or_create(company=company.subject, person=owner.subject)
    return company.subject
