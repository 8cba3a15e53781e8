"""How drafts, applications, certificates and letters show themselves to the policy."""

from typing import Any

from django.db.models import Q, Value

from liangwang.base.access import Thing, kind_of, register_kind
from liangwang.base.models import Guardian

from .models import Authorisation, Certificate, Draft, SubmissionPart
from .models_counter import Handover, Intake, Visit
from .models_together import DraftPart, DraftReader


def _draft(draft: Draft) -> Thing:
    """A draft is of its applicant; whoever was asked to agree or to fill in a part sees and completes it."""
    asked = Authorisation.objects.filter(draft=draft).values_list("subject_id", flat=True) if draft.pk else ()
    parts = (
        _live(DraftPart).filter(draft=draft, subject__isnull=False) if draft.pk else DraftPart.objects.none()
    )
    readers = _live(DraftReader).filter(draft=draft) if draft.pk else DraftReader.objects.none()
    return Thing(
        kind="draft",
        ref=draft.ref,
        place_code=draft.place.code if draft.place else "",
        subject_ids=frozenset({draft.applicant_id, *asked, *parts.values_list("subject_id", flat=True)}),
        reader_ids=frozenset(readers.values_list("subject_id", flat=True)),
    )


def _live(table: Any) -> Any:
    return table.objects.filter(ended_at=None)


def _taken_over(value: Any) -> Q:
    return Q(pk__in=_live(DraftPart).filter(subject_id=value).values("draft_id"))


def _shown(value: Any) -> Q:
    return Q(pk__in=_live(DraftReader).filter(subject_id=value).values("draft_id"))


def _asked(value: Any) -> Q:
    return Q(pk__in=Authorisation.objects.filter(subject_id=value).values("draft_id"))


def _parts(value: Any) -> Q:
    """Cases whose application a person takes part in, as a subquery: a join would give a case twice."""
    return Q(pk__in=SubmissionPart.objects.filter(subject_id=value).values("submission__case_id"))


def _taken_in(value: Any) -> Q:
    """Cases that a counter took in for another office, as a subquery."""
    return Q(pk__in=Intake.objects.filter(office_id=value).values("case_id"))


def _with_parts(case: Any) -> Thing:
    """An application as cases shows it, with everyone who takes part (the other parent, the child) and its counter."""
    thing: Thing = _application.of(case)
    if thing.kind != "application":
        return thing
    parts = SubmissionPart.objects.filter(submission__case=case).values_list("subject_id", Value("part"))
    taken_in = Intake.objects.filter(case=case).values_list("office_id", Value("counter"))
    found = list(parts.union(taken_in))  # in one statement: each page of a case asks this at its door
    return Thing(
        kind=thing.kind,
        ref=thing.ref,
        place_code=thing.place_code,
        office_ids=thing.office_ids | {pk for pk, what in found if what == "counter"},
        departments=thing.departments,
        subject_ids=thing.subject_ids | {pk for pk, what in found if what == "part"},
    )


def _certificate(certificate: Certificate) -> Thing:
    """A certificate is of whom it is about, of its keeper, and of the guardians of a holder who is a child."""
    office = certificate.office
    own = {certificate.subject_id, certificate.kept_by_id}
    guardians = Guardian.objects.filter(ward_id__in=own, ended_at=None)
    return Thing(
        kind="certificate",
        ref=certificate.ref,
        place_code=office.place.code,
        office_ids=frozenset({office.pk}),
        departments=frozenset({office.department}),
        subject_ids=frozenset({*own, *guardians.values_list("guardian_id", flat=True)}),
    )


def _visit(visit: Visit) -> Thing:
    """A visit is of the counter at which the person stands; whose it is, the assisted hat says."""
    return Thing(
        kind="visit",
        ref=visit.ref,
        place_code=visit.office.place.code,
        office_ids=frozenset({visit.office_id}),
    )


def _handover(handover: Handover) -> Thing:
    """Paper on its way is of both offices: the one that packed it and the one that is to receive it."""
    return Thing(
        kind="handover",
        ref=handover.ref,
        place_code=handover.to_office.place.code,
        office_ids=frozenset({handover.from_office_id, handover.to_office_id}),
    )


def _guarded(value: Any) -> Q:
    wards = Guardian.objects.filter(guardian_id=value, ended_at=None).values("ward_id")
    return Q(subject_id__in=wards) | Q(keeper_id__in=wards)


_application = kind_of("application")
register_kind(
    "draft",
    of=_draft,
    place="place__code",
    subjects=("applicant_id", _asked, _taken_over),
    readers=(_shown,),
    personal=True,
)
register_kind(
    "application",
    of=_with_parts,
    place=_application.place,
    offices=(*_application.offices, _taken_in),
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
    subjects=("subject_id", "keeper_id", _guarded),
    personal=True,
)
register_kind("visit", of=_visit, place="office__place__code", offices=("office_id",))
register_kind(
    "handover", of=_handover, place="to_office__place__code", offices=("from_office_id", "to_office_id")
)
