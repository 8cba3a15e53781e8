"""The office in whose name a letter goes out."""

from liangwang.base.hats import Actor
from liangwang.base.models import Office
from liangwang.cases.queries import Case


def acting_office(actor: Actor, case: Case) -> Office | None:
    """The actor's own office, or for rules and clocks the one that leads the case."""
    return Office.objects.filter(pk=actor.office_id).first() if actor.office_id else case.lead_office
