"""What an office decides on: facts by whom they are about, with who vouches for each; materials; what it must enter."""

from itertools import groupby
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.hats import Actor
from liangwang.base.labels import Label, pick
from liangwang.cases.history import opened_by
from liangwang.cases.queries import Case, Task
from liangwang.services import queries as services
from liangwang.services.after_plans import LABELS as AFTER
from liangwang.services.queries import Submission

Page = dict[str, Any]
FACT_STATES = {"conflict": "bad", "single": "watch", "majority": "watch"}
WAYS: dict[str, Label] = {
    "certificate": {"zh": "电子证照，免交", "en": "e-certificate, not asked for"},
    "attribute": {"zh": "数据核验，免交", "en": "checked by data, not asked for"},
    "form": {"zh": "由填写的内容生成", "en": "made from the answers"},
    "output": {"zh": "前一环节产生，免交", "en": "made by an earlier step"},
    "earlier": {"zh": "以前办件已有，免交", "en": "kept from an earlier case"},
    "commitment": {"zh": "告知承诺", "en": "by commitment"},
    "ask": {"zh": "申请人上传", "en": "uploaded by the applicant"},
}


def lang_now() -> str:
    """The language of the page being made."""
    return get_language() or "zh"


def decision(task: Task, submission: Submission | None) -> Page:
    """The decision of one office: what it decides on, what it must enter, where it may send back to."""
    base: Page = {"asks": _("需您决定"), "template": "staff/acts/decide.html"}
    found = services.decision_facts(task, submission)
    if found is None:
        return {
            **base,
            "groups": [],
            "rest": [],
            "gives": [],
            "certificates": [],
            "back": [],
            "materials": [],
        }
    used = [fact for fact in found["facts"] if fact["used"]]
    rest = [fact for fact in found["facts"] if not fact["used"]]
    return {
        **base,
        "item": found["item"],
        "groups": _groups(used or rest),
        "rest": _groups(rest) if used else [],
        "rest_count": len(rest),
        "scenario": [
            {"label": row["question"], "value": row["answer"]} for row in found["scenario"] if row["answer"]
        ],
        "materials": _materials(found["submission"], found["materials"]),
        "gives": [{**give, "name": f"give.{give['field']}"} for give in found["gives"]],
        "certificates": found["certificates"],
        "reason": found["reason"],
        "back": [(row["node"], row["label"], row["office"]) for row in found["back_to"]],
    }


def deciding_after(task: Task, actor: Actor) -> Page:
    """The decision on a change, renewal, cancellation, revocation or a kept promise: forms of its own; {} elsewhere."""
    if task.case.follows_as not in AFTER:
        return {}
    if task.case.follows_as == "revocation" and actor.party_ref == opened_by(task.case):
        return {"asks": _("这是您提出的"), "template": "staff/acts/own.html"}
    asks = {"hear": _("需您听取陈述申辩"), "check": _("需您核查承诺")}.get(task.node, _("需您决定"))
    said = [one["words"] for one in services.said_before(task.case)] if task.node == "hear" else []
    return {"asks": asks, "template": "staff/acts/after.html", "said": "\n".join(said)}


def submitted(case: Case, submission: Any) -> Page:
    """All that was handed in, while an office decides whether to accept it."""
    if case.state != Case.State.OPEN:
        return {}
    found = services.submitted_facts(submission)
    return {
        "submitted": _groups(found["facts"]),
        "needs": _materials(submission, found["materials"]),
    }


def _groups(facts: list[Page]) -> list[Page]:
    """Facts by whom they are about, in the order of the form."""
    order = list(dict.fromkeys(fact["role_label"]["zh"] for fact in facts))
    rows = sorted(facts, key=lambda fact: order.index(fact["role_label"]["zh"]))
    return [
        {"label": kept[0]["role_label"], "facts": [_fact(fact) for fact in kept]}
        for kept in (list(group) for _who, group in groupby(rows, key=lambda fact: fact["role_label"]["zh"]))
    ]


def _fact(fact: Page) -> Page:
    """A declared value with who vouches for it; no source: the applicant told it."""
    source = pick(fact["source"], lang_now()) if fact["source"] else ""
    return {**fact, "source": source, "status": FACT_STATES.get(fact["state"], "ok")}


def _materials(submission: Any, needs: list[Page]) -> list[Page]:
    """The materials with the pages that were handed in, to be opened."""
    pages = services.pages_of_submission(submission)
    return [{**_material(need), "pages": pages.get(need["id"], [])} for need in needs]


def _material(need: Page) -> Page:
    supply = need["supply"]
    source = pick(supply["source"], lang_now()) if supply.get("source") else ""
    way: Label = WAYS.get(supply["way"], {"zh": supply["way"], "en": supply["way"]})
    return {"label": need["label"], "value": way, "source": source}
