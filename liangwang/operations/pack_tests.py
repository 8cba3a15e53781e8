"""Runs the packs' own tests of reports: what is told when and how far apart, and how many incidents it makes."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from liangwang.base.declare import Problem, declaration_file
from liangwang.base.inspection import Look
from liangwang.base.labels import Label
from liangwang.base.packs import Declared
from liangwang.rules.durations import microseconds

from .kinds import Kind

FILE = "tests/*.yaml"
REMEDY: Label = {"zh": "改类型的 join，或改测试", "en": "change the kind's 'join', or the test"}


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report: of which kind, how long after the beginning, how many metres along the street."""

    kind: str
    at: str = "0s"
    metres: float = 0


class ReportTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reports in one street, and how many incidents they are: `reported` names the test."""

    reported: str
    told: list[Told]
    incidents: int


declaration_file(FILE, owner="operations", tuple_of=ReportTest)


def problems(look: Look) -> Iterator[Problem]:
    """Yield what is wrong: a test fails, or a kind that people report has no test that joins and one that does not."""
    seen: dict[str, set[bool]] = defaultdict(set)
    kinds = {one.ref: one for one in look.all("kinds.yaml")}
    for one in look.all(FILE):
        if isinstance(one.value, ReportTest):
            yield from _failed(one, kinds, look, seen)
    for one in kinds.values():
        if one.value.by_people and seen[one.ref] != {True, False}:
            message: Label = {
                "zh": f"类型“{one.key}”缺少并成一件或各是一件的例子",
                "en": f"kind '{one.key}' lacks an example that joins or one that does not",
            }
            yield look.problem(
                one, (), "untested", message, {"zh": "在 tests/ 里补上", "en": "add one in tests/"}
            )


def _failed(
    one: Declared, kinds: dict[str, Declared], look: Look, seen: dict[str, set[bool]]
) -> Iterator[Problem]:
    test: ReportTest = one.value
    unknown = [told.kind for told in test.told if f"{one.pack}:{told.kind}" not in kinds]
    if unknown:
        message: Label = {"zh": f"没有类型“{unknown[0]}”", "en": f"there is no kind '{unknown[0]}'"}
        yield look.problem(one, ("told",), "test", message, REMEDY)
        return
    joined = incidents(test.told, {told.kind: kinds[f"{one.pack}:{told.kind}"].value for told in test.told})
    for kind, together in joined:
        seen[f"{one.pack}:{kind}"].add(together)
    found = sum(not together for _, together in joined)
    if found != test.incidents:
        message = {
            "zh": f"“{one.key}”应是 {test.incidents} 件，实是 {found} 件",
            "en": f"'{one.key}' should be {test.incidents} incidents, is {found}",
        }
        yield look.problem(one, ("incidents",), "test", message, REMEDY)


def incidents(told: list[Told], kinds: dict[str, Kind]) -> list[tuple[str, bool]]:
    """For each report in time its kind, and whether it joined an earlier one's incident (that of its first place)."""
    open_now: list[tuple[str, float, int]] = []  # kind, metres of the first, last heard in µs
    found = []
    for one in sorted(told, key=lambda row: microseconds(row.at)):
        now, join = microseconds(one.at), kinds[one.kind].join
        near = [
            n
            for n, (kind, metres, last) in enumerate(open_now)
            if kind == one.kind and join.holds(seconds=(now - last) / 1e6, metres=abs(one.metres - metres))
        ]
        best = min(near, key=lambda n: abs(open_now[n][1] - one.metres), default=None)
        if best is None:
            open_now.append((one.kind, one.metres, now))
        else:
            open_now[best] = (one.kind, open_now[best][1], now)
        found.append((one.kind, best is not None))
    return found
