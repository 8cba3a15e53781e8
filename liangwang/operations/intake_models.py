"""Tables of the ways in: described devices, warnings from outside, how sources fare, gaps in counting."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import RefModel


class Described(RefModel):
    """What a SensorThings client said of a thing, datastream, sensor, property, location or feature, by its own id.

    `key` is the id under which the entity is read; `body` holds its properties as they came.
    """

    kind = models.CharField(max_length=30)
    key = models.CharField(max_length=110)
    source = models.CharField(max_length=100)
    name = models.CharField(max_length=200, blank=True)
    body = models.JSONField(default=dict)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "key"], name="one_description")]


class WarningIn(RefModel):
    """A warning of another authority in CAP 1.2: what, how grave, where, from when to when; `state` as of now.

    `areas` are GeoJSON geometries; an Update or Cancel ends those that it refers to, and the row stays.
    """

    sender = models.CharField(max_length=200)
    identifier = models.CharField(max_length=200)
    message = models.CharField(max_length=10)
    test = models.BooleanField(default=False)
    event = models.CharField(max_length=200)
    level = models.CharField(max_length=10, blank=True)
    severity = models.CharField(max_length=10, blank=True)
    urgency = models.CharField(max_length=10, blank=True)
    certainty = models.CharField(max_length=10, blank=True)
    headline = models.JSONField(default=dict)
    body = models.JSONField(default=dict)
    areas = models.JSONField(default=list)
    sent_at = models.DateTimeField(db_index=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=26, blank=True)

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [models.UniqueConstraint(fields=["sender", "identifier"], name="one_warning")]


class SourceState(models.Model):
    """How a source of readings fares: when it was last heard, how much, and what is odd about it."""

    source = models.CharField(max_length=100, unique=True)
    last_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    readings = models.BigIntegerField(default=0)
    minutes = models.JSONField(default=list)  # [minute since 1970, readings] of the last hour
    flagged = models.JSONField(default=dict)
    missing = models.BigIntegerField(default=0)
    again = models.BigIntegerField(default=0)
    clock_s = models.FloatField(default=0.0)

    class Meta:
        app_label = "operations"


class SequenceGap(models.Model):
    """Numbers that a device counted and that never came: those between `after` and `before`, both of which did.

    `missing` falls when one of them comes after all.
    """

    asset = models.ForeignKey("operations.Asset", on_delete=models.PROTECT, related_name="gaps")
    source = models.CharField(max_length=100)
    after = models.BigIntegerField()
    before = models.BigIntegerField()
    missing = models.BigIntegerField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [models.UniqueConstraint(fields=["asset", "after"], name="one_gap")]
