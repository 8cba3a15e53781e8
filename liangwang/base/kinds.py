"""How the things of base show themselves to the policy: people, companies, notices, files, the audit log."""

from typing import Any

from .access import Thing, register_kind
from .models import AuditEntry, Company, Notice, Person, StoredFile


def _person(person: Person) -> Thing:
    code = person.home.code if person.home else ""
    return Thing(kind="person", ref=person.subject.ref, place_code=code, subject_ids=frozenset({person.pk}))


def _company(company: Company) -> Thing:
    code = company.place.code if company.place else ""
    return Thing(
        kind="company", ref=company.subject.ref, place_code=code, subject_ids=frozenset({company.pk})
    )


def _notice(notice: Notice) -> Thing:
    subjects = frozenset({notice.subject_id} if notice.subject_id else ())
    offices = frozenset({notice.office_id} if notice.office_id else ())
    return Thing(kind="notice", ref=notice.ref, subject_ids=subjects, office_ids=offices)


def _audit(entry: AuditEntry) -> Thing:
    subjects = frozenset(entry.subjects.values_list("subject_id", flat=True))
    return Thing(kind="audit", ref=str(entry.pk), subject_ids=subjects)


def _file(stored: StoredFile) -> Thing:
    uploader: Any = stored.uploaded_by
    subjects = frozenset({uploader.subject_id} if uploader and uploader.subject_id else ())
    offices = (
        frozenset(uploader.posts.filter(ended_at=None).values_list("office_id", flat=True))
        if uploader
        else ()
    )
    return Thing(kind="file", ref=stored.ref, subject_ids=subjects, office_ids=frozenset(offices))


register_kind("person", of=_person, place="home__code", subjects=("pk",), personal=True)
register_kind("company", of=_company, place="place__code", subjects=("pk",))
register_kind("notice", of=_notice, subjects=("subject_id",), offices=("office_id",))
register_kind("audit", of=_audit, subjects=("subjects__subject_id",))
register_kind(
    "file", of=_file, subjects=("uploaded_by__subject_id",), offices=("uploaded_by__posts__office_id",)
)
