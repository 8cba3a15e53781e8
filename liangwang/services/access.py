"""How drafts, applications, certificates and letters show themselves to the policy."""

from typing import Any

from django.db.models import Q

from liangwang.base.access import Thing, kind_of, register_kind
from liangwang.base.models import Guardian

from .models import Authorisation, Certificate, Draft, SubmissionPart


def _draft(draft: Draft) -> Thing:
    """A draft is of its applicant; whoever was asked for an authorisation sees and completes it."""
    asked = Authorisation.objects.filter(draft=draft).values_list("subject_id", flat=True) if draft.pk else ()
    return Thing(
        kind="draft",
        ref=draft.ref,
        place_code=draft.place.code if draft.place else "",
        subject_ids=frozenset({draft.applicant_id, *asked}),
    )


def _asked(value: Any) -> Q:
    return Q(pk__in=Authorisation.objects.filter(subject_id=value).values("draft_id"))


def _parts(value: Any) -> Q:
    """Cases whose application a person takes part in, as a subquery: a join would give a case twice."""
    return Q(pk__in=SubmissionPart.objects.filter(subject_id=value).values("submission__case_id"))


def _with_parts(case: Any) -> Thing:
    """An application as cases shows it, with everyone who takes part: the other parent, the child."""
    thing: Thing = _application.of(case)
    if thing.kind != "application":
        return thing
    parts = SubmissionPart.objects.filter(submission__case=case).values_list("subject_id", flat=True)
    return Thing(
        kind=thing.kind,
        ref=thing.ref,
        place_code=thing.place_code,
        office_ids=thing.office_ids,
        departments=thing.departments,
        subject_ids=thing.subject_ids | frozenset(parts),
    )


def _certificate(certificate: Certificate) -> Thing:
    """A certificate is of its holder, and of the guardians of a holder who is a child."""
    office = certificate.office
    guardians = Guardian.objects.filter(ward_id=certificate.subject_id, ended_at=None)
    return Thing(
        kind="certificate",
        ref=certificate.ref,
        place_code=office.place.code,
        office_ids=frozenset({office.pk}),
        departments=frozenset({office.department}),
        subject_ids=frozenset({certificate.subject_id, *guardians.values_list("guardian_id", flat=True)}),
    )


def _guarded(value: Any) -> Q:
    return Q(subject_id__in=Guardian.objects.filter(guardian_id=value, ended_at=None).values("ward_id"))


_application = kind_of("application")
register_kind("draft", of=_draft, place="place__code", subjects=("applicant_id", _asked), personal=True)
register_kind(
    "application",
    of=_with_parts,
    place=_application.place,
    offices=_application.offices,
    departments=_application.departments,
    subjects=(*_application.subjects, _parts),
    only=_application.only,
    personal=True,
)
register_kind(
    "certificate",
    of=_certificate,
    place="office__place__code",
    offices=("office_id",),
    departments=("office__department",),
    subjects=("subject_id", _guarded),
    personal=True,
)
