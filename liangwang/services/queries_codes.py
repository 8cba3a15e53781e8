"""What pages may ask about codes: the code of the person who asks, why the status is so, gates and passes."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from liangwang.base.hats import Actor
from liangwang.base.subjects import masked
from liangwang.engines.sign import qr_svg
from liangwang.hub import queries as hub
from liangwang.hub.passes import pass_counts

from . import codes
from .gate_list import PACK, STATUS_ATTRIBUTE, gates, signed_list
from .models import Certificate

__all__ = ["code_of", "gates", "pass_counts", "signed_list", "status_chain"]


def code_of(actor: Actor, at: datetime) -> dict[str, Any]:
    """A fresh code: `{qr_svg, text, handle, handle_svg, expires_at, name, order, status, reason, until, certificates}`.

    `status`, `reason`, `until` and `order` are None in routine. Raises NoPerson.
    """
    person = codes.holder(actor)
    code = codes.mint(person.pk, person.name, at)
    order = hub.order_in_force(PACK, at)
    return {
        "qr_svg": qr_svg(code.text),
        "text": code.text,
        "handle": code.handle,
        "handle_svg": qr_svg(code.handle),
        "expires_at": code.expires_at,
        "name": masked(person.name),
        "order": {"number": order.number, "title": order.title, "ends_at": order.ends_at} if order else None,
        "status": code.status,
        "reason": code.reason,
        "until": code.until,
        "as_of": code.as_of,
        "certificates": certificates(person.pk, at),
    }


def certificates(subject_id: int, at: datetime) -> list[dict[str, Any]]:
    """The valid certificates that a person has in her hands, newest first: `{ref, number, type, label, office, …}`."""
    rows = Certificate.objects.select_related("office").filter(
        Q(subject_id=subject_id, keeper=None) | Q(keeper_id=subject_id),
        revoked_at=None,
        suspended_at=None,
        replaced_by=None,
        issued_at__lte=at,
    )
    return [
        {
            "ref": row.ref,
            "number": row.number,
            "type": row.type,
            "label": row.body.get("label"),
            "office": row.office.name,
            "issued_at": row.issued_at,
            "valid_until": row.valid_until,
        }
        for row in rows.order_by("-issued_at")
        if row.valid_until is None or row.valid_until >= at.date()
    ]


def status_chain(actor: Actor, at: datetime) -> dict[str, Any]:
    """The whole chain behind the person's own status: the case, each condition with its values, and the records."""
    person = codes.holder(actor)
    return hub.why(actor, STATUS_ATTRIBUTE, person.pk, at)
