"""What is already known of the people of a draft: from the login, the hub, the certificate library, earlier cases."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from liangwang.base.labels import Label
from liangwang.base.models import Company, Person, Subject
from liangwang.base.packs import declarations
from liangwang.base.subjects import unseal_field
from liangwang.base.working_days import local_day
from liangwang.hub import queries as hub

from . import sealed
from .certificate_items import stated_in
from .certified import stated_values
from .compiled import Evidence, Proved
from .models import Authorisation, Certificate, Draft, Submission
from .models_together import DraftPart
from .vocabulary import field_id

REAL_NAME: Label = {"zh": "实名认证（公安人口信息）", "en": "verified sign-in (public security register)"}
REGISTER: Label = {"zh": "市场主体登记", "en": "company register"}
FROM_HUB = "hub:"  # the ref of a value that the hub gave: it names the attribute, so that its use is recorded
IN_FORCE = {"verified", "single", "majority", "conflict"}


def proved_for(draft: Draft, at: datetime) -> Proved:
    """Everything that need not be asked, of those people only who have agreed to the use of their data."""
    certificates: dict[str, Evidence] = {}
    values: dict[str, Evidence] = {}
    earlier: dict[str, Evidence] = {}
    people = _agreed(draft)
    looked: dict[int, Looked] = {}
    held = _in_force(people.values(), at)
    for role, subject in people.items():
        if subject.pk not in looked:
            looked[subject.pk] = _look_up(subject)
        found = looked[subject.pk]
        values.update(_of_person(role, subject, found.person))
        values.update(_of_company(role, subject, found.company))
        values.update(_not_weaker(_of_hub(role, found.known), values))
        own = (row for row in held if row.kept_by_id == row.subject_id == subject.pk)
        certificates.update({f"{role}.{row.type}": _shown_by(row) for row in own})
        earlier.update(_earlier(role, subject, draft))
    for key, evidence, stated in _kept(draft, people, [row for row in held if row.keeper_id]):
        certificates.setdefault(key, evidence)
        values = {**stated, **values}
    values.update(_of_certificate(draft, values))
    return Proved(
        certificates=certificates,
        values=values,
        earlier=earlier,
        today=local_day(at).isoformat(),
        committed=frozenset(draft.committed),
    )


class Looked(NamedTuple):
    """What is known of one subject, looked up once though she may have several roles."""

    person: Person | None
    company: Company | None
    known: list[dict[str, Any]]


def _look_up(subject: Subject) -> Looked:
    return Looked(
        Person.objects.filter(pk=subject.pk).select_related("home").first(),
        Company.objects.filter(pk=subject.pk).first(),
        hub.known(subject.pk),
    )


def _of_certificate(draft: Draft, known: dict[str, Evidence]) -> dict[str, Evidence]:
    """What the certificate says that a draft is about, to be kept or changed; what is verified now stands before it."""
    found = stated_in(draft)
    if found is None:
        return {}
    certificate, stated = found
    shown = _shown_by(certificate)
    return {
        field: Evidence(source=shown.source, value=value, state="single", at=shown.at)
        for field, value in stated.items()
        if field not in known or known[field].state != "verified"
    }


def _agreed(draft: Draft) -> dict[str, Subject]:
    """Roles whose data may be used: the applicant's own, and those of the people who gave their authorisation."""
    given = Authorisation.objects.filter(draft=draft, state=Authorisation.State.GIVEN).select_related(
        "subject"
    )
    people = {authorisation.role: authorisation.subject for authorisation in given}
    asked = Authorisation.objects.filter(draft=draft).values_list("role", flat=True)
    parts = DraftPart.objects.filter(draft=draft, ended_at=None, joined_at__isnull=False)
    # She fills her part in herself, and only she sees it: her data may help her, unless her consent is asked first.
    for part in parts.exclude(role__in=asked).select_related("subject"):
        if part.subject is not None:
            people[part.role] = part.subject
    mine = own_role(draft)
    if mine:
        people[mine] = draft.applicant
    return {"applicant": draft.applicant, **people}


def _of_person(role: str, subject: Subject, person: Person | None) -> dict[str, Evidence]:
    if person is None:
        return {}
    at = subject.created_at.date().isoformat()
    known = {
        "name": person.name,
        "identity_number": unseal_field(person, "identity"),
        "sex": person.sex,
        "birth_date": person.birth_on.isoformat(),
        "phone": unseal_field(person, "phone"),
        "address": unseal_field(person, "address"),
    }
    # A phone or an address told at sign-up is a proposal, not a proof.
    told = {"phone", "address"}
    return {
        f"{role}.{key}": Evidence(
            source=REAL_NAME, value=value, state="single" if key in told else "verified", at=at
        )
        for key, value in known.items()
        if value
    }


def own_role(draft: Draft) -> str | None:
    """The role that the applicant says is hers, or that only she can have: the sole one that may apply.

    A person never takes a company's role nor a company a person's: whoever came under the wrong hat types it in.
    """
    if said := draft.scenario.get("i_am"):
        return str(said)
    roles = draft.version.body["head"]["apply"]
    if len(roles) != 1 or roles[0] == "applicant":
        return None
    is_company = draft.applicant.kind == Subject.Kind.COMPANY
    return str(roles[0]) if is_company == (roles[0] in companies_among(draft.version.body)) else None


