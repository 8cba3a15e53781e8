"""The table of hand-overs between crews."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import RefModel


class Relay(RefModel):
    """转交: a crew asks another to take over a task that it has in hand; until that one says yes, it keeps it."""

    task = models.ForeignKey("cases.Task", on_delete=models.PROTECT, related_name="relays", db_index=False)
    crew_from = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="+", db_index=False)
    crew_to = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=20)  # a key of relay.REASONS
    note = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended = models.CharField(max_length=8, blank=True)  # "" waits; taken, refused, recalled

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task"], condition=models.Q(ended=""), name="one_relay_of_a_task")
        ]
        indexes: ClassVar = [
            models.Index(fields=["crew_to"], condition=models.Q(ended=""), name="relays_waiting")
        ]
