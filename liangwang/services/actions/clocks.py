"""The clock of an application, told in writing: a special procedure, its end, and the one extension."""

from datetime import datetime

from liangwang.base.access import require, thing_of
from liangwang.base.hats import Actor
from liangwang.cases import actions as cases
from liangwang.cases.clock import SPECIAL_GROUNDS
from liangwang.cases.queries import Case
from liangwang.cases.refusals import NotSpecial

from ..models import Submission
from ._office import acting_office
from .letters import write_letter


def start_special(
    *, actor: Actor, submission: Submission, ground: str, at: datetime, expected: str = ""
) -> Case:
    """特别程序 (行政许可法 art. 45): the letter is written first, and its number stops the clock. Raises NotSpecial."""
    require(actor, "decide", thing_of("application", submission.case))
    if ground not in SPECIAL_GROUNDS:
        raise NotSpecial(ground=ground)
    label = SPECIAL_GROUNDS[ground]
    said = [{"label": {"zh": "预计所需时间", "en": "Expected time"}, "value": expected}] if expected else []
    times = submission.letters.filter(kind="special").count()
    letter = write_letter(
        submission, "special", at=at, office=acting_office(actor, submission.case), node=f"{ground}/{times + 1}",
        body={"ground": label, "values": said},
    )  # fmt: skip
    cases.stop_clock(actor=actor, at=at, case=submission.case, ground=ground, notice=letter.number)
    submission.case.refresh_from_db()
    return submission.case


def end_special(*, actor: Actor, submission: Submission, at: datetime) -> Case:
    """The procedure is over: from today the days count again."""
    require(actor, "decide", thing_of("application", submission.case))
    return cases.resume_clock(actor=actor, at=at, case=submission.case)


def extend(*, actor: Actor, submission: Submission, working_days: int, reason: str, at: datetime) -> Case:
    """延期 (行政许可法 art. 42): once, by the head of the office, told to the applicant with the reason and the new day."""
    require(actor, "decide", thing_of("application", submission.case))
    case = cases.extend_case(
        actor=actor, at=at, case=submission.case, working_days=working_days, reason=reason
    )
    due = case.promised_at or case.due_at
    write_letter(
        submission, "extended", at=at, office=acting_office(actor, case),
        body={"days": working_days, "reasons": [reason], "due_on": due.isoformat() if due else None},
    )  # fmt: skip
    return case
