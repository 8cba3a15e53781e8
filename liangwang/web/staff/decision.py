"""What an office decides on: facts by whom they are about, with who vouches for each; materials; what it must enter."""

from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.labels import Label, pick
from liangwang.cases.queries import Case, Task
from liangwang.services import queries as services

Page = dict[str, Any]
FACT_STATES = {"conflict": "bad", "single": "watch", "majority": "watch"}
WAYS: dict[str, Label] = {
    "certificate": {"zh": "电子证照，免交", "en": "e-certificate, not asked for"},
    "hub": {"zh": "数据核验，免交", "en": "checked by data, not asked for"},
    "output": {"zh": "前一环节产生，免交", "en": "made by an earlier step"},
    "earlier": {"zh": "以前办件已有，免交", "en": "kept from an earlier case"},
    "commitment": {"zh": "告知承诺", "en": "by commitment"},
    "ask": {"zh": "申请人上传", "en": "uploaded by the applicant"},
}


def lang_now() -> str:
    """The language of the page being made."""
    return get_language() or "zh"


def decision(task: Task, at: datetime) -> Page:
    """The decision of one office: what it decides on, what it must enter, where it may send back to."""
    base: Page = {"asks": _("需您决定"), "template": "staff/acts/decide.html"}
    found = services.decision_facts(task, at)
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
        "materials": [_material(need) for need in found["materials"]],
        "gives": [{**give, "name": f"give.{give['field']}"} for give in found["gives"]],
        "certificates": found["certificates"],
        "back": [(row["node"], row["label"], row["office"]) for row in found["back_to"]],
    }


def submitted(case: Case, submission: Any) -> Page:
    """All that was handed in, while an office decides whether to accept it."""
    if case.state != Case.State.OPEN:
        return {}
    found = services.submitted_facts(submission)
    return {
        "submitted": _groups(found["facts"]),
        "needs": [_material(need) for need in found["materials"]],
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


def _material(need: Page) -> Page:
    supply = need["supply"]
    source = pick(supply["source"], lang_now()) if supply.get("source") else ""
    way: Label = WAYS.get(supply["way"], {"zh": supply["way"], "en": supply["way"]})
    return {"label": need["label"], "value": way, "source": source}
