"""Decision rules: ordered cases give a verdict with its reason; what is unknown is never granted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
from numpy.typing import NDArray

from liangwang.base.labels import Label

from . import ibis_backend
from .errors import RuleError
from .explain import explain, verdict_of
from .language import Node
from .numpy_backend import Column, verdict

UNDECIDED = -1


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a decision: `when` None means otherwise; `because` is a label `{zh, en}`."""

    when: Node | None
    then: str
    because: Label


@dataclass(frozen=True, slots=True)
class Decision:
    """Ordered cases; the first that is not false decides: true gives its verdict, unknown leaves it open."""

    cases: tuple[Case, ...]

    def __post_init__(self) -> None:
        if not self.cases or any(case.when is None for case in self.cases[:-1]):
            raise RuleError("otherwise")


def decide(decision: Decision, columns: Mapping[str, Column], n: int) -> NDArray[np.int8]:
    """Return for each of `n` rows the index of the deciding case, or -1 where it is undecided: int8[n]."""
    found = np.full(n, UNDECIDED, dtype=np.int8)
    open_rows = np.ones(n, dtype=bool)
    for index, case in enumerate(decision.cases):
        if case.when is None:
            found[open_rows] = index
            break
        true, unknown = verdict(case.when, columns, n)
        found[open_rows & true] = index
        open_rows &= ~true & ~unknown
    return found


def decision_expression(decision: Decision, columns: Mapping[str, Any]) -> Any:
    """Return the same as an Ibis expression: the index of the deciding case, -1 undecided."""
    branches: list[tuple[Any, Any]] = []
    otherwise = UNDECIDED
    for index, case in enumerate(decision.cases):
        if case.when is None:
            otherwise = index
            break
        condition = ibis_backend.expression(case.when, columns)
        branches += [(condition.isnull(), UNDECIDED), (condition, index)]
    if not branches:
        return ibis.literal(otherwise, type="int8")
    return ibis.cases(*branches, else_=otherwise).cast("int8")


def decide_one(decision: Decision, row: Mapping[str, Any]) -> tuple[Case | None, list[dict[str, Any]]]:
    """Return the deciding case of one row (None = undecided) and why: each case looked at, traced."""
    trace: list[dict[str, Any]] = []
    for case in decision.cases:
        if case.when is None:
            return case, trace
        trace += explain(case.when, row)
        found = verdict_of(case.when, row)
        if found is not False:
            return (case if found else None), trace
    return None, trace


def verdicts(decision: Decision, found: Sequence[int] | NDArray[np.int8]) -> list[str | None]:
    """Return the verdict of each index, None where undecided."""
    return [None if index == UNDECIDED else decision.cases[index].then for index in found]
