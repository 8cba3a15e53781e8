"""One source: what was agreed column by column, how it delivered, how to deliver, and the upload of a file here."""

from typing import Any, BinaryIO, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.packs import Declared
from liangwang.base.transactions import write
from liangwang.hub import actions, queries

from . import charts
from .page import (
    SHARING_KINDS,
    SOURCE_KINDS,
    actor_of,
    attribute_labels,
    channel_word,
    department,
    english,
    page,
    picked,
    share,
    source_labels,
    state_word,
    term,
)
from .progress import loading_part, progress

SHOWN_DELIVERIES = 40
DESK = queries.Batch.Channel.DESK
LISTED = 8


@door("read", "batch", post="update")
def source(request: HttpRequest, source: str) -> HttpResponse:
    """Shows one source; a POST takes the file that was dropped on it."""
    declared = queries.source_named(source)
    if request.GET.get("part") == "loading":
        return loading_part(request, _loading(declared))
    if request.method == "POST":
        return _upload(request, declared)
    return _shown(request, declared)


def _upload(request: HttpRequest, declared: Declared) -> HttpResponse:
    """Keeps the file as a delivery of the source and goes to its batch; what is wrong is said on this page."""
    file = request.FILES.get("file")
    if file is None:
        return _shown(request, declared, error=_("请选一个 CSV 或 Parquet 文件"), status=422)
    try:
        actions.require_may_deliver(actor_of(request), declared, clock.now())
        held = actions.deposit(cast("BinaryIO", file.file))
        with write():
            batch, created = actions.take(
                held,
                source=declared.ref,
                name=file.name or "",
                actor=actor_of(request),
                at=clock.now(),
                channel=DESK,
                corrects=request.GET.get("corrects") or None,
            )
    except Refusal as refused:
        return _shown(request, declared, error=refused.message(get_language() or "zh"), status=refused.status)
    again = "" if created else "?again=1"
    return HttpResponseRedirect(reverse("data-batch", args=[batch.ref]) + again)


def _shown(request: HttpRequest, declared: Declared, *, error: str = "", status: int = 200) -> HttpResponse:
    value = declared.value
    (row,) = queries.overview(clock.now(), only=declared)
    taken = queries.deliveries(declared, SHOWN_DELIVERIES)
    context = {
        "declared": declared,
        "source": value,
        "row": row,
        "office": department(value.office),
        "state": (SOURCE_KINDS[row.state], state_word(row.state)),
        "sharing": (SHARING_KINDS[value.sharing], state_word(value.sharing)),
        "strip": charts.strip(row.days),
        "days": len(row.days),
        "quality": share(row.good_share),
        "fresh_within": term(value.fresh_within),
        "retention": term(value.retention),
        "reject_over": f"{value.reject_over * 100:g}%",
        "columns": contract_rows(value),
        "volume": charts.volume(taken, value.rows.min, value.rows.max),
        "reasons": _reasons(declared, taken),
        "deliveries": [_delivery(one) for one in taken[::-1][:LISTED]],
        "more": len(taken) > LISTED,
        "channels": _channels(request, declared),
        "loading": _loading(declared),
        "error": error,
    }
    return page(request, "data/source.html", context, status)


def _loading(declared: Declared) -> list[dict[str, Any]]:
    """What is loading of this source."""
    own = (declared.pack, declared.key)
    return progress((one for one in queries.loading() if (one.pack, one.source) == own), source_labels())


def type_word(kind: str) -> str:
    """A column's type in words."""
    return {
        "text": _("文字"),
        "name": _("姓名"),
        "identity": _("身份证件号"),
        "phone": _("手机号"),
        "address": _("地址"),
        "integer": _("整数"),
        "number": _("数值"),
        "date": _("日期"),
        "time": _("时间"),
        "code": _("代码"),
        "place": _("区划代码"),
        "credit_code": _("统一社会信用代码"),
        "plate": _("车牌号"),
        "document": _("证件号码"),
    }.get(kind, kind)


def level_word(level: str) -> str:
    """The level that a division code must have, in words."""
    return {"district": _("区"), "street": _("街镇"), "neighbourhood": _("居村委")}.get(level, level)


def contract_rows(source: Any) -> list[dict[str, Any]]:
    """The contract column by column, in words."""
    attributes = attribute_labels()
    return [
        {
            "name": name,
            "label": picked(column.label),
            "type": type_word(column.type),
            "key": name in source.key,
            "observed": name == source.observed,
            "optional": column.optional,
            "sealed": column.sealed,
            "bounds": _bounds(column),
            "values": [(code, picked(label)) for code, label in column.values.items()],
            "heads": [column.label["zh"], *column.heads],
            "says": picked(attributes.get(column.says)) or column.says or "",
        }
        for name, column in source.columns.items()
    ]


