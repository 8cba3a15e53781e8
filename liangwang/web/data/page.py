"""What every page of the data desk shares: the side counts, words and kinds of states, names of sources and offices."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from liangwang.base.hats import Actor
from liangwang.base.labels import Label, pick
from liangwang.base.packs import Declared, declarations
from liangwang.hub import queries

PAGE_SIZE = 50
ENGINEER = "data_engineer"
SOURCE_KINDS = {"fresh": "ok", "late": "warn", "refused": "bad", "silent": "idle", "closed": "info"}
BATCH_KINDS = {"received": "info", "loaded": "ok", "refused": "bad", "erased": "idle"}
SHARING_KINDS = {"unconditional": "ok", "conditional": "info", "none": "idle"}


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Renders one page with the counts that stand in the side; a source office comes for one conflict and has no side."""
    counts: dict[str, Any] = {"side_open": actor_of(request).role == ENGINEER}
    if counts["side_open"]:
        counts["open_conflicts"] = queries.disagreements().order_by().count()
        counts["open_reviews"] = queries.open_reviews()
    return render(request, template, {**counts, **(context or {})}, status=status)


def actor_of(request: HttpRequest) -> Actor:
    """Who acts in this request."""
    return request.actor  # type: ignore[attr-defined,no-any-return]


def english() -> bool:
    """Whether the reader reads English."""
    return (get_language() or "zh").startswith("en")


def picked(label: Any) -> str:
    """A label in the reader's language."""
    return pick(label, get_language() or "zh") if isinstance(label, dict) else str(label or "")


def departments() -> dict[str, Label]:
    """The names of departments by key."""
    return {one.key: {"zh": one.value.zh, "en": one.value.en} for one in declarations("departments.csv")}


def department(key: str) -> Label:
    """A department's name from the shared vocabulary; its key where there is none."""
    return departments().get(key) or {"zh": key, "en": key}


def attribute_labels() -> dict[str, Label]:
    """The names of attributes (data items) by key."""
    return {one.key: {"zh": one.value.zh, "en": one.value.en} for one in declarations("attributes.csv")}


def source_labels() -> dict[str, Label]:
    """The names of sources by `pack:key`."""
    return {one.ref: one.value.label for one in queries.declared_sources()}


def declared_of(ref: str) -> Declared | None:
    """A source by `pack:key`, None where it is no longer declared."""
    return next((one for one in queries.declared_sources() if one.ref == ref), None)


def state_word(state: str) -> str:
    """A source's or batch's state, or a sharing class, in words."""
    return {
        "fresh": _("按时"),
        "late": _("迟到"),
        "silent": _("没有来过"),
        "closed": _("常态停收"),
        "received": _("装载中"),
        "loaded": _("已装载"),
        "refused": _("整批未收"),
        "erased": _("已清除"),
        "unconditional": _("无条件共享"),
        "conditional": _("有条件共享"),
        "none": _("不予共享"),
    }.get(state, state)


def channel_word(channel: str) -> str:
    """How a batch came, in words."""
    return {
        "push": _("接口推送"),
        "drop": _("文件投放"),
        "pull": _("数据库抽取"),
        "desk": _("工作台上传"),
    }.get(channel, channel)


def term(text: str) -> str:
    """A declared duration or retention in words: `1d` → 1 天, `order` → 应急令终止即清除."""
    fixed = {"order": _("应急令终止后清除"), "permanent": _("长期保存")}
    if text in fixed:
        return fixed[text]
    digits = "".join(c for c in text if c.isdigit())
    n, unit = int(digits or 0), text[len(digits) :].strip()
    words = {
        "min": ngettext("%(n)s 分钟", "%(n)s 分钟", n),
        "h": ngettext("%(n)s 小时", "%(n)s 小时", n),
        "d": ngettext("%(n)s 天", "%(n)s 天", n),
        "month": ngettext("%(n)s 个月", "%(n)s 个月", n),
        "y": ngettext("%(n)s 年", "%(n)s 年", n),
        "year": ngettext("%(n)s 年", "%(n)s 年", n),
    }
    return words[unit] % {"n": n} if unit in words else text


def share(value: float | None) -> str:
    """A share 0..1 as a percentage with one decimal; never 100 % where something is missing."""
    if value is None:
        return "–"
    tenths = int(value * 1000 + 1e-9)
    return f"{tenths / 10:.1f}%".replace("100.0%", "100%")


def joined(labels: Iterable[Label]) -> str:
    """Several labels as one enumeration."""
    return (", " if english() else "、").join(picked(one) for one in labels)


def address(request: HttpRequest, **changes: str) -> str:
    """This page's address with some filters changed; an empty value takes one away, paging starts anew."""
    kept = {k: v for k, v in request.GET.items() if k not in {"after", "part"} and v}
    kept.update(changes)
    text = urlencode({k: v for k, v in kept.items() if v})
    return f"{request.path}?{text}" if text else request.path
