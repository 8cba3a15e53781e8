"""办不成?: the helper's answer to whoever was stuck."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.transactions import write
from liangwang.cases.queries import Task, task_by_ref
from liangwang.services import help

from .case_page import case_page, href_of
from .pages import actor_of, page


def task_of(ref: str) -> Task | None:
    return task_by_ref(ref)


@door(None, "application_task", post="handle", of=task_of)
def answer(request: HttpRequest, task: Task) -> HttpResponse:
    """Sends the answer to the person and ends the case; what was typed stays where it is refused."""
    typed = {name: request.POST.get(name, "") for name in ("outcome", "answer")}
    try:
        with write():
            help.answer(
                actor=actor_of(request),
                task=task,
                outcome=typed["outcome"],
                text=typed["answer"],
                at=clock.now(),
            )
    except Refusal as refusal:
        context = case_page(task.case, actor_of(request), clock.now(), task.ref)
        context |= {"errors": {"answer": refusal.message(get_language() or "zh")}, "typed": typed}
        return page(request, "staff/case.html", context, status=refusal.status)
    messages.success(request, _("已答复本人"))
    return HttpResponseRedirect(href_of(task.case))
