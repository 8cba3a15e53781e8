"""What is issued flows back: a certificate becomes a record of its office, through the hub's own door."""

import csv
import io
from datetime import datetime

from liangwang.base.hats import platform
from liangwang.base.packs import declarations
from liangwang.base.subjects import identity_of
from liangwang.base.working_days import local_day
from liangwang.hub import actions as hub

from . import sealed
from .models import Certificate, GivenValue, Submission


def record_certificate(certificate: Certificate, at: datetime) -> str | None:
    """Delivers one row to the source that has the name of the certificate's type, in the pack of its item.

    Returns the batch's ref, or None where no office keeps such a register here. The same certificate again is the
    same content, so the same batch.
    """
    submission = Submission.objects.filter(case=certificate.case).first()
    if submission is None:
        return None
    item = certificate.node.partition(".")[0]
    packs = {key.partition(":")[0] for key in submission.evidence["items"] if key.endswith(f":{item}")}
    source = next(
        (d for d in declarations("sources.yaml") if d.key == certificate.type and d.pack in packs), None
    )
    if source is None:
        return None
    row = _row(certificate, submission)
    columns = source.value.columns
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.label["zh"] for column in columns.values()])
    writer.writerow([row.get(name, "") for name in columns])
    batch, _ = hub.receive(
        out.getvalue().encode(),
        source=source.ref,
        name=f"{certificate.ref}.csv",
        actor=platform(source.pack),
        at=at,
    )
    return batch.ref


def _row(certificate: Certificate, submission: Submission) -> dict[str, str]:
    """The certificate's values by the plain name of the concept: name, sex, identity_number, …"""
    role = f"{certificate.role}."
    values = {
        field.removeprefix(role): str(sealed.read(field, value, submission.draft.ref))
        for field, value in submission.answers.items()
        if field.startswith(role)
    }
    for given in GivenValue.objects.filter(case=certificate.case, ended_at=None, field__startswith=role):
        values[given.field.removeprefix(role)] = str(sealed.read(given.field, given.value, given.case.ref))
    person = getattr(certificate.subject, "person", None)
    if "identity_number" not in values and person is not None:
        values["identity_number"] = identity_of(person) or ""
    return {
        **values,
        "certificate_no": certificate.number,
        "issued_on": local_day(certificate.issued_at).isoformat(),
    }
