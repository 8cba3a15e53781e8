"""Tables of what people report: report, contact with the reporter, joined incidents, hand-over of a shift."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from liangwang.base.models import RefModel


class Report(RefModel):
    """One person's or channel's word of something (上报): several reports may be about one incident.

    Name and phone of the reporter are sealed; `subject` is set where the reporter has a login and follows it.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=100)  # pack:kind
    sort = models.CharField(max_length=12)  # what the caller wants: a key of reporting.SORTS
    text = models.TextField(blank=True)
    reporter_sealed = models.BinaryField(null=True)
    subject = models.ForeignKey("base.Subject", null=True, on_delete=models.PROTECT, related_name="reports")
    party = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, db_index=False)
    channel = models.CharField(max_length=20)
    outside_number = models.CharField(max_length=64, null=True)
    place = models.ForeignKey("base.Place", on_delete=models.PROTECT, related_name="reports")
    lon = models.FloatField()
    lat = models.FloatField()
    approximate = models.BooleanField(
        default=False
    )  # no point was told: the middle of the place stands for it
    address = models.CharField(max_length=200, blank=True)
    photos = models.JSONField(default=list)  # refs of stored files
    at = models.DateTimeField()
    joined_how = models.CharField(
        max_length=6, blank=True
    )  # "" opened the incident; rule, hand: it was joined to it
    contact_by = models.DateTimeField(null=True)  # first contact; null where nobody can be reached
    contacted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # by when the reporter has an answer
    complex_asked = models.JSONField(null=True)  # {reason, party, label, at}: waits for approval
    complex_since = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "outside_number"],
                condition=Q(outside_number__isnull=False),
                name="one_outside_number",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["place", "-at"]),
            models.Index(
                fields=["contact_by"],
                condition=Q(contact_by__isnull=False, contacted_at__isnull=True),
                name="reports_to_call",
            ),
            models.Index(fields=["due_at"], condition=Q(answered_at__isnull=True), name="reports_unanswered"),
        ]


class Contact(RefModel):
    """A contact with a reporter: the first one, a call-back (回访) after closing, or the reporter's own rating."""

    class Purpose(models.TextChoices):
        FIRST = "first"
        CALL_BACK = "call_back"
        RATING = "rating"

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="contacts")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    at = models.DateTimeField()
    reached = models.BooleanField(default=True)
    solved = models.BooleanField(null=True)  # 实际解决; null where it was not asked
    score = models.SmallIntegerField(null=True)  # 5 非常满意 … 1 非常不满意
    note = models.TextField(blank=True)
    by = models.JSONField(default=dict)  # {party, office, label}
    review_by = models.DateTimeField(null=True)  # a bad word is reviewed by then
    reviewed_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=8, blank=True)  # reopened, stands
    verdict_note = models.TextField(blank=True)

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__range=(1, 5)), name="contact_score"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["review_by"],
                condition=Q(review_by__isnull=False, reviewed_at__isnull=True),
                name="contacts_to_review",
            )
        ]


class Joining(RefModel):
    """并案 and 拆案: which reports and signals went from one incident to another, so that it can be undone."""

    class How(models.TextChoices):
        MERGE = "merge"
        SPLIT = "split"

    how = models.CharField(max_length=6, choices=How.choices)
    source = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="joined_away")
    target = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="joined_in")
    reports = models.JSONField(default=list)  # refs
    signals = models.JSONField(default=list)  # refs
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    by = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "operations"


class ShiftHandover(RefModel):
    """交接班: what one shift leaves to the next, as it stood when it was written; both sign."""

    office = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="shift_handovers")
    at = models.DateTimeField()
    body = models.JSONField(default=dict)  # what was open, as handover.drafted gives it
    notes = models.TextField(blank=True)
    leader = models.CharField(max_length=60, blank=True)  # 带班领导
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    taken_at = models.DateTimeField(null=True)
    remark = models.TextField(blank=True)  # what the taker adds when signing

    class Meta:
        app_label = "operations"
        indexes: ClassVar = [models.Index(fields=["office", "-at"])]
