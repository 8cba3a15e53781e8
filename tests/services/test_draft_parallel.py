"""Two hundred saves of one draft at once, on both databases: none is lost, none counts twice."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from liangwang.base.models import AuditEntry
from liangwang.base.transactions import write
from liangwang.services import actions, queries
from liangwang.services.models import Draft
from tests.cases.test_concurrency import at_once, real_file  # noqa: F401
from tests.services.factories import AT, Town, make_town

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
FIELDS = ("relief_reason", "bank_name", "phone", "email", "bank_account")


def writer(town: Town, draft: Draft, field: str, n: int) -> Callable[[], Any]:
    """Somebody who saw the empty field and types her own value into it."""
    return lambda: actions.save_answer(
        actor=town.mother_actor, draft=draft, field=f"applicant.{field}", typed=f"{field}{n}", base=0, at=AT
    )


@pytest.mark.parametrize("writers", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_saves_at_once_keep_every_word(writers: int) -> None:
    with write():
        town = make_town()
        draft = actions.start_draft(actor=town.mother_actor, key="civil_affairs:minimum_income", at=AT)
    leaves = AuditEntry.objects.count()
    saves = [writer(town, draft, field, n) for field in FIELDS for n in range(writers)]
    results = at_once(*saves)
    assert not [one for one in results if isinstance(one, Exception)]
    draft = Draft.objects.get(pk=draft.pk)
    whole = queries.form_pages(draft, AT)
    stands = {one["ask"].id: one["value"] for one in whole["pages"][0]["fields"]}
    words = Counter(one["value"] for one in whole["aside"]) + Counter(
        stands[f"applicant.{field}"] for field in FIELDS
    )
    assert words == Counter(f"{field}{n}" for field in FIELDS for n in range(writers))
    assert draft.saves == len(saves) == AuditEntry.objects.count() - leaves
    assert {draft.versions[f"applicant.{field}"][0] for field in FIELDS} == {1}


def test_one_save_sent_many_times_is_one_change() -> None:
    with write():
        town = make_town()
        draft = actions.start_draft(actor=town.mother_actor, key="civil_affairs:minimum_income", at=AT)
    results = at_once(*[writer(town, draft, "bank_name", 1)] * 20)
    assert not [one for one in results if isinstance(one, Exception)]
    draft = Draft.objects.get(pk=draft.pk)
    assert (draft.saves, draft.versions["applicant.bank_name"][0], draft.aside) == (1, 1, [])
