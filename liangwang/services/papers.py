"""纸质交接: paper travels from the counter to the office that decides under a number; every sheet is answered for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from liangwang.base import audit, notices
from liangwang.base.access import require, thing_of
from liangwang.base.errors import Conflict, Refusal
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Office
from liangwang.base.working_days import local_day
from liangwang.cases.queries import Case

from .models_counter import Handover, Paper

STATE_LABELS: dict[str, Label] = {
    "held": {"zh": "在收件窗口", "en": "at the counter"},
    "packed": {"zh": "已装袋，待发出", "en": "packed"},
    "sent": {"zh": "在途", "en": "on its way"},
    "received": {"zh": "已签收", "en": "received"},
    "missing": {"zh": "签收时缺", "en": "missing on arrival"},
}


class NothingPacked(Refusal):
    status, code = 422, "nothing_packed"
    template: ClassVar[Label] = {
        "zh": "请勾选要交接的材料（须是同一个承办单位的）",
        "en": "Tick what goes along; it must be for one office",
    }


class HandoverMoved(Conflict):
    code = "handover_moved"
    template: ClassVar[Label] = {
        "zh": "交接单 {number} 现在是“{state}”，不能这样办；请刷新",
        "en": "Hand-over {number} is now '{state_en}': reload it",
    }


def to_pack(actor: Actor) -> list[dict[str, Any]]:
    """Paper that lies with the actor's office, by the office that decides: [{office, papers: [Paper]}]."""
    rows = Paper.objects.filter(held_by_id=actor.office_id, state=Paper.State.HELD)
    groups: dict[int, dict[str, Any]] = {}
    for paper in rows.select_related("case__lead_office").order_by("case__lead_office", "id"):
        office = paper.case.lead_office
        if office is not None and office.pk != actor.office_id:
            groups.setdefault(office.pk, {"office": office, "papers": []})["papers"].append(paper)
    return list(groups.values())


def handovers_of(actor: Actor) -> QuerySet[Handover]:
    """Hand-overs from and to the actor's office, the newest first."""
    rows = Handover.objects.filter(Q(from_office_id=actor.office_id) | Q(to_office_id=actor.office_id))
    return rows.select_related("from_office", "to_office").order_by("-id")


def handover_by_ref(ref: str) -> Handover | None:
    """The hand-over that a page names."""
    rows = Handover.objects.select_related("from_office__place", "to_office__place", "packed_by__party")
    return rows.select_related("sent_by__party", "received_by__party").filter(ref=ref).first()


def papers_of(case: Case) -> list[Paper]:
    """The paper of a case and where each sheet is."""
    return list(Paper.objects.filter(case=case).select_related("held_by", "handover").order_by("id"))


def pack(*, actor: Actor, papers: Iterable[str], at: datetime) -> Handover:
    """装袋: puts the named papers, all for one office, under a new number; raises NothingPacked."""
    rows = list(
        Paper.objects.select_for_update(of=("self",))
        .filter(ref__in=list(papers), held_by_id=actor.office_id, state=Paper.State.HELD)
        .select_related("case__lead_office")
    )
    offices = {row.case.lead_office_id for row in rows}
    if len(offices) != 1 or None in offices:
        raise NothingPacked
    assert actor.office_id is not None
    assert actor.post_id is not None
    made = Handover(
        number=rows[0].ref, from_office_id=actor.office_id, to_office=rows[0].case.lead_office, packed_at=at,
        packed_by_id=actor.post_id,
    )  # fmt: skip
    require(actor, "create", thing_of("handover", made))
    made.save(force_insert=True)
    made.number = f"JJ{local_day(at):%Y%m%d}-{made.pk:05d}"
    made.save(update_fields=["number"])
    Paper.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=Paper.State.PACKED, handover=made, at=at
    )
    _note(actor, made, "packed", at, papers=len(rows))
    return made


