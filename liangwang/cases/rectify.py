"""差评整改: the plan of the case that a bad rating opens, and its opening."""

from datetime import datetime
from typing import Any

from liangwang.base.hats import platform

from .actions import accept_case, open_case
from .models import Case
from .plans import store_plan

BAD_SCORE = 2
WORKING_DAYS = 15
# 15 working days and a call-back to everyone who gave one: a published provincial specification and a city's page say
# so; the text itself could not be read, hence unverified.
BASIS: dict[str, Any] = {
    "basis": {
        "zh": "政务服务“好差评”：差评 15 个工作日内整改，回访 100%",
        "en": "bad ratings are put right in 15 working days",
    },
    "source": "spprec.com, jiakaoti.com (copies of a provincial 好差评 specification)",
    "unverified": True,
}
PLAN: dict[str, Any] = {
    "key": "cases:rectify_bad_rating",
    "kind": "application",
    "label": {"zh": "差评整改", "en": "Put right what was rated badly"},
    "legal_days": None,
    "promised_days": WORKING_DAYS,
    "nodes": [
        {
            "key": "rectify",
            "label": {"zh": "核实整改并回访", "en": "Look into it, put it right, call back"},
            "by": {"role": "approver"},
            "within": {"working_days": WORKING_DAYS},
            "gives": ["answer"],
        }
    ],
}


def open_rectification(rated: Case, *, score: int, at: datetime) -> Case:
    """Opens, once per rated case, the case in which its lead office answers for a bad rating."""
    actor = platform("cases")
    case = open_case(
        actor=actor,
        at=at,
        plan=store_plan(PLAN, at=at),
        title={"zh": f"差评整改 · {rated.number}", "en": f"Rectification · {rated.number}"},
        source="rule",
        pack=rated.pack,
        place=rated.place,
        subject=rated.subject,
        key=f"rectify/{rated.ref}",
        facts={"rated": rated.ref, "score": score, **BASIS},
        lead_office=rated.lead_office,
        purpose="rating",
    )
    if case.state == Case.State.OPEN:
        case = accept_case(actor=actor, at=at, case=case)
    return case