def companies_among(body: dict[str, Any]) -> set[str]:
    """The roles of an item version that are companies: those of whom the name of a company is asked."""
    fields = (field for source in body["items"] for field in source["item"]["fields"])
    return {field["role"] for field in fields if field["concept"] == "company.name"}


def _of_company(role: str, subject: Subject, company: Company | None) -> dict[str, Evidence]:
    """A company acts under its own hat: its name and code are the registrar's."""
    if company is None:
        return {}
    at = subject.created_at.date().isoformat()
    known = {"name": company.name, "credit_code": company.credit_code}
    return {f"{role}.{key}": Evidence(source=REGISTER, value=value, at=at) for key, value in known.items()}


def _not_weaker(found: dict[str, Evidence], held: dict[str, Evidence]) -> dict[str, Evidence]:
    """What the hub adds: one source's word does not take the place of what a verified sign-in has proved."""
    return {
        field: one
        for field, one in found.items()
        if not (field in held and held[field].state == "verified" and one.state in ("single", "majority"))
    }


def _of_hub(role: str, known: list[dict[str, Any]]) -> dict[str, Evidence]:
    attributes = {d.key: d.value for d in declarations("attributes.csv") if d.value.concept}
    offices = {d.ref: d.value.office for d in declarations("sources.yaml")}
    found = {}
    for row in known:
        said = attributes.get(row["attribute"])
        concept = said.concept if said else None
        if said and concept and row["value"] is not None and row["state"] in IN_FORCE:
            found[field_id(role, concept)] = Evidence(
                source=_sources(row["sources"]),
                value=row["value"],
                state=row["state"],
                at=row["at"].date().isoformat(),
                ref=f"{FROM_HUB}{row['attribute']}",
                of_office=row["state"] == "single"
                and said.rule == "office"
                and said.office in {offices.get(source) for source in row["sources"]},
            )
    return found


def _sources(keys: list[str]) -> Label:
    labels = [declared.value.label for declared in declarations("sources.yaml") if declared.ref in keys]
    if not labels:
        joined = "、".join(keys)
        return {"zh": joined, "en": ", ".join(keys)}
    return {"zh": "、".join(one["zh"] for one in labels), "en": ", ".join(one["en"] for one in labels)}


def _in_force(people: Iterable[Subject], at: datetime) -> list[Certificate]:
    """Certificates that count now and that these people have in their hands, the oldest first."""
    ids = {one.pk for one in people}
    rows = Certificate.objects.filter(
        Q(subject__in=ids, keeper=None) | Q(keeper__in=ids),
        revoked_at=None,
        suspended_at=None,
        replaced_by=None,
    ).select_related("office")
    today = local_day(at)
    return [row for row in rows.order_by("issued_at") if row.valid_until is None or row.valid_until >= today]


def _shown_by(row: Certificate) -> Evidence:
    return Evidence(source=row.office.name, at=row.issued_at.date().isoformat(), ref=row.ref)


Kept = tuple[str, Evidence, dict[str, Evidence]]


def _kept(draft: Draft, people: dict[str, Subject], rows: list[Certificate]) -> list[Kept]:
    """Certificates about somebody else that these people keep: ("role.type", evidence, what it proposes), newest first.

    Only of whom the form is about: by the name and number typed, and before these are typed where there is only one
    it can be. An item that makes a new one of the type (another death in the family) is proposed nothing of the old.
    """
    if not rows:
        return []
    made, typed = _made_by(draft.version.body), opened(draft)
    found: list[Kept] = []
    about = {row.role: {one.subject_id for one in rows if one.role == row.role} for row in rows}
    for row in reversed(rows):
        key, stated = f"{row.role}.{row.type}", stated_values(row)
        said = {
            name: typed.get(name, "").strip() for name in (f"{row.role}.name", f"{row.role}.identity_number")
        }
        told = {name: value for name, value in said.items() if value}
        fits = all(value == str(stated.get(name, "")) for name, value in told.items())
        if row.role in people or key in made or not fits or not (told or len(about[row.role]) == 1):
            continue
        shown = _shown_by(row)
        proposed = {
            name: Evidence(source=shown.source, value=value, state="single", at=shown.at)
            for name, value in stated.items()
        }
        found.append((key, shown, proposed))
    return found


def _made_by(body: dict[str, Any]) -> set[str]:
    """Every "role.type" of which an item version makes a new one at each application."""
    outputs = (output for source in body["items"] for output in source["item"]["outputs"])
    return {f"{one['role']}.{one['certificate']}" for one in outputs if one["again"]}


def _earlier(role: str, subject: Subject, draft: Draft) -> dict[str, Evidence]:
    """Files that the applicant handed in before, in submissions in which she had the same role."""
    found: dict[str, Evidence] = {}
    if role == "applicant":
        return found
    mine = Submission.objects.filter(applicant=draft.applicant, **{f"roles__{role}": subject.ref})
    for submission in mine.select_related("case").order_by("submitted_at"):
        for need in submission.evidence.get("files", []):
            if need["role"] == role:
                label: Label = {
                    "zh": f"您此前的办件 {submission.case.number}",
                    "en": f"your earlier case {submission.case.number}",
                }
                found[need["id"]] = Evidence(
                    source=label, at=submission.submitted_at.date().isoformat(), ref=need["file"]
                )
    return found


def opened(draft: Draft) -> dict[str, str]:
    """The draft's answers as they were typed."""
    return {field: str(value) for field, value in sealed.read_all(draft.answers, draft.ref).items()}
