"""Handing in: answers and evidence are frozen, the plan is pinned, the case is opened, all once per key."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from liangwang.base import audit
from liangwang.base.access import require, thing_of
from liangwang.base.audit import canonical
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.models import Person, Place, Subject
from liangwang.base.working_days import local_day
from liangwang.cases.actions import open_case
from liangwang.cases.plans import store_plan
from liangwang.cases.queries import Case
from liangwang.hub import queries as hub

from .. import sealed
from ..catalogue import words
from ..certificate_items import about
from ..compiled import Need
from ..confirming import require_confirmed
from ..drafting import PAPER, Seen, hash_in_force, missing, prefilled, see
from ..form import read_value
from ..models import Authorisation, Draft, Submission, SubmissionPart
from ..parties import people_of
from ..provable import FROM_HUB, own_role
from ..refusals import DraftClosed, ItemWithdrawn, NotApplicant, NotReady
from ..report import report
from ..routing import deciding_office
from ..told import object_in_hub, told
from .afterwards import ask_about
from .letters import write_letter


def submit(
    *, actor: Actor, draft: Draft, key: str, at: datetime, lacking: frozenset[str] = frozenset()
) -> Submission:
    """Hands the draft in and opens its case; the same `key` (Idempotency-Key) again gives the same submission.

    The applicant's own authorisation is given by this act. `lacking` names materials ("role.type") that a counter
    takes in the application without, because it says in the same act when they are to come. Raises NotApplicant,
    NotReady (with everything else that is missing), DraftClosed, NoOffice, and KeyReused where the key came with
    another draft.
    """
    answer = once(
        f"services.submit/{actor.party_ref or actor.key}",
        key,
        hash_request(draft.ref),
        lambda: {"submission": _submit(actor, draft, at, lacking).ref},
    )
    return Submission.objects.select_related("case").get(ref=answer["submission"])


def _submit(actor: Actor, draft: Draft, at: datetime, tolerated: frozenset[str]) -> Submission:
    draft = (
        Draft.objects.select_for_update(of=("self",))
        .select_related("version", "applicant", "place")
        .get(pk=draft.pk)
    )
    require(actor, "read", thing_of("draft", draft))
    if actor.for_subject_id != draft.applicant_id:
        raise NotApplicant
    if draft.state != Draft.State.OPEN:
        raise DraftClosed
    if not hash_in_force(draft.key, at):
        label = draft.version.body["head"]["label"]
        raise ItemWithdrawn(what=label["zh"], what_en=label["en"])
    seen = see(draft, at)
    if lacking := missing(seen, at, but=tolerated):
        raise NotReady(
            missing="；".join(one["zh"] for one in lacking),
            missing_en="; ".join(one["en"] for one in lacking),
        )
    require_confirmed(actor, draft, at)
    _own_consent(seen, actor, at)
    values = _values(seen, at)
    people = people_of(seen, values, at)
    submission = _open(actor, seen, values, people, at)
    draft.state, draft.updated_at = Draft.State.SUBMITTED, at
    draft.roles = {role: subject.ref for role, subject in people.items()}
    draft.save(update_fields=["state", "roles", "updated_at"])
    return submission


def _open(
    actor: Actor, seen: Seen, values: dict[str, Any], people: dict[str, Subject], at: datetime
) -> Submission:
    draft = seen.draft
    asked = about(draft.key)
    if asked is not None:
        case = ask_about(actor=actor, asked=asked, values=values, scenario=draft.scenario, at=at)
    else:
        case = _case(actor, seen, values, people, at)
    for role, used in _used(seen).items():
        if role in people:
            hub.record_use(actor, people[role].pk, used, case=case.ref, at=at)
    object_in_hub(seen, people, case.ref, at)
    evidence = _evidence(seen, at)
    kept = {field: sealed.close(field, value, draft.ref) for field, value in values.items()}
    digest = hashlib.sha256(canonical({"answers": values, "evidence": evidence})).hexdigest()
    submission = Submission(
        draft=draft,
        case=case,
        version=draft.version,
        key=draft.key,
        applicant=draft.applicant,
        roles={role: subject.ref for role, subject in people.items()},
        answers=kept,
        evidence=evidence,
        hash=digest,
        submitted_at=at,
    )
    submission.save(force_insert=True)
    parts = [
        SubmissionPart(submission=submission, subject=subject, role=role) for role, subject in people.items()
    ]
    SubmissionPart.objects.bulk_create(parts)
    submission.entry = audit.record(
        actor,
        "create",
        thing_of("application", case),
        at=at,
        body={"submission": submission.ref, "number": case.number, "sha256": digest},
        subjects={subject.pk for subject in people.values()},
    )
    submission.save(update_fields=["entry"])
    write_letter(
        submission, "received", at=at, office=case.lead_office, body={"number": case.number, "sha256": digest}
    )
    return submission


def _case(actor: Actor, seen: Seen, values: dict[str, Any], people: dict[str, Subject], at: datetime) -> Case:
    """The case of an item of the catalogue, on the plan that was compiled for this draft."""
    draft, compiled, place = seen.draft, seen.compiled, _place(seen, people)
    facts = {field: sealed.stand_in(field, value) for field, value in values.items()}
    facts |= {
        n.id: n.supply.ref or seen.files.get(n.id, "") for n in compiled.needs if n.supply.way != "output"
    }
    return open_case(
        actor=actor,
        at=at,
        plan=store_plan(compiled.plan, at=at),
        title=compiled.label,
        source="person",
        pack=draft.key.partition(":")[0],
        place=place,
        subject=draft.applicant,
        key=f"draft/{draft.ref}",
        facts=facts,
        lead_office=deciding_office(seen.bound.head.office, place),
        purpose=draft.key,
    )


def _used(seen: Seen) -> dict[str, set[str]]:
    """Role → the attributes of the hub that were taken over without asking, so that a bad row finds this case."""
    found: dict[str, set[str]] = {}
    asks = [ask for page in seen.compiled.pages for ask in page.fields]
    refs = [(ask.id.partition(".")[0], ask.known.ref) for ask in asks if ask.settled and ask.known]
    refs += [(need.role, need.supply.ref) for need in seen.compiled.needs if need.supply.way == "attribute"]
    for role, ref in refs:
        if ref and ref.startswith(FROM_HUB):
            found.setdefault(role, set()).add(ref.removeprefix(FROM_HUB))
    return found


def _own_consent(seen: Seen, actor: Actor, at: datetime) -> None:
    """The applicant authorises by submitting, in the same words as the others."""
    mine = own_role(seen.draft)
    for consent in seen.compiled.consents:
        if consent.role == mine:
            Authorisation.objects.update_or_create(
                draft=seen.draft,
                role=consent.role,
                defaults={
                    "subject": seen.draft.applicant,
                    "text": dict(consent.text),
                    "state": Authorisation.State.GIVEN,
                    "asked_at": at,
                    "decided_at": at,
                    "decided_by_id": actor.party_id,
                },
            )


def _values(seen: Seen, at: datetime) -> dict[str, Any]:
    """Every value of the form: what was verified, and what was typed, read once more."""
    today, typed = local_day(at), prefilled(seen)
    values: dict[str, Any] = {}
    for page in seen.compiled.pages:
        for ask in page.fields:
            if ask.comes_from is not None:
                continue
            if ask.settled and ask.known is not None:
                values[ask.id] = ask.known.value
            else:
                value, _ = read_value(ask, typed.get(ask.id, ""), today)
                if value is not None:
                    values[ask.id] = value
    return values


def _place(seen: Seen, people: dict[str, Subject]) -> Place | None:
    """Where the application belongs: the home of the parent with whom the child registers, else the applicant's."""
    chosen = people.get(seen.draft.scenario.get("registers_with", ""))
    if chosen is not None:
        person = Person.objects.filter(pk=chosen.pk).select_related("home").first()
        if person and person.home:
            return person.home
    return seen.draft.place


