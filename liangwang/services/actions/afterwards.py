"""变更 延续 补发 注销 撤销 of what was granted, and the check of a commitment: each a case that follows the first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from liangwang.base import notices
from liangwang.base.access import require, thing_of
from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.base.models import Office, Place, Subject
from liangwang.cases import actions as cases
from liangwang.cases.history import is_live, opened_by
from liangwang.cases.plans import store_plan
from liangwang.cases.queries import Case, Task
from liangwang.cases.refusals import OwnWork, ReasonNeeded

from .. import sealed
from ..after_plans import LABELS, plan_body
from ..certificate_items import About, changed, revocation_of, to_be_heard
from ..models import Certificate, GivenValue, Submission
from ..refusals import AlreadyAsked, HearingOver, NotInForce, ResultMissing
from .certify import reissue, revoke_certificate
from .letters import REMEDIES, letter_of_case

PACK = "services"  # of cases about certificates that no pack's item issued here
ON_ASKING = frozenset({"change", "renewal", "reissue", "cancellation", "heard"})
LETTERS = {
    "change": "changed",
    "renewal": "renewed",
    "reissue": "reissued",
    "cancellation": "cancelled",
    "revocation": "revoked",
}
REISSUED_BECAUSE = {"lost": "遗失", "damaged": "损坏", "misused": "怀疑被人冒用"}


def ask_change(
    *, actor: Actor, certificate: Certificate, values: Mapping[str, str], reason: str, at: datetime
) -> Case:
    """变更 (行政许可法 art. 49): the holder asks for other values, by "role.concept"; the office that granted decides."""
    if not any(value.strip() for value in values.values()):
        raise ResultMissing(what="要变更的内容", what_en="what is to be changed")
    case = _ask(actor, certificate, "change", reason, at)
    GivenValue.objects.bulk_create(
        GivenValue(
            case=case, node="decide", field=field, value=sealed.close(field, value.strip(), case.ref), at=at
        )
        for field, value in values.items()
        if value.strip()
    )
    return case


def ask_renewal(*, actor: Actor, certificate: Certificate, at: datetime, reason: str = "") -> Case:
    """延续 (行政许可法 art. 50): before it expires; not decided by that day, it counts as granted."""
    if certificate.valid_until is None:
        raise NotInForce(**_named(certificate))
    return _ask(actor, certificate, "renewal", reason, at)


def ask_reissue(*, actor: Actor, certificate: Certificate, reason: str, at: datetime) -> Case:
    """补发 of one that is lost, damaged or misused: the same content under a new number, and the old one is void."""
    return _ask(actor, certificate, "reissue", reason, at)


def be_heard(*, actor: Actor, certificate: Certificate, statement: str, at: datetime) -> Case:
    """陈述申辩: what the holder says before a revocation is decided, laid before the office at once.

    As often as she likes until the office has closed the hearing; raises HearingOver after it, and where there is none.
    """
    require(actor, "read", thing_of("certificate", certificate))
    certificate = Certificate.objects.select_for_update(of=("self",)).get(pk=certificate.pk)
    revocation = revocation_of(certificate)
    if revocation is None or not to_be_heard(revocation):
        raise HearingOver(**_named(certificate))
    case = _follow(
        actor, "heard", at, first=revocation, what=certificate.body["label"], subject=certificate.kept_by,
        office=certificate.office, place=revocation.place,
        key=f"heard/{certificate.ref}/{len(_before(certificate, 'heard'))}",
        facts={"certificate": certificate.ref, "reasons": [statement], "revocation": revocation.ref},
    )  # fmt: skip
    task = case.tasks.get(node="noted")
    return cases.complete_task(actor=platform(case.pack), at=at, task=task, result={}).case


def ask_about(
    *, actor: Actor, asked: About, values: Mapping[str, Any], scenario: Mapping[str, str], at: datetime
) -> Case:
    """Opens the case that a person's own form about her certificate asks for; `values` are by "role.concept"."""
    reason = str(values.get("applicant.request_reason") or "")
    common: dict[str, Any] = {"actor": actor, "certificate": asked.certificate, "at": at}
    if asked.kind == "heard":
        return be_heard(statement=str(values["applicant.hearing_statement"]), **common)
    if asked.kind == "change":
        return ask_change(values=changed(asked, values), reason=reason, **common)
    if asked.kind == "renewal":
        return ask_renewal(reason=reason, **common)
    if asked.kind == "reissue":
        because = REISSUED_BECAUSE[scenario["reissue_because"]]
        return ask_reissue(reason="：".join(filter(None, (because, reason))), **common)
    return ask_cancellation(reason=reason, **common)


