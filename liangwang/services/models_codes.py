"""Tables of the city code: gates, and codes that were revoked before they expired."""

from typing import ClassVar

from django.db import models

from liangwang.base.models import Office, Place, RefModel


class Gate(RefModel):
    """A place where codes are checked: a compound's gate, a clinic's door, a counter."""

    key = models.CharField(max_length=40, unique=True)
    name = models.JSONField()
    place = models.ForeignKey(Place, null=True, on_delete=models.PROTECT)
    office = models.ForeignKey(Office, null=True, on_delete=models.PROTECT)
    ended_at = models.DateTimeField(null=True, blank=True)


class CodeRevocation(models.Model):
    """A code that is void although it has not expired, or (nonce empty) all codes issued before an instant."""

    nonce = models.CharField(max_length=16, blank=True)
    issued_before = models.DateTimeField(null=True)
    why = models.CharField(max_length=20)
    at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"])]
