"""走访: asks the committee of the neighbourhood what is declared for a case, passes what data answer, takes its word."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from django.db.models import Q, QuerySet

from liangwang.base import audit, notices
from liangwang.base.access import require, thing_of
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.base.models import Office, Person
from liangwang.base.packs import Declared, declarations
from liangwang.base.places import containing_code
from liangwang.base.transactions import write
from liangwang.hub import queries as hub

from .actions.joint import note_case
from .call_models import Call
from .engine import due_of, lock_case
from .models import LIVE_CASE_STATES, Case, CaseEvent
from .refusals import OnceOnly

State = Call.State
SINCE = timedelta(days=30)  # a newly declared call is not asked for cases older than this
AWAY: Label = {"zh": "没有人在，改天再去", "en": "nobody there, another day"}
OUTCOMES: dict[str, dict[str, Label]] = {
    "check": {
        "so": {"zh": "属实", "en": "it is so"},
        "not_so": {"zh": "不属实", "en": "it is not so"},
        "away": AWAY,
    },
    "visit": {
        "so": {"zh": "去过了，都好", "en": "visited, all is well"},
        "not_so": {"zh": "去过了，有事要跟进", "en": "visited, something is to be followed up"},
        "away": AWAY,
    },
}
"""What a committee may find, by the way of the call."""
WITH = ("case__place", "case__plan", "office", "subject__person__home", "answered_by")


class OutcomeNeeded(Refusal):
    status, code = 422, "outcome_needed"
    template: ClassVar[Label] = {
        "zh": "请选择结果；不属实或要跟进的，请写一句看到了什么",
        "en": "Choose what you found; where it is not so or needs following up, say in a line what you saw",
    }


class Counted(NamedTuple):
    """What came to a committee in a time: passed by data, answered by its people."""

    passed: int
    checked: int
    visited: int


# --- asking --------------------------------------------------------------------------------------------


def ask_due(at: datetime, limit: int = 200) -> int:
    """Asks, once for each case, what is declared for it and not asked yet; returns how many calls were made."""
    done = 0
    for one in declarations("calls.yaml"):
        for case in _without(one, at)[:limit]:
            with write():
                done += _ask(one, case, at) is not None
    return done


def _without(one: Declared, at: datetime) -> QuerySet[Case]:
    """Cases of late for which a call is declared and not there."""
    states = LIVE_CASE_STATES if one.value.when == "opened" else (Case.State.ACCEPTED,)
    wanted = Q(kind="application", plan__key__in=one.value.items) | Q(
        kind="incident", facts__kind__in=one.value.kinds, source="report"
    )
    rows = Case.objects.filter(wanted, state__in=states, opened_at__gt=at - SINCE)
    return rows.exclude(pk__in=Call.objects.filter(call=one.ref).values("case_id")).order_by("id")


def _ask(one: Declared, case: Case, at: datetime) -> Call | None:
    """The call of a case with its committee; passed at once where the hub has the answer. None where no committee is."""
    office = committee_of(case)
    if office is None:
        return None
    row = Call(
        case=case, call=one.ref, label=one.value.label, way=one.value.way, office=office, guide=one.value.guide,
        subject=case.subject if case.kind == "application" else None, asked_at=at, due_at=due_of(one.value.within, at),
    )  # fmt: skip
    because = _known(one.value.known, case, office, at) if one.value.known else None
    if because is not None:
        row.state, row.because, row.ended_at = State.PASSED, because, at
    row.save(force_insert=True)
    what = "call.passed" if because else "call.asked"
    note_case(actor=platform(one.pack), at=at, case=case, what=what, to=office.name, label=row.label)
    if because is None:
        notices.notify(
            to=office, template="case.call", title=row.label, body=case.title, at=at, key=f"call/{row.ref}",
            link=f"/field/calls/{row.ref}/",
        )  # fmt: skip
    return row


def committee_of(case: Case) -> Office | None:
    """The committee where the applicant lives, or where the incident lies; None where that is not known."""
    code: str | None = None
    if case.kind == "application" and case.subject_id:
        code = Person.objects.filter(pk=case.subject_id).values_list("home__code", flat=True).first()
    elif case.kind == "incident" and case.lon is not None and case.lat is not None:
        code = containing_code(case.lon, case.lat, "neighbourhood")
    rows = Office.objects.filter(place__code=code or "", place__level="neighbourhood", ended_at=None)
    return rows.order_by("id").first()


def _known(attribute: str, case: Case, office: Office, at: datetime) -> dict[str, Any] | None:
    """Whose data answer in place of a person: {attribute, sources, at}; None where they do not, or disagree.

    An answer is what two sources agree on, or what the office that keeps the attribute says. A place is only an answer
    where it is the committee's own.
    """
    if case.subject_id is None:
        return None
    said = next(one.value for one in declarations("attributes.csv") if one.key == attribute)
    sources = {one.ref: one.value for one in declarations("sources.yaml")}
    for row in hub.known(case.subject_id):
        if row["attribute"] != attribute or row["value"] in (None, ""):
            continue
        told = [sources[name] for name in row["sources"] if name in sources]
        kept = row["state"] == "verified" or (
            row["state"] == "single" and said.office in {one.office for one in told}
        )
        here = said.type != "place" or row["value"] == office.place.code
        if kept and here:
            hub.record_use(platform("cases"), case.subject_id, {attribute}, case=case.ref, at=at)
            labels = [one.label for one in told]
            return {"attribute": said.label, "sources": labels, "at": row["at"].date().isoformat()}
    return None


def recall_over(at: datetime) -> int:
    """Calls whose case is over are asked no longer; one to check a report passes as soon as data have confirmed it."""
    asked = Call.objects.filter(state=State.ASKED).select_related("case")
    over = list(asked.exclude(case__state__in=LIVE_CASE_STATES).values_list("pk", flat=True))
    done = Call.objects.filter(pk__in=over, state=State.ASKED).update(state=State.RECALLED, ended_at=at)
    early = [one.ref for one in declarations("calls.yaml") if one.value.when == "opened"]
    for row in asked.filter(call__in=early, case__state=Case.State.ACCEPTED):
        by_device = CaseEvent.objects.filter(
            case=row.case, what="case.accepted", who__role="platform"
        ).exists()
        device: Label = {"zh": "设备信号已证实", "en": "a device's signal confirmed it"}
        because = {"sources": [device], "at": at.date().isoformat()} if by_device else {}
        state = State.PASSED if by_device else State.RECALLED
        changed = Call.objects.filter(pk=row.pk, state=State.ASKED)
        done += changed.update(state=state, because=because, ended_at=at)
    return done


# --- the committee's word ------------------------------------------------------------------------------


def answer_call(*, actor: Actor, at: datetime, call: Call, outcome: str, note: str = "") -> Call:
    """What the committee found; the office that decides reads it on the timeline. Nobody there leaves it to do.

    Raises NotFound for another office's, OnceOnly where it is answered, OutcomeNeeded.
    """
    if actor.office_id is None or call.office_id != actor.office_id:
        raise NotFound
    note = note.strip()[:300]
    if outcome not in OUTCOMES[call.way] or (outcome == "not_so" and not note):
        raise OutcomeNeeded
    waiting = Call.objects.filter(pk=call.pk, state=State.ASKED)
    if outcome == "away":
        changed = waiting.update(tries=call.tries + 1, note=note)
    else:
        changed = waiting.update(
            state=State.DONE, outcome=outcome, note=note, ended_at=at, answered_by_id=actor.party_id
        )
    if not changed:
        raise OnceOnly(what="走访结果", what_en="The result of a call")
    locked = lock_case(call.case_id, actor, at)
    locked.note("call.answered", label=call.label, found=OUTCOMES[call.way][outcome], said=note)
    locked.seal("update", "call.answered", body={"call": call.ref, "outcome": outcome})
    call.refresh_from_db()
    return call


def look_at(*, actor: Actor, at: datetime, call: Call) -> Person | None:
    """Whom the call is about, for the committee that must go there; each look is written down for her to see.

    None once it is answered: the ground for looking has gone. Raises Forbidden.
    """
    person: Person | None = getattr(call.subject, "person", None) if call.subject else None
    if person is None or call.state != State.ASKED:
        return None
    thing = thing_of("person", person)
    require(actor, "read", thing, "case")
    audit.record(actor, "read", thing, at=at, purpose="case", body={"case": call.case.ref, "call": call.ref})
    return person


# --- asking about them ---------------------------------------------------------------------------------


def call_by_ref(ref: str) -> Call | None:
    """The call that a link names."""
    return Call.objects.select_related(*WITH).filter(ref=ref).first()


def calls_asked(office_id: int | None, way: str) -> QuerySet[Call]:
    """What a committee is to do in one way, the first due first."""
    rows = Call.objects.filter(office_id=office_id or 0, state=State.ASKED, way=way).select_related(*WITH)
    return rows.order_by("due_at", "id")


def calls_ended(office_id: int | None, states: Iterable[str], since: datetime) -> QuerySet[Call]:
    """What was passed, or done, for a committee since an instant, the newest first."""
    rows = Call.objects.filter(office_id=office_id or 0, state__in=list(states), ended_at__gte=since)
    return rows.select_related(*WITH).order_by("-ended_at", "-id")


def counted(office_id: int | None, since: datetime) -> Counted:
    """How many calls of a committee data passed and its people answered since an instant."""
    rows = Call.objects.filter(office_id=office_id or 0, ended_at__gte=since).values_list("state", "way")
    found = list(rows)
    return Counted(
        passed=sum(state == State.PASSED for state, _ in found),
        checked=sum(state == State.DONE and way == "check" for state, way in found),
        visited=sum(state == State.DONE and way == "visit" for state, way in found),
    )
