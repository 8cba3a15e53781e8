"""A case's timeline in words: what the engine noted, as a person would tell it."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base.labels import pick

Line = dict[str, Any]
KINDS = {
    "task.failed": "watch",
    "task.declined": "watch",
    "task.sent_back": "watch",
    "task.overdue": "bad",
    "task.supervised": "warn",
    "task.verified": "ok",
    "task.done": "ok",
    "case.closed": "ok",
    "case.refused": "bad",
}


def _words() -> dict[str, str]:
    """The sentence of each noted act; named fields come from the line."""
    return {
        "case.opened": _("已上报，立案编号已生成"),
        "case.accepted": _("已受理，开始计时"),
        "case.supplement": _("通知补正"),
        "case.supplied": _("已补正"),
        "case.refused": _("不予办理"),
        "case.withdrawn": _("申请人撤件"),
        "case.extended": _("经批准延长 {working_days} 个工作日"),
        "case.held": _("保持未结：{reason}"),
        "case.released": _("解除：{reason}"),
        "case.closed": _("已结案"),
        "case.rated": _("已评价：{score} 分"),
        "clock.stopped": _("依法停止计时：{ground}"),
        "clock.resumed": _("恢复计时"),
        "task.assigned": _("{task}：派给 {to}"),
        "task.passed_on": _("{task}：转办至 {to}"),
        "task.accepted": _("{task}：已接单"),
        "task.arrived": _("{task}：已到场"),
        "task.reported": _("{task}：上报完成"),
        "task.verified": _("{task}：核查通过"),
        "task.failed": _("{task}：核查未通过，返工"),
        "task.done": _("{task}：办结"),
        "task.declined": _("{task}：退单（{label}）"),
        "task.sent_back": _("{task}：退回至 {label}"),
        "task.kept": _("{task}：依据未变，原意见有效"),
        "task.defer_asked": _("{task}：申请挂账"),
        "task.deferred": _("{task}：同意挂账"),
        "task.not_deferred": _("{task}：不同意挂账"),
        "task.woken": _("{task}：恢复办理"),
        "task.overdue": _("{task}：超时，上报上一级"),
        "task.supervised": _("{task}：督办"),
    }


def _plain(value: Any, lang: str) -> str:
    return pick(value, lang) if isinstance(value, dict) and "zh" in value else str(value)


def _note(body: dict[str, Any], lang: str) -> str:
    """What someone wrote with the act: a note, reasons, what is wanted."""
    parts = [body.get("note"), body.get("reason"), *body.get("reasons", [])]
    parts += [_plain(want, lang) for want in body.get("wanted", [])]
    return "；".join(str(part) for part in parts if part)


def told(lines: list[Any], *, keep: Callable[[Any], bool] = lambda line: True) -> list[Line]:
    """Lines of cases.queries.timeline as {at, text, by, kind, note}, the newest first; stages alone are left out."""
    lang, words = get_language() or "zh", _words()
    out: list[Line] = []
    for line in lines:
        sentence = words.get(line["what"])
        if sentence is None or not keep(line):
            continue
        fields = {key: _plain(value, lang) for key, value in line["body"].items()}
        fields["task"] = pick(line["task"], lang)
        out.append(
            {
                "at": line["at"],
                "text": sentence.format_map(_Blank(fields)),
                "by": pick(line["who"].get("label"), lang),
                "kind": KINDS.get(line["what"], "info"),
                "note": _note(line["body"], lang),
            }
        )
    return out[::-1]


class _Blank(dict[str, str]):
    """A field that an older line does not have stays empty."""

    def __missing__(self, key: str) -> str:
        return ""
