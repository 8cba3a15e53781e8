"""A rule as a draft: mistakes at once, tried on what was recorded, published by a second person; a day run again."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from liangwang.base.errors import Conflict
from liangwang.base.hats import Actor
from liangwang.base.models import Party
from liangwang.base.packs import desk_file, forget
from liangwang.base.transactions import write
from liangwang.operations import jobs_trials, replay, replay_outcome, rule_drafts, signals, trials
from liangwang.operations.dispatch_models import Crew
from liangwang.operations.history import Historian
from liangwang.operations.live import Live
from liangwang.operations.rule_models import RuleDraft, Trial

from .factories import AT
from .test_history import a_bad_hour, city, us

__all__ = ["city"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
KEY = ("manholes", "cover_displaced")
DAY_LATER = AT + timedelta(hours=2)


@pytest.fixture(autouse=True)
def nothing_published() -> Iterator[None]:
    """What a test publishes at the desk is gone after it: the file is every process's."""
    yield
    desk_file().unlink(missing_ok=True)
    forget()


def officer(name: str) -> Actor:
    party, _ = Party.objects.get_or_create(login_name=name, defaults={"label": {"zh": name, "en": name}})
    label = {"zh": name, "en": name}
    return Actor(
        hat="post",
        role="duty_officer",
        key=name,
        label=label,
        party_id=party.pk,
        assurance="strong",
        place_code="90",
    )


def draft_with(text: str, limits: dict[str, float] | None = None, who: str = "a") -> RuleDraft:
    with write():
        draft = rule_drafts.begin(*KEY, officer(who), DAY_LATER)
        new = re.sub(r"lasting: \w+", text or "lasting: 1min", draft.text)
        rule_drafts.save(draft, text=new, limits=limits or {}, note="", actor=officer(who), at=DAY_LATER)
    return draft


def tried(draft: RuleDraft) -> dict[str, Any]:
    with write():
        trial = trials.ask(draft, 1, None, DAY_LATER)
    jobs_trials.run_trial.func(trial.ref)
    trial.refresh_from_db()
    assert (trial.state, trial.progress) == ("done", 1.0), trial.found
    return dict(trial.found)


def messages(text: str) -> list[tuple[int, str]]:
    held = rule_drafts.in_force(*KEY)
    assert held is not None
    whole = rule_drafts.dump(held.raw).replace("when: tilt > open_tilt", text)
    return [(p.line, p.message["en"]) for p in rule_drafts.check(*KEY, whole, {}).problems]


def test_a_mistake_says_its_line_and_what_to_do(city: object) -> None:
    assert messages("when: tilt > open_tilt") == []
    ((line, said),) = messages("when: tilt > open_tlt")
    assert line == 5
    assert "did you mean 'open_tilt'" in said
    assert messages("when: tilt > open_tilt\n  plann: x")[0][0] == 6
    assert messages("when: tilt > 15deg")[0][1].startswith("column")


def test_a_trial_shows_what_is_missed_new_and_sooner_and_changes_nothing(city: object) -> None:
    a_bad_hour()
    Historian().archive(AT)
    before = list(signals.ruleset())
    same = tried(draft_with(""))
    assert (same["both"], same["missed"], same["fresh"]) == (1, 0, 0)
    assert same["done_both"] == {"open": 1}
    assert same["readings"] == 120
    later = tried(draft_with("lasting: 5min"))
    assert (later["both"], later["later"], later["later_s"]) == (1, 1, 240.0)
    none = tried(draft_with("lasting: 30min"))
    assert (none["both"], none["missed"], none["missed_rows"][0]["key"]) == (0, 1, "M1")
    low = tried(draft_with("", {"open_tilt": 2.5, "shut_tilt": 2.5}))
    assert (low["both"], low["fresh"]) == (1, 1)
    assert signals.ruleset() == tuple(before)


