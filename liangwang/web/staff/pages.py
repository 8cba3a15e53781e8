"""What every workbench page has: its side navigation with counts, by the role of the hat."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import may_ever
from liangwang.base.hats import Actor
from liangwang.cases import history, inbox, queries
from liangwang.cases.inbox import Counts


@dataclass(frozen=True)
class Link:
    """A line of the side navigation."""

    name: str
    icon: str
    word: str
    count: int | None = None
    css: str = ""

    @property
    def href(self) -> str:
        return reverse(self.name)


@dataclass(frozen=True)
class Group:
    title: str
    links: list[Link]


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _counts(actor: Actor, at: datetime, known: Counts | None = None) -> tuple[int, int]:
    """Open tasks of the inbox, and those among them that are late."""
    if not queries.has_tasks(actor):
        return 0, 0
    if actor.role in inbox.OFFICE_ROLES:
        counts = known or inbox.counts(actor, at)
        return counts.all, counts.late
    rows = queries.inbox(actor)
    late = rows.filter(due_at__lt=at).count()
    own = history.in_person(rows, actor) if actor.role == "duty_officer" else rows
    return own.count() + len(history.to_accept(actor)), late


def _issues(actor: Actor) -> bool:
    """Whether this hat reads certificates as the office that issues them, not as a counter with the person present."""
    return actor.role in {"clerk", "approver"} and may_ever(actor, "read", "certificate")


def _sees_load(actor: Actor) -> bool:
    """Whoever has tasks, or reads boards without persons."""
    return queries.has_tasks(actor) or may_ever(actor, "read", "board")


def navigation(actor: Actor, at: datetime, known: Counts | None = None) -> list[Group]:
    """The groups that the hat's rows of the policy open, with counts where something waits."""
    todo, late = _counts(actor, at, known)
    groups: list[tuple[str, Iterable[tuple[bool, Link]]]] = [
        (
            _("我的"),
            [
                (
                    queries.has_tasks(actor),
                    Link("staff", "inbox", _("待办"), todo, "warn" if late else ""),
                ),
                (
                    queries.has_tasks(actor),
                    Link("staff-late", "alarm-clock", _("已超时"), late, "bad"),
                ),
                (may_ever(actor, "read", "notice"), Link("staff-notices", "mail", _("通知"))),
            ],
        ),
        (
            _("窗口"),
            [
                (may_ever(actor, "create", "visit"), Link("counter", "scan-line", _("综窗收件"))),
                (may_ever(actor, "open", "handover"), Link("handovers", "package", _("纸质交接"))),
            ],
        ),
        (
            _("案件"),
            [
                (may_ever(actor, "read", "application"), Link("staff-applications", "files", _("办件"))),
                (may_ever(actor, "read", "incident"), Link("staff-incidents", "siren", _("案件"))),
                (_issues(actor), Link("staff-deliveries", "send", _("送达"))),
                (_issues(actor), Link("staff-certificates", "badge-check", _("证照"))),
                (_sees_load(actor), Link("load", "chart-bar", _("各单位办件量"))),
                (may_ever(actor, "open", "board"), Link("command-home", "monitor", _("一屏"))),
            ],
        ),
        (
            _("治理"),
            [
                (may_ever(actor, "configure", "item"), Link("reform", "split", _("流程再造"))),
                (may_ever(actor, "configure", "item"), Link("items", "file-diff", _("事项公布"))),
                (may_ever(actor, "configure", "rule"), Link("rules", "bell-ring", _("报警规则"))),
                (may_ever(actor, "read", "order"), Link("orders", "shield-alert", _("应急命令"))),
                (may_ever(actor, "open", "audit"), Link("audit", "scroll-text", _("审计日志"))),
                (may_ever(actor, "open", "policy"), Link("policy", "table-properties", _("权限表"))),
                (may_ever(actor, "configure", "pack"), Link("effects", "workflow", _("未完成的后续"))),
                (may_ever(actor, "configure", "pack"), Link("calendar", "calendar-days", _("工作日历"))),
            ],
        ),
    ]
    shown = [Group(title, [link for opens, link in links if opens]) for title, links in groups]
    return [group for group in shown if group.links]


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Renders a workbench page with its navigation; `now` is the moment of the whole page."""
    at = context.setdefault("now", clock.now())
    groups = navigation(actor_of(request), at, context.get("counts"))
    return render(request, template, {"groups": groups, **context}, status=status)
