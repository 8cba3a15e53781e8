"""Tables of the hub: batches and their reports, the manifest of Parquet files, versions of attributes, orders, merges."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Office, Party, RefModel, Subject


class Batch(RefModel):
    """One delivery of one source; the same content delivered again is the same batch."""

    class State(models.TextChoices):
        RECEIVED = "received"
        LOADED = "loaded"
        REFUSED = "refused"
        ERASED = "erased"

    pack = models.CharField(max_length=40)
    source = models.CharField(max_length=80)
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT)
    content_hash = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    bytes = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    refusal = models.JSONField(null=True)
    received_at = models.DateTimeField(db_index=True)
    loaded_at = models.DateTimeField(null=True)
    deliveries = models.IntegerField(default=1)
    rows = models.BigIntegerField(default=0)
    good = models.BigIntegerField(default=0)
    bad = models.BigIntegerField(default=0)
    linked = models.BigIntegerField(default=0)
    unlinked = models.BigIntegerField(default=0)
    unusual = models.BooleanField(default=False)
    reasons = models.JSONField(default=dict)
    progress = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pack", "source", "content_hash"], name="one_batch_per_content")
        ]
        indexes: ClassVar = [models.Index(fields=["pack", "source", "-received_at"])]


class Partition(models.Model):
    """The manifest: one immutable Parquet file that is in force until `ended_at`."""

    class Kind(models.TextChoices):
        ROWS = "rows"
        QUARANTINE = "quarantine"
        SETTLED = "settled"
        PASSES = "passes"

    v = models.SmallIntegerField(default=1)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    pack = models.CharField(max_length=40)
    source = models.CharField(max_length=80)
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, related_name="partitions")
    shard = models.IntegerField(default=0)
    path = models.CharField(max_length=200, unique=True)
    rows = models.BigIntegerField()
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["kind", "pack", "source", "ended_at"])]


class Disagreement(RefModel):
    """Sources that say different things of one subject; open until one of them is corrected or all agree."""

    pack = models.CharField(max_length=40, blank=True)  # the emergency pack in whose domain it is; else empty
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT)
    attribute = models.CharField(max_length=60)
    said = models.JSONField()
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pack", "subject", "attribute"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_disagreement",
            )
        ]


class Merge(models.Model):
    """The append-only log of subjects found to be the same, or taken apart again."""

    kept = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+")
    merged = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=[("merge", "merge"), ("split", "split")])
    method = models.CharField(max_length=40)
    at = models.DateTimeField()


class Order(RefModel):
    """An emergency order (应急状态令): proposed by one person, signed by another, with a start and an end.

    While it is in force the packs it names may act; `erase_on` is the day by which their personal data is gone.
    """

    number = models.CharField(max_length=60, unique=True)
    title = models.JSONField()
    basis = models.TextField()
    packs = models.JSONField(default=list)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    proposed_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    signed_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)
    erase_on = models.DateField(null=True)
    erased_at = models.DateTimeField(null=True)
    erasure = models.JSONField(null=True)


class AttributeVersion(models.Model):
    """One published memory map of an attribute: which rule made it, under which order, with which counts."""

    name = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    rule_hash = models.CharField(max_length=64)
    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT)
    at = models.DateTimeField()
    changed = models.BigIntegerField()
    counts = models.JSONField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="one_attribute_version")
        ]
