"""Tables of the hub: batches and their reports, the manifest of Parquet files, versions of attributes, orders, merges."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Office, Party, Place, RefModel, Subject


class Batch(RefModel):
    """One delivery of one source; the same content delivered again is the same batch."""

    class State(models.TextChoices):
        RECEIVED = "received"
        LOADED = "loaded"
        REFUSED = "refused"
        ERASED = "erased"

    class Channel(models.TextChoices):
        PUSH = "push"
        DROP = "drop"
        PULL = "pull"
        DESK = "desk"

    pack = models.CharField(max_length=40)
    source = models.CharField(max_length=80)
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT)
    channel = models.CharField(max_length=4, choices=Channel.choices, default=Channel.PUSH)
    content_hash = models.CharField(max_length=64)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
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
    stage = models.CharField(max_length=10, blank=True)  # reading checking linking storing, while it loads
    rows_done = models.BigIntegerField(default=0)
    watermark = models.JSONField(null=True)  # of a pull: how far the table of the other side was read
    contract = models.CharField(max_length=64, blank=True)  # the version of the contract that it was held to
    drift = models.JSONField(default=dict)  # columns that came or went against the contract: {extra, absent}

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pack", "source", "content_hash"], name="one_batch_per_content")
        ]
        indexes: ClassVar = [models.Index(fields=["pack", "source", "-received_at"])]


class Partition(models.Model):
    """The manifest: one immutable Parquet file that is in force until `ended_at`."""

    class Kind(models.TextChoices):
        ROWS = "rows"
        REPLACED = "replaced"
        VAULT = "vault"
        QUARANTINE = "quarantine"
        REGISTER = "register"
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
    """Sources that say different things of one subject; open until one of them is corrected or all agree.

    With `objection` it is the person herself who says that the register is wrong: the ref of the case in which she did.
    Her own value stays with that case; it is no statement of a source.
    """

    pack = models.CharField(max_length=40, blank=True)  # the emergency pack in whose domain it is; else empty
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT)
    attribute = models.CharField(max_length=60)
    said = models.JSONField()
    department = models.CharField(max_length=40, blank=True)  # the source office that is asked
    objection = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=12, blank=True)  # corrected | ruled | erased

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pack", "subject", "attribute"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_disagreement",
            )
        ]


class Ruling(RefModel):
    """What the source office decided in a disagreement: one of the values that were said, with the reason.

    It is heard as a statement of its own; the values that it turned down do not count again. `value` and `rejected`
    are as the settled files hold them: hashes where the column is sealed.
    """

    disagreement = models.ForeignKey(Disagreement, on_delete=models.PROTECT, related_name="rulings")
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="+")
    row = models.IntegerField()
    value = models.TextField()
    rejected = models.JSONField(default=list)
    reason = models.TextField()
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["disagreement"],
                condition=models.Q(undone_at__isnull=True),
                name="one_ruling_in_force",
            )
        ]


class Recall(RefModel):
    """Rows of a batch that are withdrawn (`rows` null: all of them); append-only, undone by `undone_at`."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="recalls")
    rows = models.JSONField(null=True)
    reason = models.TextField()
    by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")


class Merge(RefModel):
    """The append-only log of subjects found to be the same, or taken apart again; ids are never used again."""

    kept = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+")
    merged = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=[("merge", "merge"), ("split", "split")])
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    method = models.CharField(max_length=40)
    score = models.FloatField(null=True)
    model = models.CharField(max_length=40, blank=True)
    by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class LateLink(RefModel):
    """A row that got its subject after it was stored: read over the row's own subject until `ended_at`."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="late_links")
    row = models.IntegerField()
    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=40)
    score = models.FloatField(null=True)
    model = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["batch", "row"],
                condition=models.Q(ended_at__isnull=True),
                name="one_late_link_per_row",
            )
        ]


class LinkReview(RefModel):
    """A pair in the grey zone, for a person to decide: a row and a subject, or two subjects (`left` is set)."""

    class State(models.TextChoices):
        OPEN = "open"
        SAME = "same"
        APART = "apart"

    pack = models.CharField(max_length=40)
    source = models.CharField(max_length=80, blank=True)
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, related_name="reviews")
    row = models.IntegerField(null=True)
    left = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+")
    score = models.FloatField()
    model = models.CharField(max_length=40)
    agreement = models.JSONField(default=dict)  # {comparison: [level, levels]}: no personal data
    # Further candidates, asked about one after the other: [{subject_id, score, agreement, of: the subject in doubt}]
    others = models.JSONField(default=list)
    state = models.CharField(max_length=5, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    late_link = models.ForeignKey(LateLink, null=True, on_delete=models.PROTECT, related_name="+")
    merge = models.ForeignKey(Merge, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "-score"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "row", "right"], name="one_review_per_candidate"),
            models.UniqueConstraint(fields=["left", "right"], name="one_review_per_pair"),
        ]


def the_city() -> int | None:
    """The key of the deployment's city; None in a house that has no places yet."""
    return Place.objects.filter(level="city", ended_at=None).values_list("pk", flat=True).first()


class Order(RefModel):
    """An emergency order (应急状态令): proposed by one person, signed by another, with a start and an end.

    Only the level whose `place` it is declares, signs and ends it: the city. While it is in force the packs it
    names may act; `erase_on` is the day by which their personal data is gone.
    """

    place = models.ForeignKey(Place, null=True, default=the_city, on_delete=models.PROTECT, related_name="+")
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
