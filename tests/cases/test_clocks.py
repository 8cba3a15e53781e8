"""法定 · 承诺 · 已用: acceptance, silence, supplement, special procedures, extension, and a holiday announced later."""

from datetime import UTC, date, datetime, timedelta

import pytest

from liangwang.base import events
from liangwang.base.hats import platform
from liangwang.base.models import Event
from liangwang.base.working_days import forget_cached, load_calendar, local_day, set_day, working_days
from liangwang.cases import actions, jobs
from liangwang.cases.clock import clock
from liangwang.cases.models import Case
from liangwang.cases.redate import redate_open_cases
from liangwang.cases.refusals import CaseMoved, NotSpecial, OnceOnly, ReasonNeeded
from tests.cases.factories import AT, make_applicant, make_street, node, open_application

pytestmark = pytest.mark.django_db
RULE = platform("test")
ONE = [node("decide")]


@pytest.fixture(autouse=True)
def calendar(db: object) -> None:
    forget_cached()
    load_calendar(at=AT)


def local(case: Case) -> tuple[date | None, date | None]:
    case.refresh_from_db()
    return (
        local_day(case.due_at) if case.due_at else None,
        local_day(case.promised_at) if case.promised_at else None,
    )


def test_the_day_of_acceptance_is_not_counted() -> None:
    case = open_application(make_street().centre, ONE, legal_days=20, promised_days=9)
    assert local(case) == (date(2026, 12, 21), date(2026, 12, 4))  # accepted on Monday 23 November
    told = clock(case, AT + timedelta(days=3))
    assert (told["statutory"], told["promised"], told["used"]) == (20, 9, 3)
    first, last = told["days"][0], told["days"][-1]
    assert first["day"] == date(2026, 11, 23) and not first["counted"]
    assert last["day"] == date(2026, 12, 4) and last["number"] == 9


def test_adjusted_days_are_counted_and_named() -> None:
    at = datetime(2026, 9, 30, 2, tzinfo=UTC)
    case = open_application(make_street().centre, ONE, at=at, legal_days=3)
    assert local(case)[0] == date(2026, 10, 10)
    adjusted = [line for line in clock(case, at)["days"] if line["kind"] == "adjusted"]
    assert [line["day"] for line in adjusted] == [date(2026, 10, 10)] and "调休" in adjusted[0]["why"]["zh"]


def test_an_acceptance_just_before_midnight_counts_by_the_citys_day() -> None:
    late = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)  # 23:59 in the city
    after = late + timedelta(minutes=2)
    street = make_street()
    assert local(open_application(street.centre, ONE, at=late, legal_days=1))[0] == date(2026, 11, 24)
    assert local(open_application(street.centre, ONE, at=after, legal_days=1))[0] == date(2026, 11, 25)


def test_silence_is_acceptance_from_receipt() -> None:
    case = open_application(make_street().centre, ONE, accept=False, legal_days=20)
    assert case.accept_by is not None and local_day(case.accept_by) == date(2026, 11, 30)
    assert jobs.accept_silent(case.accept_by) == 0
    jobs.tick(case.accept_by + timedelta(seconds=1))
    case.refresh_from_db()
    assert case.state == "accepted" and case.accepted_at == AT
    assert local(case)[0] == date(2026, 12, 21)
    assert Event.objects.filter(type="case.accepted", ref=case.ref).count() == 1


def test_one_notice_asks_for_everything_and_the_five_days_start_again() -> None:
    subject, person = make_applicant()
    case = open_application(make_street().centre, ONE, accept=False, subject=subject, legal_days=5)
    wanted = [{"zh": "身份证明", "en": "proof of identity"}, {"zh": "户口簿", "en": "household book"}]
    actions.supplement(actor=RULE, at=AT, case=case, wanted=wanted)
    notice = subject.notices.get()
    assert "身份证明；户口簿" in notice.body["zh"]
    later = AT + timedelta(days=10)
    assert jobs.accept_silent(later) == 0, "the days do not run while the applicant supplies"
    actions.supply(actor=person, at=later, case=case, facts={"id": "x"})
    case.refresh_from_db()
    assert case.state == "open" and case.facts["id"] == "x"
    with pytest.raises(OnceOnly):
        actions.supplement(actor=RULE, at=later, case=case, wanted=wanted)
    assert case.accept_by is not None
    jobs.accept_silent(case.accept_by + timedelta(seconds=1))
    case.refresh_from_db()
    assert case.accepted_at == later, "accepted from the receipt of the supplement"


