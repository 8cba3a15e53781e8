"""Tables of who (subjects, parties, hats), where (places, offices) and what was done (events, audit)."""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

REF_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_ref() -> str:
    """A random 128-bit name for the outside world: 26 characters of Crockford base32, lower case."""
    n = secrets.randbits(128)
    return "".join(REF_ALPHABET[(n >> shift) & 31] for shift in range(125, -1, -5))


class RefModel(models.Model):
    """A row that the outside world may name; `id` stays inside."""

    ref = models.CharField(max_length=26, unique=True, default=new_ref, editable=False)

    class Meta:
        abstract = True


# --- who -----------------------------------------------------------------------------------------------


class Subject(RefModel):
    """A person, company, place or thing that records are about; ids are dense and never used again."""

    class Kind(models.TextChoices):
        PERSON = "person"
        COMPANY = "company"
        PLACE = "place"
        THING = "thing"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)


class Person(models.Model):
    """What base itself must know of a person to let her act; everything else is the hub's."""

    subject = models.OneToOneField(Subject, primary_key=True, on_delete=models.PROTECT)
    name = models.CharField(max_length=80)
    sex = models.CharField(max_length=1, choices=[("m", "男"), ("f", "女")])
    birth_on = models.DateField()
    identity_sealed = models.BinaryField(null=True)
    identity_blind = models.CharField(max_length=32, null=True, unique=True)
    phone_sealed = models.BinaryField(null=True)
    phone_blind = models.CharField(max_length=32, null=True, db_index=True)
    address_sealed = models.BinaryField(null=True)
    home = models.ForeignKey("Place", null=True, on_delete=models.PROTECT, related_name="residents")
    demo = models.BooleanField(default=False)


class Company(models.Model):
    subject = models.OneToOneField(Subject, primary_key=True, on_delete=models.PROTECT)
    name = models.CharField(max_length=120)
    credit_code = models.CharField(max_length=18, unique=True)
    legal_person = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="+")
    place = models.ForeignKey("Place", null=True, on_delete=models.PROTECT)
    demo = models.BooleanField(default=False)


class PartyManager(BaseUserManager["Party"]):
    def create_user(self, login_name: str, password: str | None = None, **fields: Any) -> "Party":
        party = self.model(login_name=login_name, **fields)
        party.set_password(password)
        party.save(using=self._db)
        return party


class Party(RefModel, AbstractBaseUser):
    """A subject that logs in or acts."""

    login_name = models.CharField(max_length=80, unique=True)
    label = models.JSONField(default=dict)
    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="parties")
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "login_name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PartyManager()

    def get_full_name(self) -> str:
        return self.login_name

    @property
    def is_staff(self) -> bool:
        return False


class Guardian(models.Model):
    guardian = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="wards")
    ward = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="guardians")
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["guardian", "ward"], name="one_guardianship")]


class CompanyRole(models.Model):
    company = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="people")
    person = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="company_roles")
    role = models.CharField(max_length=20, default="legal_person")
    ended_at = models.DateTimeField(null=True, blank=True)


class Mandate(RefModel):
    """One party may act for one giver, for named items and a time; revocation is at once."""

    giver = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="mandates_given")
    taker = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="mandates")
    scope = models.JSONField(default=list)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    proof = models.CharField(max_length=200, blank=True)


# --- where ---------------------------------------------------------------------------------------------


class Place(models.Model):
    """A division, statistical unit, neighbourhood or duty grid. `code` nests by prefix: 31, 310105, 310105012."""

    class Kind(models.TextChoices):
        CITY = "city"
        DISTRICT = "district"
        STREET = "street"
        TOWN = "town"
        STATISTICAL_UNIT = "statistical_unit"
        RESIDENTS_COMMITTEE = "residents_committee"
        VILLAGERS_COMMITTEE = "villagers_committee"
        DUTY_GRID = "duty_grid"

    subject = models.OneToOneField(Subject, on_delete=models.PROTECT, related_name="place")
    code = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    level = models.CharField(max_length=14)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    name = models.JSONField()
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    h3_7 = models.BigIntegerField(null=True, db_index=True)
    h3_9 = models.BigIntegerField(null=True, db_index=True)
    polygon = models.TextField(null=True)
    approximate = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["level", "code"])]


class Office(RefModel):
    """An office of a department at one level, a crew, a counter, or an institution such as a hospital."""

    class Kind(models.TextChoices):
        DEPARTMENT = "department"
        SUBDISTRICT = "subdistrict"
        OPERATIONS_CENTRE = "operations_centre"
        COUNTER = "counter"
        CREW = "crew"
        INSTITUTION = "institution"

    key = models.CharField(max_length=80, unique=True)
    name = models.JSONField()
    department = models.CharField(max_length=30, db_index=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    level = models.CharField(max_length=10)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="offices")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    owner_of = models.JSONField(default=list)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    phone = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["department", "level"])]


