"""Who a draft is about: the applicant's own role, and the child, employee, company or dead that an application names."""

from datetime import date, datetime
from typing import Any

from liangwang.base import subjects
from liangwang.base.models import Company, CompanyRole, Guardian, Person, Place, Subject
from liangwang.base.working_days import local_day

from .declare import holds
from .drafting import Seen
from .models import Authorisation
from .provable import companies_among, own_role

CHILD = "child"


def people_of(seen: Seen, values: dict[str, Any], at: datetime) -> dict[str, Subject]:
    """Role → subject: the applicant, those who agreed, and whom the item is about."""
    people = {"applicant": seen.draft.applicant}
    if mine := own_role(seen.draft):
        people[mine] = seen.draft.applicant
    for role, one in seen.consents.items():
        if one.state == Authorisation.State.GIVEN:
            people[role] = one.subject
    about = seen.bound.head.subject
    if about not in people and f"{about}.name" in values:
        if about in companies_among(seen.draft.version.body):
            people[about] = _company(about, values, seen, at)
        else:
            people[about] = _person(about, values, seen, at)
    for role in _kept_for(seen):
        if role not in people and f"{role}.name" in values:
            company = role in companies_among(seen.draft.version.body)
            people[role] = _company(role, values, seen, at) if company else _somebody(role, values, at)
    return people


def _kept_for(seen: Seen) -> list[str]:
    """The roles about whom a certificate will be that somebody else keeps."""
    outputs = (output for source in seen.compiled.items for output in source.item.outputs)
    return [one.role for one in outputs if one.keeper and holds(one.when, seen.draft.scenario)]


def _somebody(role: str, values: dict[str, Any], at: datetime) -> Subject:
    """A person whose number and name are known; anyone else is a subject without a row of her own: nobody signs in."""
    number = str(values.get(f"{role}.identity_number", ""))
    known = subjects.person_by_identity(number) if number else None
    if known is not None and known.name == str(values[f"{role}.name"]):
        return known.subject
    return subjects.new_subject("person", at=at)


def place_of(subject: Subject) -> Place | None:
    """Where a person lives or a company is registered; None where it is not known."""
    person = Person.objects.filter(pk=subject.pk).select_related("home").first()
    if person is not None:
        return person.home
    company = Company.objects.filter(pk=subject.pk).select_related("place").first()
    return company.place if company else None


def found_company(
    subject: Subject, *, name: str, credit_code: str, founder: Subject, place: Place | None
) -> None:
    """What registration makes of a subject: a company with its code, which its founder may act for.

    Nothing happens for a subject that is a company already, or a code that another one has.
    """
    taken = Company.objects.filter(credit_code=credit_code).exists()
    if taken or Company.objects.filter(pk=subject.pk).exists():
        return
    is_person = founder.kind == Subject.Kind.PERSON
    Company.objects.create(
        subject=subject,
        name=name[:120],
        credit_code=credit_code,
        legal_person=founder if is_person else None,
        place=place,
    )
    if is_person:
        CompanyRole.objects.create(company=subject, person=founder)


def _company(about: str, values: dict[str, Any], seen: Seen, at: datetime) -> Subject:
    """A company that the applicant acts for, by its code; else one that is only now coming into being.

    A code typed by somebody else opens nobody's file: the office decides, and the hub joins the two later.
    """
    code = str(values.get(f"{about}.credit_code", ""))
    mine = CompanyRole.objects.filter(
        person=seen.draft.applicant, company__company__credit_code=code, ended_at=None
    )
    known = mine.select_related("company").first() if code else None
    return known.company if known else subjects.new_subject("company", at=at)


def _person(about: str, values: dict[str, Any], seen: Seen, at: datetime) -> Subject:
    """Somebody whose number and name are known is that person; anyone else is, from now on, a subject of her own.

    A child's parents are her guardians; an employer is nobody's guardian.
    """
    number, name = str(values.get(f"{about}.identity_number", "")), str(values[f"{about}.name"])
    known = subjects.person_by_identity(number) if number else None
    if known is not None and known.name == name:
        return known.subject
    person = subjects.register_person(
        at=at,
        name=name,
        sex=str(values.get(f"{about}.sex", "f")),
        birth_on=_date(values.get(f"{about}.birth_date"), at),
        home=seen.draft.place,
    )
    if about == CHILD:
        parents = [seen.draft.applicant, *(c.subject for c in seen.consents.values() if c.state == "given")]
        for parent in {one.pk: one for one in parents}.values():
            Guardian.objects.get_or_create(guardian=parent, ward=person.subject, defaults={"since": at})
    return person.subject


def _date(value: Any, at: datetime) -> date:
    return date.fromisoformat(str(value)) if value else local_day(at)
