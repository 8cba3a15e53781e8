"""Conflicts as disagreements: opened and ended with each settling, and the source office's ruling on one."""

from datetime import datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liangwang.base import audit
from liangwang.base.access import Thing
from liangwang.base.errors import Refusal
from liangwang.base.events import emit_all, unsent
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Subject

from . import merges, settled
from .models import Disagreement, Ruling
from .settled import CONFLICT
from .sources import sources
from .statements import domain_of, words

CHUNK = 500
CORRECTED, RULED = "corrected", "ruled"


class NotAsked(Refusal):
    status, code = 403, "not_the_source_office"
    template: ClassVar[Label] = {
        "zh": "这条由数源部门“{department}”认定，请由该部门的人员办理",
        "en": "The source office '{department}' rules on this; someone of that department does it",
    }


class Over(Refusal):
    status, code = 409, "disagreement_over"
    template: ClassVar[Label] = {
        "zh": "这条冲突已经了结（{how}）",
        "en": "This disagreement is over ({how})",
    }


class NotSaid(Refusal):
    status, code = 422, "not_said"
    template: ClassVar[Label] = {
        "zh": "没有来源这样说：请从现有说法中选一条，或由来源改正后重新报送",
        "en": "No source says so: choose one of the statements, or have the source correct and deliver again",
    }


class WhyNeeded(Refusal):
    status, code = 422, "why_needed"
    template: ClassVar[Label] = {"zh": "请写明理由", "en": "Give the reason"}


def compared(table: pa.Table, touched: np.ndarray | None, domain: str, at: datetime) -> None:
    """Opens a disagreement for each new conflict and ends those that are settled, with who was right. In a transaction.

    A new one is the event `hub.conflict`, on which a ticket goes to the source office; an ended one is `hub.agreed`.
    """
    conflicts = table.filter(pc.equal(table["state"], CONFLICT)).to_pylist()
    now = {(row["subject_id"], row["attribute"]): row for row in conflicts}
    open_ones = Disagreement.objects.filter(ended_at=None, pack=domain)
    known: dict[tuple[int, str], Disagreement] = {}
    for start in range(0, 1 if touched is None else len(touched), CHUNK):
        ids = None if touched is None else touched[start : start + CHUNK].tolist()
        some = open_ones if ids is None else open_ones.filter(subject_id__in=ids)
        known |= {(row.subject_id, row.attribute): row for row in some}
    agreed = {key: row for key, row in known.items() if key not in now}
    _end({key: row for key, row in agreed.items() if not _still_objected(row, table)}, table, at)
    _open({key: row for key, row in now.items() if key not in known}, domain, at)


def _open(new: dict[tuple[int, str], dict[str, Any]], domain: str, at: datetime) -> None:
    offices = {one.ref: one.value.office for one in sources()}
    asked = {name: word.office for name, word in words().items()}
    ids = sorted({subject for subject, _ in new})
    living: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        living |= set(Subject.objects.filter(pk__in=ids[start : start + CHUNK]).values_list("pk", flat=True))
    rows = [
        Disagreement(
            pack=domain,
            subject_id=subject,
            attribute=attribute,
            said={"for": row["support"], "against": row["against"]},
            department=asked.get(attribute) or offices.get(row["support"][0]["source"], ""),
            opened_at=at,
        )
        for (subject, attribute), row in new.items()
        if subject in living
    ]
    Disagreement.objects.bulk_create(rows, batch_size=CHUNK)
    told = [
        unsent(
            "hub.conflict",
            row.ref,
            at,
            {"attribute": row.attribute, "department": row.department, "pack": domain},
            key=f"hub.conflict/{row.ref}",
        )
        for row in rows
    ]
    if told:
        emit_all(told)


def _still_objected(row: Disagreement, table: pa.Table) -> bool:
    """Whether a person's objection waits on: no ruling yet, and the register still says what she objected to."""
    if not row.objection or Ruling.objects.filter(disagreement=row, undone_at=None).exists():
        return False
    mine = table.filter(
        pc.and_(pc.equal(table["subject_id"], row.subject_id), pc.equal(table["attribute"], row.attribute))
    )
    stand = {_name(one) for cell in mine.to_pylist() for one in cell["support"] or []}
    return bool(stand & {_name(one) for one in row.said.get("for", [])})