def send(*, actor: Actor, handover: Handover, at: datetime) -> Handover:
    """发出: the bag leaves; the office that is to get it is told."""
    _move(handover, Handover.State.PACKED, state=Handover.State.SENT, sent_at=at, sent_by_id=actor.post_id)
    handover.papers.filter(state=Paper.State.PACKED).update(state=Paper.State.SENT, at=at)
    count, origin = handover.papers.count(), handover.from_office.name
    notices.notify(
        to=handover.to_office,
        template="handover.sent",
        title={"zh": f"纸质材料在途：{handover.number}", "en": f"Paper on its way: {handover.number}"},
        body={
            "zh": f"{origin['zh']}发来 {count} 份，收到后请逐份签收。",
            "en": f"{count} documents from {origin['en']}: tick each when it arrives.",
        },
        at=at,
        key=f"handover/{handover.ref}/sent",
        link=f"/staff/handovers/{handover.ref}/",
    )
    _note(actor, handover, "sent", at)
    return handover


def receive(
    *, actor: Actor, handover: Handover, there: Iterable[str], note: str, at: datetime
) -> list[Paper]:
    """签收: what is ticked has come and lies here now; the rest is missing, and the sender is told. Returns the missing."""
    arrived = set(there)
    _move(
        handover,
        Handover.State.SENT,
        state=Handover.State.RECEIVED,
        received_at=at,
        received_by_id=actor.post_id,
    )
    rows = handover.papers.filter(state=Paper.State.SENT)
    rows.filter(ref__in=arrived).update(state=Paper.State.RECEIVED, held_by=handover.to_office, at=at)
    rows.exclude(ref__in=arrived).update(state=Paper.State.MISSING, note=note[:200], at=at)
    missing = list(handover.papers.filter(state=Paper.State.MISSING).select_related("case"))
    if missing:
        _tell_missing(handover, missing, at)
    _note(actor, handover, "received", at, missing=len(missing))
    return missing


def found(*, actor: Actor, paper: Paper, at: datetime) -> None:
    """A missing sheet turned up at the counter: it lies there again and goes with the next bag."""
    done = Paper.objects.filter(pk=paper.pk, state=Paper.State.MISSING).update(
        state=Paper.State.HELD, handover=None, note="", at=at
    )
    if not done:
        raise HandoverMoved(number="", **_both(paper.state))
    audit.record(
        actor, "update", thing_of("application", paper.case), at=at, body={"paper": paper.ref, "found": True}
    )


def _tell_missing(handover: Handover, missing: list[Paper], at: datetime) -> None:
    zh = "；".join(f"{paper.case.number} {paper.label['zh']}" for paper in missing)
    en = "; ".join(f"{paper.case.number} {paper.label['en']}" for paper in missing)
    notices.notify(
        to=handover.from_office,
        template="handover.missing",
        title={"zh": f"交接单 {handover.number} 缺件", "en": f"Missing in hand-over {handover.number}"},
        body={"zh": f"签收时缺：{zh}", "en": f"Missing on arrival: {en}"},
        at=at,
        key=f"handover/{handover.ref}/missing",
        link=f"/staff/handovers/{handover.ref}/",
    )


def _both(state: str) -> dict[str, str]:
    return {"state": STATE_LABELS[state]["zh"], "state_en": STATE_LABELS[state]["en"]}


def _move(handover: Handover, from_state: str, **values: Any) -> None:
    """Moves a hand-over on once; the second of two is refused."""
    if not Handover.objects.filter(pk=handover.pk, state=from_state).update(**values):
        handover.refresh_from_db(fields=["state"])
        raise HandoverMoved(number=handover.number, **_both(handover.state))
    for name, value in values.items():
        setattr(handover, name, value)


def _note(actor: Actor, handover: Handover, what: str, at: datetime, **more: Any) -> None:
    body = {"number": handover.number, "what": what, **more}
    audit.record(actor, "update", thing_of("handover", handover), at=at, body=body)


def office_named(key: str) -> Office | None:
    """An office by its key."""
    return Office.objects.filter(key=key, ended_at=None).first()
