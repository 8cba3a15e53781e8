"""The table of pictures that are being read: what the engine found waits sealed until the person has looked at it."""

from django.db import models


class PageReading(models.Model):
    """One picture that a person asked to have read; `lines` is sealed, and emptied once used or after a day."""

    class State(models.TextChoices):
        WAITING = "waiting"
        READING = "reading"
        DONE = "done"
        FAILED = "failed"

    page = models.OneToOneField("services.MaterialPage", on_delete=models.PROTECT, related_name="reading")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    lines = models.BinaryField(null=True)
    asked_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
