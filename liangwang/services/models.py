"""Tables of services: published item versions, drafts, submissions, consents, certificates and letters."""

from typing import Any, ClassVar

from django.db import models

from liangwang.base.models import AuditEntry, Office, Party, Place, RefModel, StoredFile, Subject

from . import models_catalogue as models_catalogue  # items that wait to be published
from . import models_codes as models_codes  # the city code's tables
from . import models_counter as models_counter  # the counter's tables
from . import models_messages as models_messages  # text messages
from . import models_reading as models_reading  # pictures that are being read
from . import models_together as models_together  # filling in together
from .models_letters import Letter as Letter


class ItemVersion(models.Model):
    """An item or bundle as it was published, with the items that it joins; never changed, submissions pin it."""

    key = models.CharField(max_length=120)
    hash = models.CharField(max_length=64)
    body = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["key", "hash"], name="one_item_version")]


class Draft(RefModel):
    """An application being written: saved at every answer, on the server, so that it goes on on another device.

    Nothing typed leaves a draft: what a second device typed at the same time, rows taken out and answers that a newer
    version of the item no longer asks lie in `aside`, as {field, label, value, at, why: two | row | version}.
    """

    class State(models.TextChoices):
        OPEN = "open"
        SUBMITTED = "submitted"
        ABANDONED = "abandoned"

    version = models.ForeignKey(ItemVersion, on_delete=models.PROTECT, related_name="drafts")
    key = models.CharField(max_length=120, db_index=True)
    applicant = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="drafts")
    started_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    roles = models.JSONField(
        default=dict
    )  # role -> subject ref: mother, father, child (once it is a subject)
    scenario = models.JSONField(default=dict)  # question -> option
    answers = models.JSONField(default=dict)  # "role.concept" -> what was typed, right or wrong
    versions = models.JSONField(default=dict)  # "role.concept" -> [how often it was changed, when last]
    rows = models.JSONField(
        default=dict
    )  # repeating group -> {numbers: its rows, last: the last number given}
    disputed = models.JSONField(
        default=dict
    )  # "role.concept" -> what a register says: {said, source, since, ref, at}
    aside = models.JSONField(default=list)
    fresh = models.JSONField(default=list)  # what a newer version asks and the draft's first version did not
    carried_at = models.DateTimeField(null=True, blank=True)  # when the draft last followed its item
    committed = models.JSONField(default=list)  # "role.type" of materials replaced by a commitment
    papers = models.JSONField(default=list)  # "role.type" of materials that a counter has taken in on paper
    place = models.ForeignKey(Place, null=True, on_delete=models.PROTECT, related_name="+")
    saves = models.IntegerField(default=0)
    # How far its applicant had come when she last looked: {done, all, step, title: Label | "", url, promised_days}; lists
    # show this, because working it out compiles the item.
    progress = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["applicant", "state", "-updated_at"])]


class DraftMaterial(RefModel):
    """What is handed in for one material of a draft; `file` is its first page, and what was replaced stays, ended."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="materials")
    type = models.CharField(max_length=60)
    role = models.CharField(max_length=40)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["draft", "type", "role"],
                condition=models.Q(ended_at__isnull=True),
                name="one_material",
            )
        ]


class MaterialPage(RefModel):
    """One page of a material: a picture, or a whole PDF; `turn` is clockwise, in degrees, and applied when shown."""

    material = models.ForeignKey(DraftMaterial, on_delete=models.PROTECT, related_name="pages")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    position = models.SmallIntegerField()
    turn = models.SmallIntegerField(default=0)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]


class Authorisation(RefModel):
    """The consent of one person to one draft: the text that she saw, and what she decided."""

    class State(models.TextChoices):
        ASKED = "asked"
        GIVEN = "given"
        REFUSED = "refused"

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="authorisations")
    role = models.CharField(max_length=40)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="authorisations")
    text = models.JSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["draft", "role"], name="one_authorisation")]


class Submission(RefModel):
    """A draft handed in: answers and evidence frozen, the plan pinned by the case, the receipt as it was given."""

    draft = models.OneToOneField(Draft, on_delete=models.PROTECT, related_name="submission")
    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, related_name="submission")
    version = models.ForeignKey(ItemVersion, on_delete=models.PROTECT, related_name="submissions")
    key = models.CharField(max_length=120, db_index=True)
    applicant = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="submissions")
    roles = models.JSONField(default=dict)
    answers = models.JSONField()
    evidence = models.JSONField()  # the compiled form, materials and their supply, as submitted
    hash = models.CharField(max_length=64)
    entry = models.ForeignKey(
        AuditEntry, null=True, on_delete=models.PROTECT, related_name="+"
    )  # the receipt's leaf
    submitted_at = models.DateTimeField()


class SubmissionPart(models.Model):
    """Who else may see a submission, and as what: the other parent, a child's guardian."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="parts")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="parts")
    role = models.CharField(max_length=40)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["submission", "role"], name="one_part")]


class GivenValue(models.Model):
    """A value that a step of a case produced, such as the child's identity number; sealed where it is personal."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="given_values")
    node = models.CharField(max_length=120)
    field = models.CharField(max_length=80)
    value = models.JSONField()
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "field"], condition=models.Q(ended_at__isnull=True), name="one_given_value"
            )
        ]


class Certificate(RefModel):
    """A signed certificate; `body` is what it says, `signed` the code on it, `file` its PDF once its holder asked for it.

    It is about `subject`; `keeper` has it in her hands where that one cannot (a certificate of a death).
    """

    number = models.CharField(max_length=40, unique=True)
    type = models.CharField(max_length=60)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="certificates")
    keeper = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="certificates_kept")
    role = models.CharField(max_length=40)
    case = models.ForeignKey("cases.Case", null=True, on_delete=models.PROTECT, related_name="certificates")
    node = models.CharField(max_length=120)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="certificates")
    body: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    signed = models.TextField()
    issued_at = models.DateTimeField()
    valid_until = models.DateField(null=True, blank=True)
    replaced_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_because = models.JSONField(default=dict)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_because = models.JSONField(default=dict)
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "node", "type", "role"],
                condition=models.Q(revoked_at__isnull=True),
                name="one_certificate",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["subject", "type"])]

    @property
    def kept_by(self) -> Subject:
        """Who shows, uses and answers for it."""
        return self.keeper or self.subject

    @property
    def kept_by_id(self) -> int:
        return self.keeper_id or self.subject_id
