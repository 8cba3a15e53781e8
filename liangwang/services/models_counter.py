"""Tables of the counter: who stood there, what was taken in on paper, and paper handed on between offices; saved filters."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Office, Party, Post, RefModel, Subject


class DeskFilter(RefModel):
    """A filter of the inbox that somebody keeps under a name of her own."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="desk_filters")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=400)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["party", "name"], name="one_desk_filter")]


class Visit(RefModel):
    """A person stands at a counter: the ground on which her data are opened there, until she leaves.

    `confirmed` says what she confirmed of which draft, how and when; `draft` is the one being written for her now.
    """

    class Found(models.TextChoices):
        CODE = "code"
        IDENTITY = "identity"
        NUMBER = "number"

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="visits")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="visits")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="visits")
    found_by = models.CharField(max_length=8, choices=Found.choices)
    draft = models.ForeignKey("services.Draft", null=True, on_delete=models.PROTECT, related_name="visits")
    confirmed = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["post"], condition=models.Q(ended_at__isnull=True), name="one_visit_at_a_time"
            )
        ]


class Intake(models.Model):
    """What a counter took in for the office that decides: 全市通办 where that is another one."""

    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, related_name="intake")
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="intakes")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="intakes")
    citywide = models.BooleanField()
    confirmed = models.JSONField(default=dict)  # how the person confirmed, as the visit had it then
    at = models.DateTimeField()


class Handover(RefModel):
    """Paper on its way from one office to another, under one number: packed, sent, received."""

    class State(models.TextChoices):
        PACKED = "packed"
        SENT = "sent"
        RECEIVED = "received"

    number = models.CharField(max_length=40, unique=True)
    from_office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="handovers_out")
    to_office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="handovers_in")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PACKED)
    packed_at = models.DateTimeField()
    packed_by = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(Post, null=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField(null=True)
    received_by = models.ForeignKey(Post, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["from_office", "-id"]),
            models.Index(fields=["to_office", "-id"]),
        ]


class Paper(RefModel):
    """One paper document of a case: where it lies, in which hand-over it went, and whether it arrived."""

    class State(models.TextChoices):
        HELD = "held"
        PACKED = "packed"
        SENT = "sent"
        RECEIVED = "received"
        MISSING = "missing"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="papers")
    need = models.CharField(max_length=120)
    label = models.JSONField()
    held_by = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="papers")
    state = models.CharField(max_length=8, choices=State.choices, default=State.HELD)
    handover = models.ForeignKey(Handover, null=True, on_delete=models.PROTECT, related_name="papers")
    note = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["case", "need"], name="one_paper")]
        indexes: ClassVar = [
            models.Index(fields=["held_by"], condition=models.Q(state="held"), name="papers_held")
        ]
