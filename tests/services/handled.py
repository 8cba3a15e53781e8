"""An application as offices handle it, made without a form: what was handed in is given, and the case is real."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from liangwang.base.hats import Actor, platform
from liangwang.base.labels import Label
from liangwang.cases import actions as cases
from liangwang.cases.models import Case
from liangwang.services.actions import enter_certificate
from liangwang.services.models import Certificate, Draft, ItemVersion, Submission, SubmissionPart
from tests.cases.factories import (
    AT,
    Street,
    make_actor,
    make_applicant,
    make_office,
    make_plan,
    make_street,
    node,
)

_serial = count(1)
LEASE = {
    "id": "applicant.lease", "label": {"zh": "租赁合同", "en": "Lease"}, "role": "applicant", "way": "ask",
    "source": None, "ref": "", "asked_by": [], "gates": ["grant"],
}  # fmt: skip
PROMISE = {
    "id": "applicant.clean_record", "label": {"zh": "无违法记录证明", "en": "Clean record"}, "role": "applicant",
    "way": "commitment", "source": None, "ref": "", "asked_by": [], "gates": [],
    "commitment": {"zh": "我承诺：没有违法记录", "en": "I promise that my record is clean"},
}  # fmt: skip


@dataclass
class Handled:
    """A shop's application at a district office, with two steps, its applicant and two people who decide."""

    street: Street
    submission: Submission
    applicant: Actor
    approver: Actor
    other: Actor

    @property
    def case(self) -> Case:
        return Case.objects.get(pk=self.submission.case_id)

    def fresh(self) -> Submission:
        return Submission.objects.select_related("case", "applicant", "draft", "version").get(
            pk=self.submission.pk
        )


def handled(*needs: dict[str, Any], kind: str = "licence", reason: Label | None = None) -> Handled:
    """An application that waits for acceptance; `needs` are the materials of its evidence.

    With `reason` its item says that the step "shop.grant" is granted with one.
    """
    item = "shop." if reason else ""
    steps = [{"step": "look"}, {"step": "grant", "reason": reason}]
    street = make_street()
    office = make_office(f"market-{next(_serial)}", street.district, "market_regulation")
    subject, applicant = make_applicant()
    plan = make_plan(
        [node(f"{item}look"), node(f"{item}grant", [f"{item}look"])], legal_days=20, promised_days=9
    )
    case = cases.open_case(
        actor=platform("test"), at=AT, plan=plan, title={"zh": "开办餐馆", "en": "Open a restaurant"}, source="person",
        pack="market_regulation", subject=subject, facts={}, lead_office=office, place=street.place,
    )  # fmt: skip
    version = ItemVersion.objects.create(
        key=f"test:{case.pk}",
        hash=f"{case.pk}",
        body={
            "head": {"kind": kind, "label": case.title},
            "items": [{"key": "test:shop", "item": {"steps": steps}}] if reason else [],
        },
        published_at=AT,
    )
    committed = [need["id"] for need in needs if need["way"] == "commitment"]
    draft = Draft.objects.create(
        version=version, key=version.key, applicant=subject, state="submitted", created_at=AT, updated_at=AT
    )
    submission = Submission.objects.create(
        draft=draft, case=case, version=version, key=version.key, applicant=subject, roles={"applicant": subject.ref},
        answers={"applicant.name": "林"}, hash="0" * 64, submitted_at=AT,
        evidence={"needs": list(needs), "files": [], "items": [], "committed": committed},
    )  # fmt: skip
    SubmissionPart.objects.create(submission=submission, subject=subject, role="applicant")
    return Handled(
        street, submission, applicant, make_actor(office, "approver"), make_actor(office, "approver")
    )


def licensed(scene: Handled) -> Certificate:
    """A certificate of the scene's case, as if its last step had issued it."""
    case = scene.case
    assert case.lead_office is not None
    made = enter_certificate(
        actor=platform("test"), type="business_licence", subject=scene.submission.applicant, office=case.lead_office,
        issued_at=AT, at=AT,
    )  # fmt: skip
    Certificate.objects.filter(pk=made.pk).update(case=case)
    made.refresh_from_db()
    return made
