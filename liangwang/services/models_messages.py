"""Tables of text messages (短信) on their way to a phone."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import RefModel, Subject


class TextMessage(RefModel):
    """A short message to a person's phone, at most once for its key; number and words are sealed, and gone when it is done."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"
        LAPSED = "lapsed"  # its code ended before the gateway took it

    key = models.CharField(max_length=120, unique=True)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="text_messages")
    sealed = models.BinaryField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    tries = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()
    until = models.DateTimeField()
    receipt = models.CharField(max_length=80, blank=True)
    fault = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="text_messages_waiting")
        ]
