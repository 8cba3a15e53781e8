"""Tables of rules in the making: drafts with who wrote and who decided, trials on history, and replays compared."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Party, RefModel


class RuleDraft(RefModel):
    """A change of a signal rule, with new numbers for its limits; nobody publishes what she wrote herself.

    `text` is the YAML as it was typed, so that a mistake loses nothing; `based_on` is the hash of what was in force.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        REVIEW = "review"
        PUBLISHED = "published"
        TURNED_DOWN = "turned_down"
        WITHDRAWN = "withdrawn"

    pack = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    text = models.TextField()
    limits = models.JSONField(default=dict)
    note = models.CharField(max_length=300, blank=True)
    based_on = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT, db_index=True)
    author = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    decided_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    version = models.IntegerField(null=True)  # of the declaration that it became


class Trial(RefModel):
    """A job that judges recorded readings by other rules: a draft beside what is in force, or a day beside another.

    `given` says what was tried, `found` what came of it; `progress` runs from 0 to 1.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    KINDS: ClassVar = [("draft", "rule draft"), ("replay", "replay")]

    kind = models.CharField(max_length=8, choices=KINDS)
    draft = models.ForeignKey(RuleDraft, null=True, on_delete=models.PROTECT, related_name="trials")
    given = models.JSONField(default=dict)
    found = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    progress = models.FloatField(default=0.0)
    asked_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
