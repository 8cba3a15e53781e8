"""Every pack's own YAML tests, and the inspector's verdict on it, one test a pack."""

from functools import cache

import pytest

from liangwang import check
from liangwang.base import packs
from liangwang.base.declare import Problem

check.load_schemas()
PACKS = [pack.key for pack in packs.packs()]


@cache
def verdicts() -> tuple[list[Problem], dict[str, check.Report]]:
    """One inspection of all packs: each pack's test reads its own part."""
    found, reports = check.check()
    return found, {report.pack: report for report in reports}


@pytest.mark.parametrize("key", PACKS)
def test_a_pack_is_clean_and_its_own_tests_pass(key: str) -> None:
    found, reports = verdicts()
    mine = [str(one) for one in found if one.level == "error" and one.file.startswith(f"packs/{key}/")]
    assert mine == []
    assert reports[key].grade in {"A", "B"}


@pytest.mark.parametrize("key", PACKS)
def test_what_decides_is_tested(key: str) -> None:
    """A pack with rules or items has tests of its own."""
    decides = [
        one for file in ("rules.yaml", "items.yaml") for one in packs.declarations(file) if one.pack == key
    ]
    assert not decides or verdicts()[1][key].tests > 0
