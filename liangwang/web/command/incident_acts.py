"""Every act of the incident page as data: its letter, what it asks, and to whom the policy opens it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import access
from liangwang.base.hats import Actor
from liangwang.base.models import Office
from liangwang.cases import actions, history, joined
from liangwang.cases.queries import Case, Task
from liangwang.operations import merging, panels
from liangwang.rules.declare import LEVELS

from ..templatetags.ui import pick

Act = dict[str, Any]
SEVERITY = {
    "blue": {"zh": "蓝（一般）", "en": "blue (ordinary)"},
    "yellow": {"zh": "黄（较重）", "en": "yellow (raised)"},
    "orange": {"zh": "橙（严重）", "en": "orange (severe)"},
    "red": {"zh": "红（紧急）", "en": "red (urgent)"},
}


def _field(name: str, label: str, kind: str = "textarea", **more: Any) -> dict[str, Any]:
    return {"name": name, "label": label, "kind": kind, "options": (), "hint": "", "required": True, **more}


def _button(word: str, kind: str = "", value: str = "", key: str = "") -> dict[str, str]:
    return {"word": word, "kind": kind, "value": value, "key": key}


def _act(name: str, key: str, icon: str, word: str, url: str, fields: list[Any], **more: Any) -> Act:
    """One form behind a letter; `buttons` decide by the value of `how`, `now` says that it is what is due now."""
    one = {"name": name, "key": key, "icon": icon, "word": word, "url": url, "fields": fields}
    return {**one, "buttons": [_button(word)], "now": False, "of": None, **more}


def acts(case: Case, tasks: list[Task], actor: Actor, at: datetime) -> list[Act]:
    """What this hat may do now, what is due first; each letter stands for one act of the page."""
    found = [*_of_case(case, actor), *(act for task in tasks for act in _of_task(case, task, actor, at))]
    taken: set[str] = set()
    for act in found:  # two tasks may offer the same act: the first keeps the letter
        act["key"] = "" if act["key"] in taken else act["key"]
        taken.add(act["key"])
    return sorted(found, key=lambda act: not act["now"])


def _addresses(prefix: str, *refs: str) -> Callable[[str], str]:
    """Where the forms about one thing go, by the name of the act."""
    return lambda name: reverse(f"{prefix}-{name}", args=refs)


def _asker(actor: Actor, kind: str, thing: Any) -> Callable[[str], bool]:
    found = access.thing_of(kind, thing)
    return lambda verb: access.may(actor, verb, found).allowed


def _of_case(case: Case, actor: Actor) -> Iterator[Act]:
    may = _asker(actor, "incident", case)
    to = _addresses("incident", case.ref)
    reason = _field("note", _("理由"))
    if case.state == "open" and may("dispatch"):
        hint = _("不属实时必填，上报人会看到")
        yes, no = _button(_("属实，受理派遣"), "", "yes", "Y"), _button(_("不属实"), "danger", "no", "N")
        note = _field("note", _("核实情况"), hint=hint, required=False)
        yield _act(
            "confirm", "", "scan-search", _("核实"), to("confirm"), [note], buttons=[yes, no], now=True
        )
    if case.state == "accepted" and _only_closing_left(case) and may("close"):
        note = _field("note", _("结案意见"), required=False)
        yield _act("close", "C", "check-check", _("结案"), to("close"), [note], now=True)
    if case.state == "closed" and may("update"):
        yield _act("reopen", "R", "rotate-ccw", _("重开"), to("reopen"), [reason])
    if case.state not in {"open", "accepted"}:
        return
    if may("update"):
        fields = [
            _field("text", _("留言"), required=False),
            _field("photo", _("照片"), "file", required=False, accept="image/*"),
        ]
        yield _act("say", "W", "message-square", _("留言"), to("say"), fields)
        yield from _own_assistance(case, actor)
    if may("dispatch"):
        others = merging.candidates(case)
        if others:
            options = [
                (one.ref, f"{pick(one.title)} · {one.number} · {metres} m", "") for one, metres in others
            ]
            fields = [_field("into", _("并入"), "radio", options=options), reason]
            yield _act("merge", "M", "merge", _("并案"), to("merge"), fields)
        yield _act("level", "L", "signal", _("改等级"), to("level"), [
            _field("level", _("等级"), "radio", options=[(key, SEVERITY[key], "") for key in LEVELS]), reason,
        ])  # fmt: skip
        if case.state == "accepted":
            yield _act("assist", "J", "users", _("请单位协办"), to("assist"), [
                _field("office", _("单位"), "select", options=_offices(case)),
                _field("wanted", _("请它做什么"), "text"),
            ])  # fmt: skip
        yield _act("up", "U", "arrow-up", _("上报上级"), to("up"), [reason])
        yield _act("down", "B", "arrow-down", _("下派下级"), to("down"), [reason])


def _only_closing_left(case: Case) -> bool:
    left = case.tasks.exclude(state__in=("done", "cancelled")).exclude(stage="close")
    return not left.exists()


def _offices(case: Case) -> list[tuple[str, Any, str]]:
    asked = [row.office_id for row in joined.assisting_of(case) if row.ended_at is None]
    return [(office.key, office.name, "") for office in offices_around(case, asked)]


def _own_assistance(case: Case, actor: Actor) -> Iterator[Act]:
    """What an assisting office does: come, end. The lead office may let it go."""
    for row in joined.assisting_of(case):
        if row.ended_at is not None:
            continue
        url = _addresses("incident", case.ref, row.ref)
        if row.office_id == actor.office_id and row.arrived_at is None:
            yield _act(
                "come", "A", "map-pin-check", _("我们到场了"), url("come"), [], of=row.office.name, now=True
            )
        if actor.office_id in {row.office_id, case.lead_office_id}:
            result = [_field("result", _("协办结果"))]
            yield _act("end", "E", "circle-check", _("结束协办"), url("end"), result, of=row.office.name)


def _of_task(case: Case, task: Task, actor: Actor, at: datetime) -> Iterator[Act]:
    if case.state != "accepted" or task.state in {"done", "cancelled", "waiting"}:
        return
    may = _asker(actor, "incident_task", task)
    to = _addresses("incident-task", task.ref)
    note = _field("note", _("意见"))
    if task.state == "reported" and task.verify == "other" and may("verify"):
        yes, no = _button(_("核查通过"), "", "yes", "Y"), _button(_("返工"), "danger", "no", "N")
        seen = _field("note", _("核查意见"), hint=_("不通过时必填"), required=False)
        yield _act(
            "verify",
            "V",
            "scan-eye",
            _("核查"),
            to("verify"),
            [seen],
            buttons=[yes, no],
            of=task.label,
            now=True,
        )
    if task.defer_asked and task.state != "deferred" and may("dispatch"):
        yes, no = _button(_("批准"), "", "yes"), _button(_("不批准"), "danger", "no")
        word = pick(actions.DEFERRALS[task.defer_asked.get("how", "shelve")])
        fields = [_field("note", _("审批意见"), required=False)]
        title = _("审批%(how)s") % {"how": word}
        yield _act(
            "defer-decide",
            "P",
            "stamp",
            title,
            to("defer-decide"),
            fields,
            buttons=[yes, no],
            of=task.label,
            now=True,
        )
    if task.state == "deferred" and may("dispatch"):
        yield _act("wake", "K", "alarm-clock", _("恢复办理"), to("wake"), [], of=task.label)
    if history.awaits_ruling(task) and may("dispatch"):
        fields = [_field("office", _("主办单位"), "select", options=_doers(case, task)), note]
        yield _act("rule", "Z", "gavel", _("指定主办"), to("rule"), fields, of=task.label, now=True)
    elif (
        task.state in {"ready", "assigned"} and may("dispatch") and ("crew" in task.by or "anyone" in task.by)
    ):
        crews = [
            _field("office", _("派给"), "select", options=_crews(task), hint=_("按路程时间排列；其余按名称"))
        ]
        word = _("改派") if task.crew_office_id else _("派单")
        yield _act(
            "assign", "D", "send", word, to("assign"), crews, of=task.label, now=not task.crew_office_id
        )
    if history.is_open(task) and may("supervise"):
        yield _act(
            "supervise",
            "S",
            "siren",
            _("督办"),
            to("supervise"),
            [_field("note", _("督办要求"))],
            of=task.label,
        )
    if may("handle") and not task.crew_office_id and task.office_id == actor.office_id:
        yield from _handling(task, to)


def _handling(task: Task, to: Callable[[str], str]) -> Iterator[Act]:
    """What the office that holds a task does with it: report it done, decline it once, ask for time."""
    if task.state in {"ready", "accepted", "arrived"}:
        done = [_field("note", _("办理结果"))]
        yield _act("done", "F", "circle-check", _("办结反馈"), to("done"), done, of=task.label, now=True)
    if task.state == "ready" and not task.declined:
        reasons = [(key, label, "") for key, label in actions.DECLINE_REASONS.items()]
        fields = [
            _field("reason", _("退单原因"), "radio", options=reasons),
            _field("note", _("说明"), required=False),
        ]
        yield _act("decline", "X", "undo-2", _("退单"), to("decline"), fields, of=task.label)
    if not task.defer_asked and history.is_open(task):
        kinds = [(key, label, "") for key, label in actions.DEFERRALS.items()]
        fields = [
            _field("how", _("怎样"), "radio", options=kinds),
            _field("until", _("到哪天"), "date"),
            _field("note", _("理由")),
        ]
        yield _act("defer", "T", "hourglass", _("申请延期、缓办、挂账"), to("defer"), fields, of=task.label)


def _crews(task: Task) -> list[tuple[str, str, str]]:
    found = []
    for crew in panels.crews_for(task):
        minutes = crew["minutes"]
        word = pick(crew["name"])
        if minutes is not None:
            word = _("%(name)s · 约 %(n).0f 分钟") % {"name": word, "n": minutes}
        found.append((crew["key"], word, ""))
    return found


def _doers(case: Case, task: Task) -> list[tuple[str, Any, str]]:
    """Whom the duty officer may name after a decline: crews with the skill where one is wanted, else offices around.

    Who declined may be named again (首接负责), but stands last.
    """
    back = history.declined_by(task)
    if "crew" in task.by or "anyone" in task.by:
        found: list[tuple[str, Any, str]] = [*_crews(task)]
    else:
        found = [(office.key, office.name, "") for office in offices_around(case)]
    said = [
        (key, _("%(name)s（退过单）") % {"name": pick(name)} if key == back else name, more)
        for key, name, more in found
    ]
    return sorted(said, key=lambda one: one[0] == back)


def office_named(key: str) -> Office | None:
    """The living office of a form's choice."""
    return Office.objects.filter(key=key, ended_at=None).first()


def offices_around(case: Case, besides: Iterable[int] = ()) -> list[Office]:
    """Offices that may be asked to assist: those around the incident, the nearest level first, no crews or counters."""
    if case.place is None:
        return []
    codes = [case.place.code[:n] for n in (9, 6, 2)]
    rows = Office.objects.filter(place__code__in=codes, ended_at=None).exclude(pk__in=list(besides))
    rows = rows.exclude(kind__in=["crew", "counter", "institution"])
    order = {"street": 0, "district": 1, "city": 2}
    return sorted(rows, key=lambda office: (order.get(office.level, 9), office.key))
