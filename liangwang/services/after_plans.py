"""The plans of cases that follow another: what is asked about a certificate, its revocation, the check of a commitment."""

from typing import Any

from liangwang.base.labels import Label

LABELS: dict[str, Label] = {
    "change": {"zh": "变更", "en": "Change"},
    "renewal": {"zh": "延续", "en": "Renewal"},
    "reissue": {"zh": "补发", "en": "Replacement"},
    "cancellation": {"zh": "注销", "en": "Cancellation"},
    "revocation": {"zh": "撤销", "en": "Revocation"},
    "heard": {"zh": "陈述申辩", "en": "Hearing"},
    "after_check": {"zh": "告知承诺核查", "en": "Check of a commitment"},
}
DECIDE_WITHIN = 20  # working days: 行政许可法 art. 42, where the item's own law says nothing shorter
HEAR_WITHIN = 5  # working days for the holder to be heard before a revocation: our own figure, unverified
CHECK_WITHIN = (
    40  # working days, about two months after the decision: our own figure, unverified; no law names one
)


def _node(key: str, zh: str, en: str, days: int, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "key": key, "label": {"zh": zh, "en": en}, "by": {"role": "approver"}, "within": {"working_days": days},
        "needs": list(needs), "stage": "handle",
    }  # fmt: skip


def plan_body(kind: str) -> dict[str, Any]:
    """The plan of a kind, as the case engine takes it."""
    label = LABELS[kind]
    limit: int | None = DECIDE_WITHIN
    nodes = [_node("decide", f"{label['zh']}审查决定", f"{label['en']}: decide", DECIDE_WITHIN)]
    if kind == "after_check":
        nodes, limit = (
            [_node("check", "核查承诺是否属实", "Check whether the commitment was true", CHECK_WITHIN)],
            CHECK_WITHIN,
        )
    elif kind == "heard":
        nodes, limit = [_node("noted", "送达作出决定的单位", "Laid before the office that decides", 0)], None
    elif kind == "revocation":
        hear = _node("hear", "听取陈述申辩", "Hear the holder", HEAR_WITHIN)
        nodes, limit = (
            [hear, _node("decide", "撤销决定", "Decide on the revocation", DECIDE_WITHIN, ("hear",))],
            None,
        )
    return {
        "key": f"services:{kind}", "kind": "application", "label": label, "legal_days": None, "promised_days": limit,
        "nodes": nodes,
    }  # fmt: skip
