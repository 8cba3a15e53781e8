"""A case's timeline in words: what the engine noted, as one would tell it to an office, or to the person whose case it is."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from liangwang.base.labels import pick

Line = dict[str, Any]


class Act(NamedTuple):
    """One noted act: the status that it shows, and its sentences; named fields come from the line."""

    kind: str
    to_posts: Any
    to_applicant: Any


ACTS: dict[str, Act] = {
    "case.opened": Act("brand", _("已登记，编号已生成"), _("已提交")),
    "case.accepted": Act("ok", _("已受理，开始计时"), _("已受理，开始计时")),
    "case.supplement": Act("watch", _("通知补正"), _("请补正材料")),
    "case.supplied": Act("brand", _("已补正"), _("已补正")),
    "case.refused": Act("bad", _("不予办理"), _("不予办理")),
    "case.withdrawn": Act("idle", _("申请人撤件"), _("已撤回")),
    "case.extended": Act("watch", _("经批准延长 {working_days} 个工作日"), _("办理期限已延长")),
    "case.held": Act("watch", _("保持未结：{reason}"), _("暂不结案")),
    "case.released": Act("idle", _("解除：{reason}"), _("可以结案了")),
    "case.level": Act("watch", _("等级由{before}改为{level}"), _("等级变化")),
    "case.closed": Act("ok", _("已结案"), _("全部办结")),
    "case.rated": Act("idle", _("已评价：{score} 分"), _("已评价")),
    "case.merged": Act("idle", _("并入 {to}"), _("并入另一件")),
    "case.unmerged": Act("idle", _("撤销并案，恢复办理"), _("恢复办理")),
    "case.took_in": Act("idle", _("并入了 {number}"), _("与另一件合并办理")),
    "case.gave_back": Act("idle", _("撤销并案，{number} 恢复单独办理"), _("两件分开办理")),
    "case.split": Act("idle", _("拆出 {number}"), _("拆出另一件")),
    "case.reopened": Act("warn", _("重开"), _("复核后重新办理")),
    "case.said": Act("brand", _("留言"), _("现场有新情况")),
    "case.assist_asked": Act("brand", _("请 {to} 协办"), _("请其他单位协办")),
    "case.assist_arrived": Act("idle", _("{to} 已到场"), _("协办单位已到场")),
    "case.assist_ended": Act("ok", _("{to} 协办结束"), _("协办结束")),
    "case.handed_up": Act("watch", _("上报，由 {to} 主办"), _("上级接手")),
    "case.handed_down": Act("watch", _("下派，由 {to} 主办"), _("下级接手")),
    "case.supervision_replied": Act("ok", _("督办已回复"), _("督办已回复")),
    "report.joined": Act("brand", _("又有人报告，共 {count} 件"), _("又有人报告了这件事")),
    "report.contacted": Act("idle", _("先行联系诉求人"), _("已联系您")),
    "report.called_back": Act("idle", _("回访"), _("已回访")),
    "report.complex_asked": Act("watch", _("申请按复杂诉求办理"), _("正在申请延长答复时限")),
    "report.complex_decided": Act("idle", _("复杂诉求审批"), _("答复时限已审批")),
    "report.reviewed": Act("watch", _("复核"), _("已复核")),
    "task.ruled": Act("watch", _("{task}：指定 {to} 主办"), _("{task} · 已指定主办单位")),
    "call.asked": Act("brand", _("请 {to} 走访：{label}"), _("已请居委核实、走访")),
    "call.passed": Act("ok", _("{label}：数据已证实，不用走访"), _("{label}：数据已证实")),
    "call.answered": Act("ok", _("{label}：{found}。{said}"), _("居委已走访")),
    "clock.stopped": Act("watch", _("依法停止计时：{ground}"), _("特别程序，停止计时")),
    "clock.resumed": Act("idle", _("恢复计时"), _("恢复计时")),
    "task.assigned": Act("idle", _("{task}：派给 {to}"), _("{task} · 已派出")),
    "task.passed_on": Act("idle", _("{task}：转办至 {to}"), _("{task} · 转给其他部门")),
    "task.accepted": Act("idle", _("{task}：已接单"), _("{task} · 已接单")),
    "task.put_back": Act("idle", _("{task}：放回待办"), _("{task} · 等待办理")),
    "task.arrived": Act("idle", _("{task}：已到场"), _("{task} · 已到场")),
    "task.reported": Act("brand", _("{task}：上报完成"), _("{task} · 已处置，等待核查")),
    "task.verified": Act("ok", _("{task}：核查通过"), _("{task} · 核查通过")),
    "task.failed": Act("warn", _("{task}：核查未通过，返工"), _("{task} · 核查未通过，重新处置")),
    "task.done": Act("ok", _("{task}：办结"), _("{task} · 已办结")),
    "task.declined": Act("warn", _("{task}：退单（{label}）"), _("{task} · 退单")),
    "task.sent_back": Act("warn", _("{task}：退回至 {label}"), _("{task} · 退回上一部门重办")),
    "task.kept": Act("idle", _("{task}：依据未变，原意见有效"), _("{task} · 依据未变，原意见有效")),
    "task.defer_asked": Act("watch", _("{task}：申请{how}"), _("{task} · 申请缓办")),
    "task.deferred": Act("watch", _("{task}：同意{how}"), _("{task} · 缓办")),
    "task.not_deferred": Act("idle", _("{task}：不同意{how}"), _("{task} · 不同意缓办")),
    "task.woken": Act("idle", _("{task}：恢复办理"), _("{task} · 恢复办理")),
    "task.overdue": Act("bad", _("{task}：超时，上报上一级"), _("{task} · 已超时，正在催办")),
    "task.relay_asked": Act("watch", _("请 {to} 接手（{label}）"), _("队伍之间正在转交")),
    "task.relay_refused": Act("idle", _("接不了，仍由原队伍办理"), _("仍由原队伍办理")),
    "task.taken_over": Act("brand", _("{task}：已接手（{label}）"), _("{task} · 已由另一支队伍接手")),
    "task.supervised": Act("watch", _("{task}：督办"), _("{task} · 督办")),
}

LEVELS = {"blue": _("蓝"), "yellow": _("黄"), "orange": _("橙"), "red": _("红")}
CODED = {"task.declined"}  # their reason is a key, and its words stand in the sentence

STATES = {
    "open": _("待受理"),
    "supplement": _("待补正"),
    "accepted": _("办理中"),
    "closed": _("已办结"),
    "refused": _("不予办理"),
    "withdrawn": _("已撤回"),
}
"""The states of an application as its applicant reads them."""


def told(lines: Iterable[Any], *, to_applicant: bool = False) -> list[Line]:
    """Lines of cases.queries.timeline as {at, text, by, kind, note}, the newest first; stages alone are left out."""
    lang = get_language() or "zh"
    out = [_line(line, act, to_applicant, lang) for line in lines if (act := ACTS.get(line["what"]))]
    return out[::-1]


def _line(line: Any, act: Act, to_applicant: bool, lang: str) -> Line:
    fields = {key: _plain(value, lang) for key, value in line["body"].items()}
    fields["task"] = pick(line["task"], lang)
    if line["what"] == "case.level":
        fields |= {key: str(LEVELS.get(fields.get(key, ""), "")) for key in ("before", "level")}
    sentence = str(act.to_applicant if to_applicant else act.to_posts)
    return {
        "at": line["at"],
        "text": sentence.format_map(_Blank(fields)),
        "by": pick(line["who"].get("label"), lang),
        "kind": act.kind,
        "what": line["what"],
        "did_at": datetime.fromisoformat(line["body"]["did_at"]) if "did_at" in line["body"] else None,
        "note": _note(line["what"], line["body"], lang),
    }


def _plain(value: Any, lang: str) -> str:
    return pick(value, lang) if isinstance(value, dict) and "zh" in value else str(value)


def _note(what: str, body: dict[str, Any], lang: str) -> str:
    """What someone wrote with the act: a note, reasons, what is wanted."""
    done = body.get("result")
    parts = [body.get("note"), None if what in CODED else body.get("reason"), *body.get("reasons", [])]
    because = body.get("because")
    parts.append(_plain(because, lang) if isinstance(because, dict) and "zh" in because else None)
    parts.append(done.get("note") if isinstance(done, dict) else None)
    parts += [_plain(want, lang) for want in body.get("wanted", [])]
    return "；".join(str(part) for part in parts if part)


class _Blank(dict[str, str]):
    """A field that an older line does not have stays empty."""

    def __missing__(self, key: str) -> str:
        return ""
