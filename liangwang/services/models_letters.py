"""Tables of official letters: the letters, their number series, how each was delivered; and the sealed archive of a case."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Office, Party, RefModel, StoredFile, Subject


class LetterSeries(models.Model):
    """The last number of one office, kind of letter and year; taken under lock with the letter, so without gaps."""

    key = models.CharField(max_length=120, unique=True)  # office/word/year
    last = models.IntegerField(default=0)


class Letter(RefModel):
    """An official letter (文书): number, office, date, what was decided, and the remedies.

    `submission` is null where the case is about something granted before (变更, 撤销 …). `file` is the PDF as it was
    sealed; its hash stands in the archive.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received"
        SUPPLEMENT = "supplement"
        ACCEPTED = "accepted"
        LACKING = "lacking"
        COMMITMENT = "commitment"
        NOT_ACCEPTED = "not_accepted"
        SPECIAL = "special"
        EXTENDED = "extended"
        GRANTED = "granted"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        CHANGED = "changed"
        RENEWED = "renewed"
        REISSUED = "reissued"
        CANCELLED = "cancelled"
        REVOKED = "revoked"

    number = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=14, choices=Kind.choices)
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="letters")
    submission = models.ForeignKey(
        "services.Submission", null=True, on_delete=models.PROTECT, related_name="letters"
    )
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="letters")
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT, related_name="letters")
    node = models.CharField(max_length=120, blank=True)
    body = models.JSONField()
    at = models.DateTimeField()
    key = models.CharField(max_length=120, unique=True)
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")


class Delivery(RefModel):
    """送达: one way by which a letter goes to its addressee, and the proof that it arrived (送达回证)."""

    class Way(models.TextChoices):
        ELECTRONIC = "electronic"
        POST = "post"
        COUNTER = "counter"
        CABINET = "cabinet"

    class State(models.TextChoices):
        SENT = "sent"
        DELIVERED = "delivered"
        RETURNED = "returned"

    letter = models.ForeignKey(Letter, on_delete=models.PROTECT, related_name="deliveries")
    way = models.CharField(max_length=10, choices=Way.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.SENT)
    carrier = models.CharField(max_length=40, blank=True)  # who carries the post
    tracking = models.CharField(max_length=40, blank=True)  # the post's number
    cabinet = models.CharField(max_length=80, blank=True)  # where the cabinet stands
    box = models.CharField(max_length=20, blank=True)
    code_hash = models.CharField(max_length=64, blank=True)  # of the code that opens the cabinet
    code_tries = models.SmallIntegerField(default=0)
    signature = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    receiver = models.CharField(max_length=80, blank=True)
    relation = models.CharField(max_length=40, blank=True)  # the addressee, or who received it for her
    returned_because = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["letter", "way"],
                condition=~models.Q(state="returned"),
                name="one_delivery",
            ),
            models.UniqueConstraint(
                fields=["cabinet", "box"],
                condition=models.Q(state="sent", way="cabinet"),
                name="one_letter_a_box",
            ),
        ]


class Archive(RefModel):
    """电子档案: the sealed list of everything that a finished case left, each with its hash; never changed."""

    number = models.CharField(
        max_length=80, unique=True, null=True
    )  # 档号; null: sealed before there were any
    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, related_name="archive")
    manifest = models.JSONField()
    digest = models.CharField(max_length=64)
    signature = models.TextField()
    sealed_at = models.DateTimeField()
