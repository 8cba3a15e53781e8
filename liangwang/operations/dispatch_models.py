"""Tables of dispatch: crews with skills, owners and positions; whom we sent; which streets are closed."""

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
    shift_until = models.DateTimeField(null=True)  # nobody is sent whose shift is over; null: until said
    vehicle = models.CharField(max_length=8, default="car")  # a key of crews.VEHICLES

    class Meta:
        app_label = "operations"
        indexes: ClassVar = [
            models.Index(fields=["repairs"], condition=models.Q(on_shift=True), name="crews_at_work")
        ]


class Sending(RefModel):
    """A crew was sent to a task (派遣): once for each number, so that two who send at once cannot both do it."""

    task = models.ForeignKey("cases.Task", on_delete=models.PROTECT, related_name="sendings", db_index=False)
    number = models.SmallIntegerField()
    crew = models.ForeignKey("base.Office", on_delete=models.PROTECT, related_name="sendings", db_index=False)
    at = models.DateTimeField()
    eta_s = models.FloatField()
    answer_by = models.DateTimeField()
    ended = models.CharField(
        max_length=10, blank=True
    )  # "" waits; answered; no_answer, moved: another was sent

    class Meta:
        app_label = "operations"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "number"], name="sent_once_a_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["answer_by"], condition=models.Q(ended=""), name="sendings_unanswered"),
            models.Index(fields=["crew", "at"], name="sendings_of_a_crew"),
        ]


class Closure(RefModel):
    """An area whose streets are not driven (封路) from a time to a time, or until it is lifted: flooded, fenced off."""

    place = models.ForeignKey("base.Place", on_delete=models.PROTECT, related_name="closures")
    area = models.JSONField()  # GeoJSON Polygon
    reason = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, db_index=True)
    by = models.JSONField(default=dict)  # {party, office, label}

    class Meta:
        app_label = "operations"
