"""Rules in the workbench: a draft by form or YAML with its mistakes, a trial, four eyes; a replay; a sensor's curve."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from liangwang.base.packs import desk_file, forget
from liangwang.operations import jobs_trials
from liangwang.operations.history import Historian
from liangwang.operations.models import Datastream
from liangwang.operations.rule_models import RuleDraft, Trial
from tests import factories
from tests.operations.factories import AT
from tests.operations.test_history import a_bad_hour, city, tilt

__all__ = ["city"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
RULE = "/staff/rules/manholes/cover_displaced/"


@pytest.fixture(autouse=True)
def nothing_published() -> Iterator[None]:
    """What a test publishes at the desk is gone after it."""
    yield
    desk_file().unlink(missing_ok=True)
    forget()


def officer(where: str = factories.STREET) -> Client:
    """A duty officer of the street (or another place), signed in."""
    post, client = factories.post("duty_officer", factories.office(where)), Client()
    client.force_login(post.party, "django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["hat"] = f"post:{post.ref}"
    session.save()
    return client


def test_from_a_draft_to_a_published_rule_and_back(city: Path) -> None:
    author, colleague, centre = officer(), officer(), officer(factories.CITY)
    assert "tilt &gt; open_tilt" in author.get("/staff/rules/").content.decode()
    draft = author.post(RULE)["Location"]
    page = author.get(draft).content.decode()
    assert 'value="tilt &gt; open_tilt"' in page
    given = {
        "label_zh": "井盖移位", "label_en": "Cover displaced", "when": "tilt > open_tlt", "lasting": "2min",
        "clear": "tilt < shut_tilt", "level": "red", "plan": "guard_and_replace", "limit.open_tilt": "12",
    }  # fmt: skip
    said = author.post(f"{draft}check", given).content.decode()
    assert "第 5 行" in said
    assert "open_tilt" in said
    author.post(draft, given | {"act": "save", "note": "阈值"})
    row = RuleDraft.objects.get()
    assert "open_tlt" in row.text  # a mistake loses nothing
    assert row.limits == {"open_tilt": 12.0}
    whole = row.text.replace("open_tlt", "open_tilt")
    early = author.post(draft, {"text": whole, "act": "review"})
    assert (early.status_code, RuleDraft.objects.get().state) == (409, "draft")
    author.post(draft, {"text": whole, "act": "try", "days": "7"})
    jobs_trials.run_trial.func(Trial.objects.get().ref)
    assert author.get(f"{draft}progress").status_code == 286
    assert author.post(draft, {"text": whole, "act": "review"}).status_code == 302
    assert author.post(draft, {"act": "publish"}).status_code == 409
    assert "等市级审核" in colleague.get("/staff/rules/").content.decode()
    assert "由市级审核公布" in colleague.get(draft).content.decode()
    for act in ({"act": "publish"}, {"act": "down", "reason": "不"}):
        assert "市级值班长" in colleague.post(draft, act).content.decode()
    assert RuleDraft.objects.get().state == "review"
    assert "等您审核" in centre.get("/staff/rules/").content.decode()
    assert centre.post(draft, {"act": "publish"}).status_code == 302
    after = author.get(RULE).content.decode()
    assert "2min" in after
    assert "12 deg" in after
    back = author.post(RULE, {"version": "1"})
    assert back.status_code == 302


def test_a_day_is_run_again_from_the_page(city: Path) -> None:
    a_bad_hour()
    Historian().archive(AT + timedelta(hours=2))
    client, given = officer(), {"forces": "0.50", "within": "1.00", "seed": "2"}
    for wrong in (
        {"day": "someday"},
        {"day": "2026-01-01", **given},
        {"day": "2026-11-23", "forces": "1", "seed": "7"},
    ):
        page = client.post("/staff/replays/", wrong)
        assert page.status_code == 422
        assert f'value="{wrong["day"]}"' in page.content.decode()  # nothing typed is lost
    assert "没有留下读数" in client.post("/staff/replays/", {"day": "2026-01-01", **given}).content.decode()
    there = client.post("/staff/replays/", {"day": "2026-11-23", "plan": "manholes:check_sensor", **given})[
        "Location"
    ]
    trial = Trial.objects.get()
    assert there.endswith(f"{trial.ref}/") and "data-poll" in client.get(there).content.decode()
    jobs_trials.run_trial.func(trial.ref)
    page = client.get(there).content.decode()
    assert "0.5 倍" in page and "--plan manholes:check_sensor" in page
    assert page.count('class="line will"') == 4  # two pictures, each with its key
    assert 'href="/command/' in page and "#at=2026-11-23" in page
    assert "2026-11-23" in client.get("/staff/replays/?day=2026-11-23").content.decode()


def test_the_curve_of_a_sensor_and_what_cannot_be_read(city: Path) -> None:
    client, stream = officer(), Datastream.objects.get(pk=tilt())
    assert client.get(f"/staff/readings/{stream.pk}/").status_code == 200
    assert client.get(f"/staff/readings/{stream.pk}/?from=x&to=y").status_code == 422
    assert client.get("/staff/readings/99999/").status_code == 404
