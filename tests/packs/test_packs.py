"""Every pack's own YAML tests, and the inspector's verdict on it, one test a pack."""

import pytest

from liangwang import check
from liangwang.base import packs

check.load_schemas()
PACKS = [pack.key for pack in packs.packs()]


@pytest.mark.parametrize("key", PACKS)
def test_a_pack_is_clean_and_its_own_tests_pass(key: str) -> None:
    found, (report,) = check.check(only=[key])
    assert [str(problem) for problem in found if problem.level == "error"] == []
    assert report.grade in {"A", "B"}


@pytest.mark.parametrize("key", PACKS)
def test_what_decides_is_tested(key: str) -> None:
    """A pack with rules or items has tests of its own."""
    decides = [
        one for file in ("rules.yaml", "items.yaml") for one in packs.declarations(file) if one.pack == key
    ]
    (report,) = check.check(only=[key])[1]
    assert not decides or report.tests > 0