def test_a_refusal_states_reasons_and_remedies() -> None:
    case = open_application(make_street().centre, ONE, accept=False)
    with pytest.raises(ReasonNeeded):
        actions.refuse_case(actor=RULE, at=AT, case=case, reasons=["不属本机关职权"], remedies=[])
    actions.refuse_case(
        actor=RULE, at=AT, case=case, reasons=["不属本机关职权"], remedies=["60 日内申请复议"]
    )
    case.refresh_from_db()
    assert case.state == "refused" and not case.tasks.exclude(state="cancelled").exists()
    with pytest.raises(CaseMoved):
        actions.withdraw_case(actor=RULE, at=AT, case=case)


def test_only_a_special_procedure_stops_the_clock_and_its_days_are_left_out() -> None:
    case = open_application(make_street().centre, ONE, legal_days=10)
    with pytest.raises(NotSpecial):
        actions.stop_clock(actor=RULE, at=AT, case=case, ground="waiting for the applicant", notice="1 号")
    actions.stop_clock(
        actor=RULE, at=AT + timedelta(days=2), case=case, ground="hearing", notice="听告〔2026〕1 号"
    )
    assert local(case)[0] is None
    told = clock(case, AT + timedelta(days=20))
    assert told["stopped"] and told["used"] == 1
    actions.resume_clock(actor=RULE, at=AT + timedelta(days=9), case=case)
    # Tuesday 24 counted; 25 November to 1 December stopped; nine more from Wednesday 2 December
    assert local(case)[0] == date(2026, 12, 14)
    stopped = [line for line in clock(case, AT)["days"] if line["kind"] == "stopped"]
    assert len(stopped) == 7


def test_one_extension_by_the_head() -> None:
    case = open_application(make_street().centre, ONE, legal_days=10)
    actions.extend_case(actor=RULE, at=AT, case=case, working_days=10, reason="案情复杂")
    assert local(case)[0] == date(2026, 12, 21)
    with pytest.raises(OnceOnly):
        actions.extend_case(actor=RULE, at=AT, case=case, working_days=5, reason="再延")


@pytest.mark.both_databases
def test_a_holiday_announced_later_re_dates_every_open_case_and_task() -> None:
    street = make_street()
    limited = [node("decide", within={"working_days": 4}), node("minutes", within={"minutes": 30})]
    case = open_application(street.centre, limited, legal_days=20, promised_days=3)
    untouched = open_application(street.centre, ONE, legal_days=1)
    longer = open_application(street.centre, ONE, legal_days=10)
    actions.extend_case(actor=RULE, at=AT, case=longer, working_days=5, reason="案情复杂")
    stopped = open_application(street.centre, ONE, legal_days=10)
    actions.stop_clock(actor=RULE, at=AT, case=stopped, ground="hearing", notice="听告〔2026〕1 号")
    actions.resume_clock(actor=RULE, at=AT + timedelta(days=1), case=stopped)
    waiting = open_application(street.centre, ONE, accept=False)
    before = {one.pk: local(one)[0] for one in (longer, stopped)}
    minutes = case.tasks.get(node="minutes").due_at
    set_day(
        date(2026, 11, 25), works=False, name={"zh": "临时假日", "en": "Extra holiday"}, source="test", at=AT
    )
    events.run_due(AT + timedelta(seconds=1))
    assert local(case) == (date(2026, 12, 22), date(2026, 11, 27))
    decide = case.tasks.get(node="decide").due_at
    assert decide is not None and local_day(decide) == date(2026, 11, 30)
    assert case.tasks.get(node="minutes").due_at == minutes
    assert local(untouched)[0] == date(2026, 11, 24)
    for one in (longer, stopped):
        was = before[one.pk]
        assert was is not None and local(one)[0] == working_days().due_on(was, 1)
    waiting.refresh_from_db()
    assert waiting.accept_by is not None and local_day(waiting.accept_by) == date(2026, 12, 1)
    assert redate_open_cases() == 0, "once more moves nothing"
    assert any(line["why"]["zh"] == "临时假日" for line in clock(case, AT)["days"])
