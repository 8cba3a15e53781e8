"""Acts by law beside the decision: 转办, 会签, 加签, 容缺受理, special procedures and the one extension."""

from django.http import HttpRequest, HttpResponse

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound
from liangwang.base.models import Office
from liangwang.cases import asked
from liangwang.cases.clock import SPECIAL_GROUNDS
from liangwang.cases.queries import Case, Task
from liangwang.cases.refusals import ReasonNeeded
from liangwang.services import actions as services

from .cases import _act, _submission, _text, case_of, task_of
from .pages import actor_of
from .words import said_done


@door(None, "application_task", post="handle", of=task_of)
def pass_on(request: HttpRequest, task: Task) -> HttpResponse:
    """转办 to a colleague or to another office of the department, with the reason; the clock runs on."""
    actor, at, to = actor_of(request), clock.now(), request.POST.get("to", "")
    post = next((one for one in asked.colleagues(task, actor) if f"post:{one.ref}" == to), None)
    office = next((one for one in asked.other_offices(task) if f"office:{one.key}" == to), None)
    verb = lambda: services.pass_on(  # noqa: E731
        actor=actor, at=at, task=task, reason=_text(request, "why"), office=office, post=post
    )
    return _act(request, task.case, verb, said_done("pass_on"), task.ref)


@door(None, "application_task", post="decide", of=task_of)
def ask_signature(request: HttpRequest, task: Task) -> HttpResponse:
    """加签: one more office is asked, and its word is waited for."""
    office = Office.objects.filter(key=request.POST.get("office", ""), ended_at=None).first()

    def verb() -> None:
        if office is None:
            raise ReasonNeeded(what="请哪个单位会签", what_en="which office is to sign")
        services.ask_signature(
            actor=actor_of(request), at=clock.now(), task=task, office=office, why=_text(request, "why")
        )

    return _act(request, task.case, verb, said_done("ask_signature"), task.ref)


@door(None, "application_task", post="decide", of=task_of)
def cosign(request: HttpRequest, task: Task) -> HttpResponse:
    """会签: this office's word on another office's step."""
    agreed = request.POST.get("agreed") == "yes"
    verb = lambda: services.cosign(  # noqa: E731
        actor=actor_of(request), at=clock.now(), task=task, agreed=agreed, opinion=_text(request, "opinion")
    )
    return _act(request, task.case, verb, said_done("cosign"), task.ref)


@door(None, "application", post="handle", of=case_of)
def accept_lacking(request: HttpRequest, case: Case) -> HttpResponse:
    """容缺受理: accepted with what is ticked to come, by a day."""
    verb = lambda: services.accept_lacking(  # noqa: E731
        actor=actor_of(request),
        at=clock.now(),
        submission=_submission(case),
        materials=request.POST.getlist("material"),
        within_working_days=_days(request),
    )
    return _act(request, case, verb, said_done("accept_lacking"))


@door(None, "application", post="decide", of=case_of)
def special(request: HttpRequest, case: Case) -> HttpResponse:
    """特别程序: told in writing, and only then the clock stands still; or its end."""
    ground = request.POST.get("ground", "")
    if ground and ground not in SPECIAL_GROUNDS:
        raise NotFound
    if request.POST.get("end"):
        ending = lambda: services.end_special(  # noqa: E731
            actor=actor_of(request), at=clock.now(), submission=_submission(case)
        )
        return _act(request, case, ending, said_done("end_special"))
    verb = lambda: services.start_special(  # noqa: E731
        actor=actor_of(request),
        at=clock.now(),
        submission=_submission(case),
        ground=ground,
        expected=_text(request, "expected"),
    )
    return _act(request, case, verb, said_done("special"))


@door(None, "application", post="decide", of=case_of)
def extend(request: HttpRequest, case: Case) -> HttpResponse:
    """延期, once, with the reason; the applicant is told."""
    verb = lambda: services.extend(  # noqa: E731
        actor=actor_of(request),
        at=clock.now(),
        submission=_submission(case),
        working_days=_days(request),
        reason=_text(request, "why"),
    )
    return _act(request, case, verb, said_done("extend"))


def _days(request: HttpRequest) -> int:
    """A number of working days; 0 for anything else, which the act itself refuses in words."""
    typed = _text(request, "days")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
