"""The list of the history's files: what stands in each, and which one another has replaced."""

from typing import ClassVar

from django.db import models


class HistoryFile(models.Model):
    """A Parquet file of the readings' history; a file with `ended_at` was replaced and is swept away later.

    `raw` holds readings by the hour of their arrival, `minute` and `hour` hold least, most and mean by event time,
    `steps` the moments at which the live process judged. Times in µs since 1970.
    """

    TIERS: ClassVar = [("raw", "raw"), ("minute", "minute"), ("hour", "hour"), ("steps", "steps")]

    tier = models.CharField(max_length=6, choices=TIERS)
    source = models.CharField(max_length=100, blank=True)
    path = models.CharField(max_length=240, unique=True)
    rows = models.BigIntegerField()
    bytes = models.BigIntegerField()
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()
    first_step = models.BigIntegerField(default=0)
    last_step = models.BigIntegerField(default=0)
    arrived = models.CharField(max_length=13, blank=True)  # the hour in which it arrived (2026-11-23T14)
    days = models.JSONField(default=list)  # the days of the readings inside, by event time
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["tier", "source", "first_at"],
                condition=models.Q(ended_at=None),
                name="history_in_force",
            )
        ]
