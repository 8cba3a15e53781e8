"""Tables of operations: asset, datastream, signal, quarantined readings, and how far judging has come."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import RefModel

from .dispatch_models import Closure, Crew, Sending
from .history_models import HistoryFile
from .intake_models import Described, SequenceGap, SourceState, WarningIn
from .relay_models import Relay
from .report_models import Contact, Joining, Report, ShiftHandover
from .rule_models import RuleDraft, Trial

__all__ = [
    "Asset",
    "Closure",
    "Contact",
    "Crew",
    "Datastream",
    "Described",
    "HistoryFile",
    "Joining",
    "JudgedTo",
    "Quarantined",
    "Relay",
    "Report",
    "RuleDraft",
    "Sending",
    "SequenceGap",
    "ShiftHandover",
    "Signal",
    "SourceState",
    "Trial",
    "WarningIn",
]


class Asset(RefModel):
    """A thing of the city that is looked after: a cover, a pump, a wall; `owner` is the kind of its owner (rain)."""

    subject = models.OneToOneField("base.Subject", on_delete=models.PROTECT, related_name="asset")
    pack = models.CharField(max_length=40)
    key = models.CharField(max_length=60)
    kind = models.CharField(max_length=40)
    owner = models.CharField(max_length=20, blank=True)
    label = models.JSONField(default=dict)
    place = models.ForeignKey("base.Place", on_delete=models.PROTECT, related_name="assets")
    lon = models.FloatField()
    lat = models.FloatField()
    h3_9 = models.BigIntegerField(db_index=True)
    facts = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["pack", "key"], name="one_asset")]


class Datastream(models.Model):
    """One quantity of one asset; its id is the dense index that log and kernel use, and is never used again."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="datastreams")
    pack = models.CharField(max_length=40)
    source = models.CharField(max_length=60)
    quantity = models.CharField(max_length=40)
    key = models.CharField(max_length=110)
    last_at = models.DateTimeField(null=True)
    last_value = models.FloatField(null=True)
    late = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["pack", "key"], name="one_datastream")]


class Signal(RefModel):
    """A rule fired for an asset: raised at, level, why; cleared at. `at` is the moment in event time."""

    rule = models.CharField(max_length=100, db_index=True)
    version = models.CharField(max_length=16)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="signals")
    datastream = models.ForeignKey(Datastream, on_delete=models.PROTECT, related_name="signals")
    at = models.DateTimeField(db_index=True)
    judged_at = models.DateTimeField()
    level = models.CharField(max_length=10)
    value = models.FloatField(null=True)
    because = models.JSONField(default=list)
    cleared_at = models.DateTimeField(null=True)
    case_ref = models.CharField(max_length=26, blank=True, db_index=True)
    key = models.CharField(max_length=180, unique=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["rule", "asset"], condition=models.Q(cleared_at=None), name="signals_standing"
            )
        ]


class Quarantined(models.Model):
    """Readings that were kept but not judged, by device and reason; the text itself is sealed."""

    source = models.CharField(max_length=100)
    device = models.CharField(max_length=110)
    reason = models.CharField(max_length=20)
    rows = models.BigIntegerField(default=0)
    sample_sealed = models.BinaryField(null=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "device", "reason"], name="one_quarantined_device")
        ]


class JudgedTo(models.Model):
    """How far the live process has carried its steps into the database; in the same transaction as their effects."""

    name = models.CharField(max_length=20, unique=True)
    step = models.BigIntegerField(default=0)