def test_four_eyes_and_only_what_was_tried(city: object) -> None:
    a_bad_hour()
    draft = draft_with("lasting: 5min", {"open_tilt": 20.0})
    with pytest.raises(rule_drafts.NotTried), write():
        rule_drafts.ask_review(draft, officer("a"), DAY_LATER)
    tried(draft)
    with write():
        rule_drafts.ask_review(draft, officer("a"), DAY_LATER)
    with pytest.raises(rule_drafts.OwnRule), write():
        rule_drafts.publish(draft, officer("a"), DAY_LATER)
    with write():
        rule_drafts.publish(draft, officer("b"), DAY_LATER)
    one = next(rule for rule in signals.ruleset() if rule.rule.rule == KEY[1])
    assert (one.program.lasting, one.rule.lasting) == (300_000_000, "5min")
    assert rule_drafts.limits_of(one) == ["open_tilt", "shut_tilt"]
    with pytest.raises(Conflict), write():
        rule_drafts.publish(draft, officer("b"), DAY_LATER)
    with write():
        back = rule_drafts.roll_back(*KEY, rule_drafts.versions(*KEY)[0].version, officer("a"), DAY_LATER)
    assert "lasting: 5min" in back.text
    stale = RuleDraft.objects.get(pk=back.pk)
    RuleDraft.objects.filter(pk=back.pk).update(based_on="x", state="review")
    with pytest.raises(Conflict), write():
        rule_drafts.publish(stale, officer("b"), DAY_LATER)
    live = Live()
    assert any(rule.program.version == one.program.version for rule in live.rules)
    live.close()


def test_a_day_run_again_is_the_same_by_seed_and_differs_by_what_was_changed(city: object) -> None:
    a_bad_hour()
    Historian().archive(AT)
    draft = draft_with("lasting: 30min")
    given = {"from": us(AT), "to": us(AT) + 3_600_000_000, "a": {}, "b": {"draft": draft.ref}, "seed": 3}
    with write():
        trial = Trial.objects.create(kind="replay", given=given, asked_at=AT)
    first = replay.run(trial, AT, lambda share: None)
    assert first == replay.run(trial, AT, lambda share: None)
    assert (first["a"]["incidents"], first["b"]["incidents"]) == (1, 0)
    assert first["differ"] == {"both": 0, "only_a": 1, "only_b": 0}
    assert first["a"]["detect_min"] == 1.0
    assert first["a"]["sent"] == 2
    nobody = replay.outcome(
        replay.Variant(forces=0.0), (us(AT), us(AT) + 3_600_000_000), 3, lambda share: None
    )
    assert (nobody["crews"], nobody["sent"], nobody["missed"]) == (0, 0, 1)


def test_another_plan_changes_the_work_and_not_what_is_found(city: object) -> None:
    a_bad_hour()
    Historian().archive(AT)
    when = (us(AT), us(AT) + 3_600_000_000)
    own, other = (
        replay.outcome(replay.Variant(plan=plan), when, 3, lambda share: None)
        for plan in ("", "manholes:check_sensor")
    )
    assert own["keys"] == other["keys"] and own["incidents"] == 1
    assert (own["sent"], other["sent"]) == (2, 1)
    assert replay.outcome(replay.Variant(plan="civil_affairs:x"), when, 3, lambda share: None) == own
    (pair,) = replay_outcome.pairs(own, other)
    assert pair["a"]["rule"] == pair["b"]["rule"] == "manholes:cover_displaced"
    (only,) = replay_outcome.pairs(own, {"rows": []})
    assert only["b"] is None


def test_the_course_of_a_day_is_open_until_the_last_task_is_done(city: object) -> None:
    a_bad_hour()
    Historian().archive(AT)
    found = replay.outcome(replay.Variant(), (us(AT), us(AT) + 6 * 3_600_000_000), 3, lambda share: None)
    (one,) = found["rows"]
    open_for = sum(found["course"])
    assert found["course"][int(one["raised_s"] // 600)] == 1 and found["course"][-1] == 0
    assert abs(open_for * 10 - found["done_min"]) <= 10
    nobody = replay.outcome(
        replay.Variant(forces=0.0), (us(AT), us(AT) + 6 * 3_600_000_000), 3, lambda share: None
    )
    assert nobody["course"][-1] == 1 and nobody["arrivals"][0] is None


def test_where_crews_are_now_does_not_change_a_day_that_is_over(city: object) -> None:
    a_bad_hour()
    Historian().archive(AT)
    when = (us(AT), us(AT) + 3_600_000_000)
    before = replay.outcome(replay.Variant(), when, 3, lambda share: None)
    Crew.objects.update(lon=122.3, lat=30.3)
    assert replay.outcome(replay.Variant(), when, 3, lambda share: None) == before