class Post(RefModel):
    """A party's post in an office: the hat of everyone who works for the city."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="posts")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="posts")
    role = models.CharField(max_length=20)
    ended_at = models.DateTimeField(null=True, blank=True)


class Deputation(RefModel):
    """委托: a post that is away lends its desk to a colleague for a time; taking it back is at once."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="lent")
    taker = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="deputations")
    reason = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)


class SourceKey(models.Model):
    """A machine's hat: a device or system that pushes by a bearer key of which only the hash is kept."""

    key_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80, unique=True)
    office = models.ForeignKey(Office, on_delete=models.PROTECT)
    sources = models.JSONField(default=list)  # "pack:source", or "*"
    ended_at = models.DateTimeField(null=True, blank=True)


class PurposeGrant(models.Model):
    """Opening a case writes one, closing ends it; a read of a person's data must stand on one."""

    case_ref = models.CharField(max_length=26, db_index=True)
    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT)
    purpose = models.CharField(max_length=40)
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["subject", "ended_at"])]


# --- what was done -------------------------------------------------------------------------------------


class Event(models.Model):
    """The outbox: an event committed with the act that caused it."""

    type = models.CharField(max_length=40)
    v = models.SmallIntegerField(default=1)
    at = models.DateTimeField(db_index=True)
    ref = models.CharField(max_length=40)
    place_code = models.CharField(max_length=20, blank=True)
    body = models.JSONField(default=dict)
    key = models.CharField(max_length=120, unique=True)


class Effect(models.Model):
    """What one subscriber owes to one event; unique, retried, and ending in a state that someone sees."""

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        FAILED = "failed"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="effects")
    subscriber = models.CharField(max_length=80)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    tries = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "subscriber"], name="one_effect")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="effects_pending")
        ]


class IdempotencyKey(models.Model):
    scope = models.CharField(max_length=80)
    key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="one_answer")]


class AuditEntry(models.Model):
    """One act: leaf = SHA-256(0x00 ‖ salt ‖ body). `idx` is given later by the sequencer.

    `body` is canonical JSON; legal erasure sets body and salt to NULL, the leaf and every proof stay.
    """

    at = models.DateTimeField(db_index=True)
    body = models.BinaryField(null=True)
    salt = models.BinaryField(null=True)
    leaf = models.BinaryField(max_length=32)
    idx = models.BigIntegerField(null=True, unique=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(idx__isnull=True), name="audit_unsequenced")
        ]


class AuditSubject(models.Model):
    """Whose data an entry touches, so that the person can read who looked."""

    entry = models.ForeignKey(AuditEntry, on_delete=models.PROTECT, related_name="subjects")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "subject"], name="one_audit_subject")]


class Checkpoint(models.Model):
    """A signed tree head: `note` is the C2SP signed note with its cosignatures."""

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField(max_length=32)
    at = models.DateTimeField()
    note = models.TextField()
    cosigners = models.JSONField(default=list)


class StoredFile(RefModel):
    """A content-addressed blob under DATA/files."""

    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT)
    ended_at = models.DateTimeField(null=True, blank=True)


class Notice(RefModel):
    """A message to a subject or an office, with its receipt."""

    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="notices")
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT, related_name="notices")
    template = models.CharField(max_length=60)
    title = models.JSONField()
    body = models.JSONField()
    link = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    key = models.CharField(max_length=120, unique=True)
    state = models.CharField(max_length=10, default="sent")
    read_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["subject", "-at"]), models.Index(fields=["office", "-at"])]


class CalendarDay(models.Model):
    """A day on which the city departs from Monday to Friday: a holiday, or an adjusted working day (调休)."""

    day = models.DateField(primary_key=True)
    works = models.BooleanField()
    name = models.JSONField()
    source = models.CharField(max_length=200)
    changed_at = models.DateTimeField()


class Declaration(models.Model):
    """A version of one declared thing; the newest published one is in force."""

    pack = models.CharField(max_length=40)
    file = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    version = models.IntegerField()
    origin = models.CharField(max_length=4, choices=[("pack", "file in git"), ("desk", "workbench")])
    state = models.CharField(
        max_length=10, choices=[("draft", "draft"), ("published", "published"), ("replaced", "replaced")]
    )
    hash = models.CharField(max_length=64)
    body = models.JSONField()
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pack", "file", "key", "version"], name="one_version")]