def ask_cancellation(*, actor: Actor, certificate: Certificate, reason: str, at: datetime) -> Case:
    """注销 (行政许可法 art. 70) at the holder's wish."""
    return _ask(actor, certificate, "cancellation", reason, at)


def open_revocation(*, actor: Actor, certificate: Certificate, reasons: list[str], at: datetime) -> Case:
    """撤销 (行政许可法 art. 69) by the office: the holder is told and heard first; someone else decides."""
    if actor.hat != "platform":
        require(actor, "close", thing_of("certificate", certificate))
    if not any(reason.strip() for reason in reasons):
        raise ReasonNeeded(what="拟撤销的理由", what_en="the reasons")
    case = _open(actor, certificate, "revocation", reasons, at)
    number, zh = certificate.number, "；".join(reasons)
    notices.notify(
        to=certificate.kept_by,
        template="services.revocation",
        title={
            "zh": f"拟撤销：{_named(certificate)['what']}",
            "en": f"To be revoked: {_named(certificate)['what_en']}",
        },
        body={
            "zh": f"{number} 拟撤销，理由：{zh}。您可以陈述、申辩，办件编号 {case.number}。",
            "en": f"{number} is to be revoked: {zh}. You may be heard; case {case.number}.",
        },
        at=at,
        key=f"revocation/{case.ref}",
        link=f"/certificates/{certificate.ref}/",
    )
    return case


def open_after_check(submission: Submission, at: datetime) -> Case | None:
    """告知承诺: once what was promised has been granted, somebody checks it within the plan's limit; None without one."""
    promised = [need for need in submission.evidence["needs"] if need["way"] == "commitment"]
    if not promised:
        return None
    first = submission.case
    labels = [need["label"] for need in promised]
    return _follow(
        platform(first.pack), "after_check", at, first=first, what=first.title, subject=first.subject,
        office=first.lead_office, place=first.place, key=f"after_check/{first.ref}",
        facts={"commitments": labels, "materials": [need["id"] for need in promised]},
    )  # fmt: skip


def decide_afterwards(*, actor: Actor, task: Task, granted: bool, reasons: list[str], at: datetime) -> Case:
    """Decides a case that follows another; raises OwnWork where the one who proposed a revocation decides it.

    A change, renewal or cancellation is refused with reasons and remedies. A commitment that was false leads to a
    revocation; a revocation that is not granted ends without one.
    """
    case = task.case
    if case.follows_as == "revocation" and actor.party_ref and actor.party_ref == opened_by(case):
        raise OwnWork(task=task.label["zh"], task_en=task.label["en"])
    if not granted and not any(reason.strip() for reason in reasons):
        raise ReasonNeeded(what="理由", what_en="the reasons")
    if task.node == "hear" and not any(reason.strip() for reason in reasons):
        raise ReasonNeeded(
            what="本人的陈述申辩；没有提出的，写明怎样通知、本人没有提出",
            what_en="what the holder said; if nothing was said, how she was told and that she said nothing",
        )
    if not granted and case.follows_as in ON_ASKING:
        case = cases.refuse_case(actor=actor, at=at, case=case, reasons=reasons, remedies=[REMEDIES["zh"]])
        letter_of_case(case, "refused", at=at, office=case.lead_office, body={"reasons": reasons})
        return case
    result = {"granted": granted, "reasons": [reason for reason in reasons if reason.strip()]}
    done = cases.complete_task(actor=actor, at=at, task=task, result=result)
    if case.follows_as == "after_check" and not granted:
        for certificate in Certificate.objects.filter(case=case.follows, revoked_at=None).order_by("id"):
            if any(is_live(one) for one in _before(certificate, "revocation")):
                continue
            because = [f"告知承诺不实：{reason}" for reason in reasons]
            open_revocation(actor=platform(case.pack), certificate=certificate, reasons=because, at=at)
    elif case.follows_as in LETTERS and granted and done.node == "decide":
        _apply(done.case, actor, at)
    return done.case


def grant_silent_renewal(case: Case, at: datetime) -> Case:
    """延续 that nobody decided before the certificate expired counts as granted (行政许可法 art. 50)."""
    task = case.tasks.get(node="decide")
    reasons = ["有效期届满前未作出决定，视为准予延续"]
    return decide_afterwards(actor=platform(case.pack), task=task, granted=True, reasons=reasons, at=at)


