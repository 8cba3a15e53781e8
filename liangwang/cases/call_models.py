"""The table of what neighbourhood committees are asked for cases."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from liangwang.base.models import RefModel


class Call(RefModel):
    """走访: a neighbourhood committee checks (核实) or visits (上门) for a case; once for each declared call of a case.

    What data answer is passed by itself: `because` then says whose data they were.
    """

    class State(models.TextChoices):
        ASKED = "asked"
        PASSED = "passed"
        DONE = "done"
        RECALLED = "recalled"  # the case went on or ended without it

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="calls", db_index=False)
    call = models.CharField(max_length=80)
    label = models.JSONField()
    way = models.CharField(max_length=6)  # check, visit
    office = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="calls", db_index=False)
    subject = models.ForeignKey("base.Subject", null=True, on_delete=models.PROTECT, related_name="calls")
    guide = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    because = models.JSONField(
        default=dict
    )  # {attribute, sources: [Label], at}: what answered in place of a person
    tries = models.SmallIntegerField(default=0)  # times that nobody was there
    outcome = models.CharField(max_length=8, blank=True)  # so, not_so
    note = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "call"], name="one_call_of_a_case"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["office", "due_at"], condition=Q(state="asked"), name="calls_asked"),
            models.Index(fields=["office", "-ended_at"], name="calls_ended"),
        ]
