"""In whose name an item is applied for: her own or a company's, and what follows from it for whoever begins."""

from liangwang.base.hats import Actor
from liangwang.base.models import Subject

from . import certificate_items
from .compiled import Bound

APPLICANT = "applicant"


def _companies(bound: Bound) -> set[str]:
    """The roles that are companies: those of whom the name of a company is asked."""
    return {field.role for s in bound.items for field in s.item.fields if field.concept == "company.name"}


def kinds(bound: Bound) -> frozenset[str]:
    """person, company or both: who may apply, by the roles that may and, of a plain applicant, by whom the items serve."""
    companies = _companies(bound)
    serves = frozenset(who for source in bound.items for who in source.item.serves)
    found: set[str] = set()
    for role in bound.head.apply:
        if role == APPLICANT and role not in companies:
            found |= serves
        else:
            found.add("company" if role in companies else "person")
    return frozenset(found)


def kind_of(actor: Actor) -> str | None:
    """Whether this hat stands for a person or a company; None for posts and for nobody."""
    if actor.for_subject_id is None:
        return None
    return Subject.objects.filter(pk=actor.for_subject_id).values_list("kind", flat=True).first()


def sole_role(bound: Bound, kind: str) -> str | None:
    """The one role in which such a subject can apply, where there are several; None where she has to say it."""
    if len(bound.head.apply) < 2:
        return None
    companies = _companies(bound)
    fitting = [role for role in bound.head.apply if (role in companies) == (kind == "company")]
    return fitting[0] if len(fitting) == 1 else None


def missing_hat(key: str, actor: Actor) -> str | None:
    """ "person" or "company" where the item has to be begun in that name and this hat has the other; else None."""
    worn = kind_of(actor)
    if worn is None:
        return None
    allowed = kinds(certificate_items.bound(key))
    return next(iter(allowed)) if len(allowed) == 1 and worn not in allowed else None