def _evidence(seen: Seen, at: datetime) -> dict[str, Any]:
    """What the decision will rest on, as it was: supplies, files, consents, provenance of prefilled values."""
    compiled = seen.compiled
    made = report(seen.bound, compiled, seen.draft.scenario, words())
    return {
        "scenario": dict(seen.draft.scenario),
        "needs": [_need(need, seen) for need in compiled.needs],
        "files": [
            {"id": need.id, "role": need.role, "type": need.type, "file": seen.files[need.id]}
            for need in compiled.needs
            if seen.files.get(need.id, PAPER) != PAPER
        ],
        "papers": sorted(draft_need for draft_need, ref in seen.files.items() if ref == PAPER),
        "committed": sorted(seen.draft.committed),
        "known": {
            ask.id: {"source": dict(ask.known.source), "state": ask.known.state, "at": ask.known.at}
            for page in compiled.pages
            for ask in page.fields
            if ask.settled and ask.known is not None
        },
        **told(seen),
        "items": [source.key for source in compiled.items],
        "already": [source.key for source in compiled.already],
        "report": msgspec.to_builtins(made),
    }


def _need(need: Need, seen: Seen) -> dict[str, Any]:
    return {
        "id": need.id,
        "label": dict(need.label),
        "role": need.role,
        "way": need.supply.way,
        "source": dict(need.supply.source) if need.supply.source else None,
        "ref": need.supply.ref or seen.files.get(need.id, ""),
        "asked_by": list(need.asked_by),
        "gates": list(need.gates),
        "commitment": dict(need.commitment) if need.supply.way == "commitment" and need.commitment else None,
    }
