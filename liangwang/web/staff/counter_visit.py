"""The visit that a page of the counter is about, and the draft that is being written in it."""

from liangwang.base.errors import NotFound
from liangwang.services import counter_visits, queries
from liangwang.services.models_counter import Visit
from liangwang.services.queries import Draft


def visit_of(ref: str) -> Visit | None:
    return counter_visits.visit_by_ref(ref)


def draft_of(visit: Visit) -> Draft:
    found = queries.draft_by_ref(visit.draft.ref) if visit.draft else None
    if found is None or found.state != Draft.State.OPEN:
        raise NotFound
    return found
