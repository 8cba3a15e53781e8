"""Tables of dispatch: crews and units with their skills, owners and positions."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import RefModel


class Crew(RefModel):
    """A crew or unit that can be sent: `owners` are the asset owners it works for, `*` for a fallback crew of a street.

    Whether it is free is not kept here: it follows from the tasks that it holds.
    """

    office = models.OneToOneField("base.Office", on_delete=models.PROTECT, related_name="crew")
    skills = models.JSONField(default=list)
    owners = models.JSONField(default=list)
    repairs = models.BooleanField(
        default=False
    )  # a crew with tools; the rest are patrols that can only guard
    lon = models.FloatField(db_index=True)
    lat = models.FloatField()
    seen_at = models.DateTimeField(null=True)
    on_shift = models.BooleanField(default=True)

    class Meta:
        app_label = "operations"
        indexes: ClassVar = [
            models.Index(fields=["repairs"], condition=models.Q(on_shift=True), name="crews_at_work")
        ]
