"""Tables of filling in together: parts, links, readers, and what a person confirmed by a code."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Party, RefModel, Subject


class DraftPart(RefModel):
    """One person's part of a draft: who fills it in, and what of it she has confirmed (`digest`)."""

    draft = models.ForeignKey("services.Draft", on_delete=models.PROTECT, related_name="parts")
    role = models.CharField(max_length=40)
    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="draft_parts")
    invited_at = models.DateTimeField()
    joined_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, blank=True)
    asked_again_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["draft", "role"], condition=models.Q(ended_at__isnull=True), name="one_draft_part"
            )
        ]


class DraftLink(RefModel):
    """A link to a draft: to take over a part, or (without one) to read; only the token's hash is kept."""

    draft = models.ForeignKey("services.Draft", on_delete=models.PROTECT, related_name="links")
    part = models.ForeignKey(DraftPart, null=True, on_delete=models.PROTECT, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)


class DraftReader(RefModel):
    """Somebody to whom the applicant shows a draft; she reads and does nothing else."""

    draft = models.ForeignKey("services.Draft", on_delete=models.PROTECT, related_name="readers")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="drafts_shown")
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["draft", "subject"],
                condition=models.Q(ended_at__isnull=True),
                name="one_draft_reader",
            )
        ]


class Confirmation(RefModel):
    """What a person is asked to confirm by a code because somebody else has filled it in for her.

    `digest` is of the answers as she saw them; only a keyed hash of the code is kept, and it lives for minutes.
    """

    draft = models.ForeignKey("services.Draft", on_delete=models.PROTECT, related_name="confirmations")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="confirmations")
    asked_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.JSONField()  # what she confirms, in words
    digest = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64, blank=True)
    code_until = models.DateTimeField(null=True, blank=True)
    codes = models.SmallIntegerField(default=0)  # how many were made
    tries = models.SmallIntegerField(default=0)  # wrong entries, over all codes
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
