"""Decision rules: ordered cases, and nothing is granted on what is unknown."""

import ibis
import numpy as np
import pandas as pd
import pytest

from liangwang.rules.decide import decide, decide_one, decision_expression, verdicts
from liangwang.rules.declare import CaseOf, DecisionRule
from liangwang.rules.errors import RuleError
from liangwang.rules.numpy_backend import column
from liangwang.rules.program import compile_decision

LABEL = {"zh": "甲", "en": "a"}
RULE = DecisionRule(
    rule="status",
    label=LABEL,
    first=(
        CaseOf(when="fever > 38", then="red", because={"zh": "发热", "en": "fever"}),
        CaseOf(when="days < quarantine", then="yellow", because=LABEL),
        CaseOf(then="green", because=LABEL),
    ),
)


def test_the_first_that_holds_decides_and_unknown_leaves_it_open() -> None:
    decision = compile_decision(RULE, None, {"quarantine": (14.0, "d")})
    fever = np.array([39.0, 37.0, 37.0, np.nan, 39.0])
    days = np.array([np.nan, 3.0, 20.0, 20.0, 3.0])
    found = decide(decision, {"fever": column(fever), "days": column(days)}, 5)
    assert verdicts(decision, found) == ["red", "yellow", "green", None, "red"]
    table = ibis.memtable(pd.DataFrame({"n": range(5), "fever": pd.array(fever), "days": pd.array(days)}))
    table = table.mutate(fever=table.fever.nullif(float("nan")), days=table.days.nullif(float("nan")))
    asked = table.select("n", found=decision_expression(decision, table)).order_by("n").execute()
    assert list(asked["found"]) == list(found)


def test_one_subject_gets_its_case_and_the_trace() -> None:
    decision = compile_decision(RULE, None, {"quarantine": (14.0, "d")})
    case, trace = decide_one(decision, {"fever": 37.0, "days": 3})
    assert case is not None and case.then == "yellow"
    assert [line["expression"] for line in trace][:1] == ["fever > 38"]
    assert decide_one(decision, {"days": 20})[0] is None


def test_only_the_last_case_goes_without_a_condition() -> None:
    wrong = DecisionRule(
        rule="r", label=LABEL, first=(CaseOf(then="a", because=LABEL), CaseOf(then="b", because=LABEL))
    )
    with pytest.raises(RuleError, match="'when'"):
        compile_decision(wrong, None, {})
