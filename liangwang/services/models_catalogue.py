"""The table of items that wait to be published: who brought each, out of which file, and who decided what."""

from django.db import models

from liangwang.base.models import Declaration, Party


class ItemDraft(models.Model):
    """Where a desk draft of an item came from, and how it ended; nobody publishes what she brought herself.

    `brought_by` is null where the command did it, which nobody on a page is. `based_on` is the hash of what was in force.
    """

    class Decision(models.TextChoices):
        PUBLISHED = "published"
        TURNED_DOWN = "turned_down"
        OVERTAKEN = "overtaken"  # a later draft of the same item was brought or published

    declaration = models.OneToOneField(Declaration, on_delete=models.PROTECT, related_name="item_draft")
    brought_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    file = models.CharField(max_length=120, blank=True)
    line = models.IntegerField(default=0)
    based_on = models.CharField(max_length=64, blank=True)
    decision = models.CharField(max_length=12, choices=Decision, blank=True)
    decided_by = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
