"""What data saved the residents of a neighbourhood: counted from what their applications were handed in with."""

from datetime import datetime
from typing import NamedTuple

from ..models import Submission

FROM_DATA = frozenset({"certificate", "attribute", "output", "earlier"})
"""Ways in which a material is there without being handed in: the certificate library, checked data, another step, an
earlier case. What the applicant promises (a commitment) and what is made from her own answers are not data."""


class Saved(NamedTuple):
    """Applications, and of them the fields that nobody typed and the materials that nobody handed in."""

    applications: int
    fields: int
    materials: int


def saved_in(code: str, since: datetime) -> Saved:
    """What data saved the residents of the place `code` who applied since an instant.

    fields = entries of `evidence.known`: values that data had settled when the application was handed in, so that the
    form did not ask for them. materials = `evidence.needs` whose way is one of FROM_DATA. Both are rows of the frozen
    evidence of real submissions; nothing is estimated, and no minutes are made of them.
    """
    rows = Submission.objects.filter(applicant__person__home__code=code, submitted_at__gte=since)
    found = list(rows.values_list("evidence", flat=True))
    return Saved(
        applications=len(found),
        fields=sum(len(one.get("known", {})) for one in found),
        materials=sum(need["way"] in FROM_DATA for one in found for need in one.get("needs", [])),
    )
