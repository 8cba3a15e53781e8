"""Subjects: the one id space for people, companies, places and things."""

from datetime import date, datetime

from .errors import NotFound
from .keys import blind, seal, unseal
from .models import Company, Person, Place, Subject
from .transactions import write


def new_subject(kind: str, *, at: datetime) -> Subject:
    """Allocates a subject; ids are dense, never reused, and never leave the house."""
    return Subject.objects.create(kind=kind, created_at=at)


def new_subjects(kind: str, n: int, *, at: datetime) -> list[Subject]:
    """Allocates `n` subjects of one kind in bulk."""
    return Subject.objects.bulk_create([Subject(kind=kind, created_at=at) for _ in range(n)], batch_size=5000)


def reserve(kind: str, n: int, *, at: datetime) -> list[int]:
    """`n` ids that nobody else will get, for subjects that are made later under them; in a transaction of its own.

    The rows are made and taken away again: both databases go on counting after them.
    """
    with write():
        ids = [subject.pk for subject in new_subjects(kind, n, at=at)]
        for start in range(0, n, 500):
            rows = Subject.objects.filter(pk__in=ids[start : start + 500])
            rows._raw_delete(
                rows.db
            )  # nothing refers to a row of this transaction: no need to look everywhere
    return ids


def subject_by_ref(ref: str) -> Subject:
    """The subject that `ref` names, followed through merges; raises NotFound."""
    subject = Subject.objects.filter(ref=ref).first()
    while subject is not None and subject.merged_into_id:
        subject = subject.merged_into
    if subject is None:
        raise NotFound
    return subject


def person_row(
    subject: Subject,
    *,
    name: str,
    sex: str,
    birth_on: date,
    identity: str | None = None,
    phone: str | None = None,
    address: str | None = None,
    home: Place | None = None,
    demo: bool = False,
) -> Person:
    """An unsaved Person with its identifiers sealed and blind-indexed, for single and bulk creation alike."""

    def sealed(field: str, text: str | None) -> bytes | None:
        return seal(text, f"person:{subject.pk}:{field}") if text else None

    return Person(
        subject=subject,
        name=name,
        sex=sex,
        birth_on=birth_on,
        identity_sealed=sealed("identity", identity),
        identity_blind=blind(identity, "identity") if identity else None,
        phone_sealed=sealed("phone", phone),
        phone_blind=blind(phone, "phone") if phone else None,
        address_sealed=sealed("address", address),
        home=home,
        demo=demo,
    )


def register_person(*, at: datetime, **fields: object) -> Person:
    """A new person with a subject of her own; fields as `person_row`."""
    person = person_row(new_subject("person", at=at), **fields)  # type: ignore[arg-type]
    person.save(force_insert=True)
    return person


def register_company(
    *,
    name: str,
    credit_code: str,
    at: datetime,
    legal_person: Subject | None = None,
    place: Place | None = None,
) -> Company:
    return Company.objects.create(
        subject=new_subject("company", at=at),
        name=name,
        credit_code=credit_code,
        legal_person=legal_person,
        place=place,
    )


def identity_of(person: Person) -> str | None:
    """The unsealed identity number: call it only behind `access.require(…, 'read_sealed', …)`."""
    return unseal_field(person, "identity")


def unseal_field(person: Person, field: str) -> str | None:
    """One sealed field of a person: identity, phone or address; None where it is not known."""
    blob = getattr(person, f"{field}_sealed")
    return unseal(blob, f"person:{person.pk}:{field}") if blob else None


def person_by_identity(identity: str) -> Person | None:
    """The person with this identity number, found through the blind index."""
    return Person.objects.filter(identity_blind=blind(identity.strip().upper(), "identity")).first()


def masked(name: str) -> str:
    """A name as others see it: family name and a star for each further character.

    >>> masked("林晓")
    '林*'
    """
    return name[:1] + "*" * max(1, len(name) - 1)