def object_to(
    subject_id: int, attribute: str, *, case: str, at: datetime, pack: str = ""
) -> Disagreement | None:
    """Opens, once, what a person says is wrong in a register as a disagreement; None where the hub holds no such value.

    In a transaction. The source office gets its ticket by the same event as for sources that differ.
    """
    subject_id = merges.kept_of(subject_id)
    domain = domain_of(pack)
    cell = next((c for c in settled.cells_of(subject_id, domain) if c["attribute"] == attribute), None)
    if cell is None:
        return None
    offices = {one.ref: one.value.office for one in sources()}
    word = words().get(attribute)
    asked = (word.office if word else "") or offices.get(cell["support"][0]["source"], "")
    found, made = Disagreement.objects.get_or_create(
        pack=domain,
        subject_id=subject_id,
        attribute=attribute,
        ended_at=None,
        defaults={
            "said": {"for": cell["support"], "against": cell["against"] or []},
            "department": asked,
            "objection": case,
            "opened_at": at,
        },
    )
    if made:
        body = {"attribute": attribute, "department": asked, "pack": domain}
        emit_all([unsent("hub.conflict", found.ref, at, body, key=f"hub.conflict/{found.ref}")])
    return found


def _end(over: dict[tuple[int, str], Disagreement], table: pa.Table, at: datetime) -> None:
    """Ends disagreements: a statement that stands now and stood then was right, the others were not."""
    if not over:
        return
    mine = table.filter(pc.is_in(table["subject_id"], pa.array(sorted({s for s, _ in over}), pa.int64())))
    cells = {(row["subject_id"], row["attribute"]): row for row in mine.to_pylist()}
    ruled = set(
        Ruling.objects.filter(disagreement__in=over.values(), undone_at=None).values_list(
            "disagreement", flat=True
        )
    )
    for key, row in over.items():
        stands = {_name(one) for one in cells.get(key, {}).get("support") or []}
        said = [*row.said.get("for", []), *row.said.get("against", [])]
        row.said |= {
            "right": sorted({one["source"] for one in said if _name(one) in stands}),
            "wrong": sorted({one["source"] for one in said if _name(one) not in stands}),
        }
        row.ended_at, row.ended_by = at, RULED if row.pk in ruled else CORRECTED
    Disagreement.objects.bulk_update(over.values(), ["said", "ended_at", "ended_by"], batch_size=CHUNK)
    emit_all(
        [
            unsent("hub.agreed", row.ref, at, {"ended_by": row.ended_by}, key=f"hub.agreed/{row.ref}")
            for row in over.values()
        ]
    )


def _name(statement: dict[str, Any]) -> tuple[str, int, int]:
    return statement["source"], statement["batch"], statement["row"]


# --- rulings -------------------------------------------------------------------------------------------


def thing(disagreement: Disagreement) -> Thing:
    """How a disagreement shows itself to the policy: it is with the source office, about one subject."""
    return Thing(
        kind="disagreement",
        ref=disagreement.ref,
        departments=frozenset({disagreement.department} if disagreement.department else ()),
        subject_ids=frozenset({disagreement.subject_id}),
    )


def rule(
    disagreement: Disagreement,
    *,
    chosen: dict[str, Any],
    rejected: list[str],
    reason: str,
    actor: Actor,
    at: datetime,
) -> Ruling:
    """Records the source office's word: of the statements it is `chosen` ({batch, row, value}) that is right.

    Inside a transaction; the caller settles the subject after it. Raises NotAsked, Over, WhyNeeded.
    """
    if disagreement.department and actor.department != disagreement.department:
        raise NotAsked(department=disagreement.department)
    if disagreement.ended_at is not None:
        raise Over(how=disagreement.ended_by or CORRECTED)
    if not reason.strip():
        raise WhyNeeded
    ruling = Ruling.objects.create(
        disagreement=disagreement,
        batch_id=chosen["batch"],
        row=chosen["row"],
        value=chosen["value"],
        rejected=sorted(set(rejected) - {chosen["value"]}),
        reason=reason.strip(),
        office_id=actor.office_id,
        by_id=actor.party_id,
        at=at,
    )
    body = {"disagreement": disagreement.ref, "attribute": disagreement.attribute, "ruling": ruling.ref}
    audit.record(actor, "decide", thing(disagreement), at=at, purpose="case", outcome="ruled", body=body)
    return ruling


def undo(ruling: Ruling, *, actor: Actor, at: datetime) -> None:
    """Takes a ruling back; the caller settles the subject after it. Inside a transaction; raises NotAsked, Over."""
    disagreement = ruling.disagreement
    if disagreement.department and actor.department != disagreement.department:
        raise NotAsked(department=disagreement.department)
    won = Ruling.objects.filter(pk=ruling.pk, undone_at=None).update(
        undone_at=at, undone_by_id=actor.party_id
    )
    if not won:
        raise Over(how="undone")
    body = {"disagreement": disagreement.ref, "ruling": ruling.ref}
    audit.record(actor, "decide", thing(disagreement), at=at, purpose="case", outcome="undone", body=body)
