"""What an office still has to deliver: results that nobody has received, letters under way, letters that came back."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from liangwang.base.models import Person
from liangwang.base.subjects import unseal_field

from .. import sealed
from ..address import one_line
from ..letters_paper import addressee, is_licence
from ..letters_text import LAST_LETTERS, title_of
from ..models import Letter
from ..models_letters import Delivery
from .letters import delivery_rows

State, Way = Delivery.State, Delivery.Way
PAPER = (Way.POST, Way.COUNTER, Way.CABINET)


def _sent(**wanted: Any) -> Exists:
    return Exists(Delivery.objects.filter(letter=OuterRef("pk"), **wanted))


def _to_send(rows: QuerySet[Letter]) -> QuerySet[Letter]:
    """Results that nobody has received, and no paper of them is on its way."""
    return rows.exclude(_sent(state=State.DELIVERED)).exclude(_sent(state=State.SENT, way__in=PAPER))


def _under_way(rows: QuerySet[Letter]) -> QuerySet[Letter]:
    return rows.filter(_sent(state=State.SENT, way__in=PAPER))


def _came_back(rows: QuerySet[Letter]) -> QuerySet[Letter]:
    return _to_send(rows).filter(_sent(state=State.RETURNED))


def _arrived(rows: QuerySet[Letter]) -> QuerySet[Letter]:
    return rows.filter(_sent(state=State.DELIVERED))


SHOWN: dict[str, Callable[[QuerySet[Letter]], QuerySet[Letter]]] = {
    "send": _to_send,
    "way": _under_way,
    "back": _came_back,
    "done": _arrived,
}


def letters_to_deliver(office_id: int, show: str) -> QuerySet[Letter]:
    """Results of an office by how far they got ("send", "way", "back", "done"), the oldest first; the done newest first."""
    results = Letter.objects.filter(office_id=office_id, kind__in=LAST_LETTERS)
    rows = results.select_related(
        "case", "office", "subject__person", "subject__company", "submission__version"
    )
    return SHOWN[show](rows).prefetch_related("deliveries").order_by("-id" if show == "done" else "id")


def letters_waiting(subject_id: int) -> list[dict[str, Any]]:
    """Results of a person that nobody has handed over yet, for the counter at which she stands: as letter_row."""
    rows = Letter.objects.filter(subject_id=subject_id, kind__in=LAST_LETTERS)
    rows = rows.exclude(_sent(state=State.DELIVERED, way__in=PAPER)).exclude(
        _sent(state=State.SENT, way=Way.POST)
    )
    with_all = rows.select_related(
        "case", "office", "subject__person", "subject__company", "submission__version"
    )
    return [letter_row(one) for one in with_all.prefetch_related("deliveries").order_by("-id")[:10]]


def is_undelivered(letter: Letter) -> bool:
    """Whether it is a result that has not reached its addressee."""
    sent = (one.state == State.DELIVERED for one in letter.deliveries.all())
    return letter.kind in LAST_LETTERS and not any(sent)


def letter_row(letter: Letter) -> dict[str, Any]:
    """{letter, title, to: name, deliveries as in delivery_rows} of one letter."""
    return {
        "letter": letter,
        "title": title_of(letter.kind, licence=is_licence(letter)),
        "to": addressee(letter),
        "deliveries": delivery_rows(letter),
    }


def address_of(letter: Letter) -> str:
    """Where a letter goes by post: what the application says, else where the addressee is registered; "" if unknown."""
    submission = letter.submission
    if submission is not None:
        told = sealed.read_all(submission.answers, submission.draft.ref)
        own = {role for role, ref in submission.roles.items() if ref == letter.subject.ref} | {"delivery"}
        for concept in ("delivery_address", "address"):
            for role in sorted(own):
                if line := told.get(f"{role}.{concept}"):
                    return one_line(str(line))
    person = Person.objects.filter(pk=letter.subject_id).first()
    return (unseal_field(person, "address") or "") if person else ""
