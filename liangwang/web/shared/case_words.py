"""A case's timeline in plain words: what each event means to the person whose case it is."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from liangwang.base.labels import pick

WORDS: dict[str, tuple[Callable[[], str] | Any, str]] = {
    "case.opened": (_("已提交"), "brand"),
    "case.accepted": (_("已受理，开始计时"), "ok"),
    "case.supplement": (_("请补正材料"), "watch"),
    "case.supplied": (_("已补正"), "brand"),
    "case.extended": (_("办理期限已延长"), "watch"),
    "case.held": (_("暂不结案"), "watch"),
    "case.released": (_("可以结案了"), "idle"),
    "case.level": (_("等级变化"), "watch"),
    "case.refused": (_("不予办理"), "bad"),
    "case.withdrawn": (_("已撤回"), "idle"),
    "case.closed": (_("全部办结"), "ok"),
    "case.rated": (_("已评价"), "idle"),
    "clock.stopped": (_("特别程序，停止计时"), "watch"),
    "clock.resumed": (_("恢复计时"), "idle"),
    "task.assigned": (_("已派出"), "idle"),
    "task.accepted": (_("已接单"), "idle"),
    "task.arrived": (_("已到场"), "idle"),
    "task.reported": (_("已处置，等待核查"), "brand"),
    "task.verified": (_("核查通过"), "ok"),
    "task.failed": (_("核查未通过，重新处置"), "warn"),
    "task.done": (_("已办结"), "ok"),
    "task.declined": (_("退单"), "warn"),
    "task.defer_asked": (_("申请缓办"), "watch"),
    "task.deferred": (_("缓办"), "watch"),
    "task.woken": (_("恢复办理"), "idle"),
    "task.kept": (_("等待重新核对"), "warn"),
    "task.overdue": (_("已超时，正在催办"), "bad"),
    "task.passed_on": (_("转给其他部门"), "idle"),
    "task.sent_back": (_("退回上一部门重办"), "warn"),
    "task.supervised": (_("督办"), "watch"),
}


STATES = {
    "open": _("待受理"),
    "supplement": _("待补正"),
    "accepted": _("办理中"),
    "closed": _("已办结"),
    "refused": _("不予办理"),
    "withdrawn": _("已撤回"),
}
"""The states of an application as its applicant reads them."""


def timeline_rows(lines: Iterable[Any]) -> list[dict[str, Any]]:
    """The answer of cases.queries.timeline for `{% timeline %}`: newest first, in words."""
    return [_row(line) for line in reversed(list(lines))]


def _row(line: Any) -> dict[str, Any]:
    word, kind = WORDS.get(line["what"], (line["what"], "idle"))
    task = pick(line["task"], get_language() or "zh") if line["task"] else ""
    return {
        "at": line["at"],
        "text": f"{task} · {word}" if task else str(word),
        "by": line["who"].get("label"),
        "kind": kind,
        "note": line["body"].get("reason") or line["body"].get("note") or "",
    }
