"""案件: opens incidents from signals; a cleared signal lets them go on. Reports open theirs in reporting.py."""

from datetime import datetime, timedelta

from liangwang.base.hats import platform
from liangwang.base.labels import Label
from liangwang.base.packs import declared
from liangwang.base.places import duty_place
from liangwang.cases import actions
from liangwang.cases import queries as cases
from liangwang.cases.declare import compile_plan
from liangwang.cases.plans import store_plan
from liangwang.cases.queries import Case, Plan, Task
from liangwang.rules.durations import microseconds

from . import joining
from .dispatch import dispatch_ready
from .kinds import Known, kind_of_rule
from .models import Signal

LEVELS = ("blue", "yellow", "orange", "red")


def declared_plan(name: str, *, within: str, at: datetime) -> Plan:
    """The compiled plan that is in force under a name (`manholes:guard_and_replace`, or its key inside a pack)."""
    found = declared("plans.yaml", name, within=within)
    return store_plan(compile_plan(found.value, found.pack), at=at)


def open_incident(signal: Signal, *, at: datetime) -> Case | None:
    """The incident of a signal: a new one, with its first tasks dispatched, or the open one of the same asset and rule.

    None where the rule names no plan. Call it inside the transaction that keeps the signal.
    """
    rule = declared("rules.yaml", signal.rule)
    if rule.value.plan is None:
        return None
    asset = signal.asset
    standing, before = cases.live_incident(asset.subject_id, signal.rule)
    if standing is not None:
        return _join(standing, signal, rule.value.label, at)
    kind = kind_of_rule(signal.rule)
    if kind is not None and (reported_one := _reported_already(kind, signal, at)) is not None:
        return _join(reported_one, signal, rule.value.label, at)
    plan = declared_plan(rule.value.plan, within=rule.pack, at=at)
    case = actions.open_case(
        actor=platform(rule.pack),
        at=at,
        plan=plan,
        kind="incident",
        title=_title(rule.value.label, asset.label),
        place=duty_place(asset.place),
        point=(asset.lon, asset.lat),
        subject=asset.subject,
        source="rule",
        pack=rule.pack,
        key=f"incident/{signal.rule}/{asset.ref}/{before}",
        level=signal.level,
        limits=kind.limits() if kind else None,
        facts={
            "kind": kind.ref if kind else "",
            "rule": signal.rule,
            "signal": signal.ref,
            "asset": asset.ref,
            "asset_key": asset.key,
            "owner": asset.owner,
            "since": _first_sign(signal, rule.value.lasting).isoformat(),
            "value": signal.value,
            "because": signal.because,
            "address": asset.facts.get("address", ""),
        },
    )
    _link(signal, case)
    if waits_for_clear(plan):
        actions.hold(actor=platform(rule.pack), at=at, case=case, reason="signal", ref=signal.ref)
    dispatch_ready(at=at, tasks=cases.pending_dispatch().filter(case=case))
    return case


def _reported_already(kind: Known, signal: Signal, at: datetime) -> Case | None:
    """The incident that people have reported of the same thing; its signal confirms it (核实) where nobody has yet."""
    asset = signal.asset
    case = joining.incident_for(kind, (asset.lon, asset.lat), at)
    if case is None or case.source != "report" or case.subject_id not in (None, asset.subject_id):
        return None
    if case.state == "open":
        case = actions.accept_case(actor=platform(case.pack), at=at, case=case)
        dispatch_ready(at=at, tasks=cases.pending_dispatch().filter(case=case))
    return case


def _first_sign(signal: Signal, lasting: str | None) -> datetime:
    """When the condition began: a signal is raised only once it has lasted. Minutes to detect are counted from here."""
    return signal.at - timedelta(microseconds=microseconds(lasting)) if lasting else signal.at


def _title(rule: Label, asset: dict[str, str]) -> Label:
    return {"zh": f"{rule['zh']} · {asset.get('zh', '')}", "en": f"{rule['en']} · {asset.get('en', '')}"}


def _link(signal: Signal, case: Case) -> None:
    signal.case_ref = case.ref
    Signal.objects.filter(pk=signal.pk).update(case_ref=case.ref)


def waits_for_clear(plan: Plan) -> bool:
    """Whether the plan asks for the clear signal; otherwise a person's verification is enough to close."""
    return any(n["verify"] == "signal" or n["by"].get("signal") for n in plan.body["nodes"])


def _join(case: Case, signal: Signal, label: Label, at: datetime) -> Case:
    """The same thing is told again while its incident is open: no second case, but the level may rise."""
    _link(signal, case)
    if (
        case.level in LEVELS
        and signal.level in LEVELS
        and LEVELS.index(signal.level) > LEVELS.index(case.level)
    ):
        actions.change_level(actor=platform(case.pack), at=at, case=case, level=signal.level, because=label)
    if waits_for_clear(case.plan):
        actions.hold(actor=platform(case.pack), at=at, case=case, reason="signal", ref=signal.ref)
    return case


def level_changed(signal: Signal, *, at: datetime) -> Case | None:
    """A standing signal has climbed or fallen on its ladder; its incident follows."""
    case = cases.case_by_ref(signal.case_ref) if signal.case_ref else None
    if case is None or case.state not in {"open", "accepted"}:
        return None
    label: Label = declared("rules.yaml", signal.rule).value.label
    return actions.change_level(
        actor=platform(case.pack), at=at, case=case, level=signal.level, because=label
    )


def signal_cleared(signal: Signal, *, at: datetime) -> Case | None:
    """The signal is over: holds let go, `signal: clear` tasks are done, and what it verifies is verified."""
    case = cases.case_by_ref(signal.case_ref) if signal.case_ref else None
    if case is None or case.state != "accepted":
        return None
    actor = platform(case.pack)
    actions.release(actor=actor, at=at, case=case, reason="signal", ref=signal.ref)
    if not _still_standing(case):
        _clear_verifies(case, at)
    return case


def _still_standing(case: Case) -> bool:
    return Signal.objects.filter(case_ref=case.ref, cleared_at=None).exists()


def _clear_verifies(case: Case, at: datetime) -> None:
    """Does and verifies by the platform's hat what the plan leaves to the clear signal."""
    for task in cases.next_steps(case):
        if task.by.get("signal") == "clear":
            result = {"cleared": at.isoformat()}
            actions.complete_task(actor=platform(case.pack), at=at, task=task, outcome="done", result=result)
        elif task.verify == "signal" and task.state == "reported":
            actions.verify_task(actor=platform(case.pack), at=at, task=task, passed=True)


def reported(task: Task, *, at: datetime) -> None:
    """A crew has reported a task that the clear signal verifies: if the signal is over already, so is the task."""
    if task.verify == "signal" and not _still_standing(task.case):
        _clear_verifies(task.case, at)