def _ask(actor: Actor, certificate: Certificate, kind: str, reason: str, at: datetime) -> Case:
    require(actor, "read", thing_of("certificate", certificate))
    return _open(actor, certificate, kind, [reason] if reason.strip() else [], at)


def _open(actor: Actor, certificate: Certificate, kind: str, reasons: list[str], at: datetime) -> Case:
    """The case of one certificate and kind; only one of a kind is open at a time. Raises NotInForce, AlreadyAsked."""
    # Who asks at the same moment waits here, and then finds the case of the first.
    certificate = Certificate.objects.select_for_update(of=("self",)).get(pk=certificate.pk)
    if certificate.revoked_at is not None or certificate.replaced_by_id is not None:
        raise NotInForce(**_named(certificate))
    before = _before(certificate, kind)
    if open_one := next((case for case in before if is_live(case)), None):
        raise AlreadyAsked(number=open_one.number, **_named(certificate))
    first = certificate.case
    return _follow(
        actor, kind, at, first=first, what=certificate.body["label"], subject=certificate.kept_by,
        office=certificate.office, place=first.place if first else certificate.office.place,
        key=f"{kind}/{certificate.ref}/{len(before)}",
        facts={"certificate": certificate.ref, "reasons": reasons},
    )  # fmt: skip


def _before(certificate: Certificate, kind: str) -> list[Case]:
    """The cases of a kind about a certificate so far."""
    about = Case.objects.filter(subject_id=certificate.kept_by_id, follows_as=kind)
    return list(about.filter(facts__certificate=certificate.ref))


def _follow(
    actor: Actor,
    kind: str,
    at: datetime,
    *,
    first: Case | None,
    what: Label,
    subject: Subject | None,
    office: Office | None,
    place: Place | None,
    key: str,
    facts: dict[str, Any],
) -> Case:
    """Opens the case; `first` is None for a certificate that was issued before this system and entered afterwards."""
    label, pack = LABELS[kind], first.pack if first else PACK
    case = cases.open_case(
        actor=actor,
        at=at,
        plan=store_plan(plan_body(kind), at=at),
        title={"zh": f"{label['zh']} · {what['zh']}", "en": f"{label['en']} · {what['en']}"},
        source="person" if kind in ON_ASKING else "rule",
        pack=pack,
        place=place,
        subject=subject,
        key=key,
        facts=facts,
        lead_office=office,
        purpose=kind,
        follows=first,
        follows_as=kind,
    )
    if case.state == Case.State.OPEN:
        case = cases.accept_case(actor=platform(pack), at=at, case=case)
    return case


def _apply(case: Case, actor: Actor, at: datetime) -> None:
    """What was decided takes effect on the certificate, with a letter."""
    certificate = Certificate.objects.select_related("office", "subject", "case").get(
        ref=case.facts["certificate"]
    )
    done = case.tasks.get(node="decide")
    reasons = list(done.result.get("reasons") or case.facts.get("reasons") or [])
    body: dict[str, Any] = {"reasons": reasons}
    if case.follows_as == "change":
        values = {row.field: row.value for row in GivenValue.objects.filter(case=case, ended_at=None)}
        shown = {
            field: sealed.masked(field, sealed.read(field, value, case.ref))
            for field, value in values.items()
        }
        made = reissue(actor=actor, certificate=certificate, because=LABELS["change"], at=at, values=shown)
        body["certificates"] = [_listed(made)]
    elif case.follows_as == "reissue":
        made = reissue(actor=actor, certificate=certificate, because=LABELS["reissue"], at=at)
        body["certificates"] = [_listed(made)]
    elif case.follows_as == "renewal":
        made = reissue(actor=actor, certificate=certificate, because=LABELS["renewal"], at=at, longer=True)
        body["certificates"] = [_listed(made)]
        body["values"] = [{"label": {"zh": "有效期至", "en": "Valid until"}, "value": str(made.valid_until)}]
    else:
        because: Label = {
            "zh": "；".join(reasons) or LABELS[case.follows_as]["zh"],
            "en": LABELS[case.follows_as]["en"],
        }
        revoke_certificate(actor=actor, certificate=certificate, because=because, at=at)
        body["certificates"] = [_listed(certificate)]
    letter_of_case(case, LETTERS[case.follows_as], at=at, office=certificate.office, body=body)


def _listed(certificate: Certificate) -> dict[str, Any]:
    return {"label": certificate.body["label"], "number": certificate.number, "ref": certificate.ref}


def _named(certificate: Certificate) -> dict[str, str]:
    label = certificate.body["label"]
    return {"what": label["zh"], "what_en": label["en"]}