def _bounds(column: Any) -> str:
    """What a value must be within, in words; empty where the type says enough."""
    if column.level:
        return _("本市%(level)s代码") % {"level": level_word(column.level)}
    if column.pattern:
        return str(column.pattern)
    low, high = column.min, column.max
    if column.type in {"text", "address", "name"}:
        return _("至多 %(n)s 字") % {"n": high} if high is not None else ""
    high = _("报送当日") if high == "today" else high
    ends = [str(end) for end in (low, high) if end is not None]
    if not ends:
        return ""
    unit = f" {column.unit}" if column.unit else ""
    if low is None:
        return f"≤ {high}{unit}"
    return f"≥ {low}{unit}" if high is None else f"{low} – {high}{unit}"


def _reasons(declared: Declared, taken: list[queries.Batch]) -> list[dict[str, Any]]:
    """Reasons over deliveries as rows of cells, with the reason in words."""
    rows = charts.heat(taken)
    for row in rows:
        column, _sep, code = row["key"].partition(":")
        words = queries.reason(declared, column, code)
        row["word"] = words["en" if english() else "zh"]
    return rows


def _delivery(batch: queries.Batch) -> dict[str, Any]:
    kinds = {"loaded": "ok", "refused": "bad"}
    return {
        "batch": batch,
        "state": (kinds.get(batch.state, "info"), state_word(batch.state)),
        "channel": channel_word(batch.channel),
    }


def _channels(request: HttpRequest, declared: Declared) -> list[dict[str, str]]:
    """How the contract lets the office deliver, each way with a command to copy."""
    made = {
        "http": _pushed(request, declared),
        "csv": _dropped(declared),
        "parquet": _pushed(request, declared, ending="parquet"),
    }
    found = [made[channel] for channel in ("http", "parquet", "csv") if channel in declared.value.channels]
    if {"http", "parquet"} & set(declared.value.channels):
        found.append(_in_pieces(request, declared))
    if declared.value.pull:
        found.append(_pulled(declared.value.pull))
    return [*found, _receipt(request, declared)]


def _url(request: HttpRequest, declared: Declared) -> str:
    return f"{request.scheme}://{request.get_host()}/api/v1/batches/{declared.ref}"


def _pushed(request: HttpRequest, declared: Declared, ending: str = "csv") -> dict[str, str]:
    media = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}[ending]
    said = {
        "csv": _("表头用列名或中文名，UTF-8 或 GB18030。同一内容重复推送只算一次，可以放心重试。"),
        "parquet": _("大文件用 Parquet，列名同约定。"),
    }
    return {
        "title": {"csv": _("接口推送 CSV"), "parquet": _("接口推送 Parquet")}[ending],
        "said": said[ending],
        "command": f'curl -H "Authorization: Bearer $KEY" -H "Content-Type: {media}" '
        f"--data-binary @{declared.key}.{ending} {_url(request, declared)}",
    }


def _in_pieces(request: HttpRequest, declared: Declared) -> dict[str, str]:
    ending = "parquet" if "parquet" in declared.value.channels else "csv"
    lines = (
        f"to={_url(request, declared)}/uploads/{declared.key}-$(date +%Y%m%d)",
        f"f={declared.key}.{ending}; size=$(stat -c %s $f); step={actions.PIECE_BYTES}",
        "for ((at=0; at<size; at+=step)); do end=$((at+step<size ? at+step : size))",
        "tail -c +$((at+1)) $f | head -c $((end-at)) |",
        'curl -X PUT "$to" --data-binary @- -H "Authorization: Bearer $KEY" \\',
        '-H "Content-Range: bytes $at-$((end-1))/$size"; done',
    )
    return {
        "title": _("大文件分段"),
        "said": _("超过 32 MB 的文件一段一段送；断了从头再跑一遍也无妨，送过的段不重算。"),
        "command": "\n".join(lines),
    }


def _dropped(declared: Declared) -> dict[str, str]:
    key = declared.key
    return {
        "title": _("文件投放"),
        "said": _("先写成别的结尾再改名，免得读到半个文件。"),
        "command": f'TO="$DATA/drop/{declared.ref}"; cp {key}.csv "$TO/{key}.part" && mv "$TO/{key}.part" "$TO/{key}.csv"',
    }


def _pulled(pull: Any) -> dict[str, str]:
    said = _("每 %(every)s 由平台自己从对方的表 %(table)s 读取，从上次停下的 %(cursor)s 接着读。")
    names = {"every": term(pull.every), "table": pull.table, "cursor": pull.cursor}
    return {
        "title": _("数据库抽取"),
        "said": said % names,
        "command": f"PULL_{pull.dsn.upper()}=postgresql://…",
    }


def _receipt(request: HttpRequest, declared: Declared) -> dict[str, str]:
    return {
        "title": _("查回执"),
        "said": _("每一行的全部原因，可直接交给报送单位。"),
        "command": f'curl -H "Authorization: Bearer $KEY" {_url(request, declared)}/$BATCH',
    }
