"""The policy table, proved whole: every cell, every invariant, no row without effect, every mutant seen."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangwang.base import access
from liangwang.base.access import (
    ATTRIBUTES,
    PURPOSES,
    ROLES,
    TERRITORY,
    THINGS,
    VERBS,
    PolicyError,
    Row,
    decide,
)
from liangwang.base.policy_table import (
    NAMES,
    SHAPE,
    Table,
    cells,
    dead_rows,
    decides_alone,
    difference,
    enumerate_policy,
    examples,
    widens,
)
from tests.tries import tries

POSTS = "|".join(
    role for role in ROLES if role not in {"anonymous", "resident", "company", "source", "platform"}
)
CHANGES = "|".join(verb for verb in VERBS if verb not in {"open", "read", "read_sealed", "check"})
PERSONAL = "person|company|draft|application|certificate|file|code|attribute|audit"
PUBLIC = {"public", "item", "pack", "pass", "warning"}


def but(domain: list[str], *left_out: str) -> str:
    return "|".join(value for value in domain if value not in left_out)


INVARIANTS: dict[str, dict[str, str]] = {
    "the system administrator sees no personal data": {
        "role": "system_admin",
        "thing": f"{PERSONAL}|incident|application_task|incident_task|notice|batch|reading",
    },
    "the security administrator sees no personal data": {
        "role": "security_admin",
        "thing": f"{PERSONAL}|incident|application_task|incident_task|notice|batch|reading",
    },
    "the auditor changes nothing": {"role": "auditor", "verb": CHANGES, "thing": but(THINGS, "home")},
    "the auditor reads the log and the policy, no person": {
        "role": "auditor",
        "thing": "person|application|file|code",
    },
    "nobody changes the log": {"thing": "audit", "verb": CHANGES},
    "no post reads a person without a purpose": {
        "role": POSTS,
        "thing": "person|company",
        "purpose": "none",
    },
    "sealed data is opened by nobody but its holder": {
        "verb": "read_sealed",
        "relation": "none|proxy|assisted",
    },
    "no post opens sealed data": {"verb": "read_sealed", "role": POSTS},
    "a mandate does not rate": {"verb": "rate", "relation": "proxy|assisted|none"},
    "basic assurance opens nothing that is not public": {
        "assurance": "basic",
        "thing": but(THINGS, *PUBLIC),
    },
    "basic assurance changes nothing": {"assurance": "basic", "verb": CHANGES},
    "anonymous sees only what is public": {"role": "anonymous", "thing": but(THINGS, *PUBLIC)},
    "anonymous changes nothing": {"role": "anonymous", "verb": CHANGES},
    "an office that is not the case's decides nothing": {
        "verb": "decide",
        "office": "other",
        "role": POSTS,
        "thing": but(THINGS, "rule"),
    },
    "a sibling district decides, handles and closes nothing of others": {
        "role": POSTS,
        "territory": "sibling",
        "office": "department|other",
        "relation": "none",
        "verb": but(VERBS, "open", "read", "check", "create", "configure"),
        "thing": "application|incident|application_task|incident_task|certificate|asset|reading|person|board",
    },
    "a sibling district reads no person, application or task": {
        "role": POSTS,
        "territory": "sibling",
        "office": "department|other",
        "relation": "none",
        "verb": "read",
        "thing": "person|company|application|draft|application_task|incident_task|certificate|incident",
    },
    "a level below does not decide for the level above": {
        "role": POSTS,
        "territory": "above",
        "office": "department|other",
        "relation": "none",
        "verb": "decide|close|dispatch|verify|supervise",
    },
    "a resident sees nothing of others": {
        "role": "resident|company",
        "relation": "none",
        "verb": but(VERBS, "create"),
        "thing": f"{PERSONAL}|incident|application_task|incident_task|notice",
    },
    "residents decide, handle, dispatch and verify nothing": {
        "role": "resident|company|anonymous",
        "verb": "decide|dispatch|handle|verify|supervise|check|push|order|configure",
    },
    "only the approver decides on what is not a rule": {
        "verb": "decide",
        "role": but(ROLES, "approver", "platform"),
        "thing": but(THINGS, "rule"),
    },
    "only duty officers and data engineers put a rule in force": {
        "verb": "decide",
        "thing": "rule",
        "role": but(ROLES, "duty_officer", "data_engineer"),
    },
    "steps of people's applications are for the offices that handle them": {
        "thing": "application_task",
        "role": but(ROLES, "clerk", "approver", "counter", "platform"),
    },
    "the approver decides on applications, not on incidents": {
        "verb": "decide",
        "thing": "incident|incident_task",
        "role": POSTS,
    },
    "an order is declared by the level whose place it is": {
        "verb": "order",
        "territory": but(TERRITORY, "same"),
    },
    "only the duty officer declares an order": {"verb": "order", "role": but(ROLES, "duty_officer")},
    "only the security administrator changes the policy": {
        "thing": "policy",
        "verb": CHANGES,
        "role": but(ROLES, "security_admin"),
    },
    "a gate learns the verdict and nothing else": {
        "role": "gatekeeper",
        "thing": but(THINGS, "public", "item", "pack", "pass", "code", "home", "notice", "order", "warning"),
    },
    "a gate reads no code": {"role": "gatekeeper", "thing": "code", "verb": "read|read_sealed|create|update"},
    "a machine pushes, reads of what it sent, and asks a gate's question": {
        "role": "source",
        "verb": but(VERBS, "push", "check", "read"),
        "thing": but(THINGS, *PUBLIC),
    },
    "a machine reads things and readings, nothing of people": {
        "role": "source",
        "verb": "read",
        "thing": but(THINGS, *PUBLIC, "asset", "reading"),
    },
    "the data engineer meets no person": {
        "role": "data_engineer",
        "thing": "person|company|application|draft|certificate|file|code|application_task|incident_task|incident",
    },
    "the reform officer meets no person": {
        "role": "reform_officer",
        "thing": "person|company|application|draft|certificate|file|code|application_task|incident_task|incident|attribute",
    },
    "a rule rates nothing, declares nothing and changes no policy": {
        "role": "platform",
        "verb": "rate|order|configure|read_sealed|push",
    },
    "a rule reads no person's record": {
        "role": "platform",
        "thing": "person|company|draft|file|audit|policy",
    },
}


@pytest.fixture(scope="module")
def table() -> Table:
    return _whole()


@pytest.mark.parametrize("name", INVARIANTS)
def test_no_cell_breaks_an_invariant(table: Table, name: str) -> None:
    broken = table.allowed & cells(**INVARIANTS[name])
    if broken.any():
        rows = [
            row.number for row, cover in zip(table.rows, table.covers, strict=True) if (cover & broken).any()
        ]
        pytest.fail(f"{name}: rows {rows}, e.g. {examples(broken, 2)}")


def test_every_invariant_speaks_of_cells_that_exist() -> None:
    for name, wanted in INVARIANTS.items():
        assert cells(**wanted).any(), name


def test_no_row_is_dead(table: Table) -> None:
    dead = dead_rows(table)
    assert dead == [], [(row.number, row.basis, row.note) for row in dead]


def test_every_dropped_row_is_seen(table: Table) -> None:
    """The mutants that lose a row: recomputed whole for one, by counting for all."""
    for n in range(len(table.rows)):
        assert decides_alone(table, n), table.rows[n]
    lost = len(table.rows) // 2
    mutant = enumerate_policy([row for n, row in enumerate(table.rows) if n != lost])
    assert bool((mutant.allowed != table.allowed).any())


def test_every_condition_of_every_row_is_seen(table: Table) -> None:
    """The mutants that lose one condition of a row: a condition without effect is a sign of a slip."""
    permits = [(n, row) for n, row in enumerate(table.rows) if row.effect == "permit"]
    assert [
        (row.number, column) for n, row in permits for column in row.cells if not widens(table, n, column)
    ] == []


CELL = st.fixed_dictionaries({name: st.sampled_from(domain) for name, domain in ATTRIBUTES.items()})


@settings(max_examples=tries(800), deadline=None)
@given(CELL)
def test_the_decision_at_run_time_is_the_cell_of_the_table(cell: dict[str, str]) -> None:
    place = tuple(ATTRIBUTES[name].index(cell[name]) for name in NAMES)
    assert decide(cell).allowed == bool(_whole().allowed[place])


def _whole(kept: list[Table] = []) -> Table:  # noqa: B006  (made once, on purpose)
    if not kept:
        kept.append(enumerate_policy(access.policy()))
    return kept[0]


def test_forbid_wins_and_the_default_is_deny() -> None:
    permit = Row(1, "permit", {"role": frozenset({"clerk"})}, "b", "")
    forbid = Row(2, "forbid", {"verb": frozenset({"read"})}, "b", "")
    assert not enumerate_policy([]).allowed.any()
    table = enumerate_policy([permit, forbid])
    assert (
        table.allowed == (cells(role="clerk") & cells(verb=but(VERBS, "read")) & np.ones(SHAPE, bool))
    ).all()
    assert dead_rows(table) == []
    narrow = Row(3, "permit", {"role": frozenset({"clerk"}), "verb": frozenset({"read"})}, "b", "")
    assert dead_rows(enumerate_policy([permit, forbid, narrow])) == [narrow]
    assert dead_rows(enumerate_policy([forbid])) == [forbid]


def test_a_changed_table_shows_what_changes() -> None:
    before = _whole()
    wanted = {
        "role": "system_admin",
        "thing": "person",
        "territory": "same",
        "office": "own",
        "relation": "none",
    }
    opened = Row(99, "permit", {name: frozenset({value}) for name, value in wanted.items()}, "b", "")
    found = difference(before, enumerate_policy([*before.rows, opened]))
    assert {(cell["role"], cell["thing"]) for _, cell in found} == {("system_admin", "person")}
    assert len(found) == len(VERBS)
    assert all(allowed for allowed, _ in found)


def test_every_row_has_a_basis_and_a_value_from_the_domain(tmp_path: Path) -> None:
    assert all(row.basis for row in access.policy())
    header = ",".join(["effect", *ATTRIBUTES, "basis", "note"])
    for line, said in (
        ("permit,clark,,,,,,,,law,", "role"),
        ("allow,clerk,,,,,,,,law,", "permit or forbid"),
        ("permit,clerk,,,,,,,,,", "basis"),
    ):
        (tmp_path / "policy.csv").write_text(f"{header}\n{line}\n")
        with pytest.raises(PolicyError, match=said):
            access.read_policy(tmp_path / "policy.csv")


def test_purposes_are_what_the_law_knows() -> None:
    assert PURPOSES == ["none", "case", "order"]


def _rows_with(thing: str) -> Iterator[Row]:
    return (row for row in access.policy() if thing in row.cells.get("thing", frozenset()))


@pytest.mark.parametrize("thing", THINGS)
def test_every_thing_is_reachable_by_somebody(thing: str) -> None:
    assert any(_rows_with(thing)), f"{thing}: no row names it, so nobody can ever see it"
