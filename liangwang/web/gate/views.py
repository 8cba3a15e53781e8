"""The gate's page, its signed list, the passes it brings when it is online again, and its service worker."""

from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import Refusal
from liangwang.base.hats import Actor
from liangwang.base.idempotency import hash_request, once
from liangwang.base.labels import Label
from liangwang.base.transactions import write
from liangwang.services import gates, queries, queries_codes

MOST_PASSES = 5_000


class Pass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pass as a gate noted it: second since 1970 and colour, and no person."""

    at: float
    colour: str


class Brought(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a gate sends when it is online again; `key` is the same when it sends it again."""

    gate: str
    key: str
    passes: list[Pass]


class BadPasses(Refusal):
    status, code = 422, "bad_passes"
    template: ClassVar[Label] = {
        "zh": "放行记录须为 {{gate, key, passes}}，一次最多 {most} 条",
        "en": "Passes must be {{gate, key, passes}}, at most {most} at a time",
    }


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def words() -> dict[str, Any]:
    """What the gate says, in the reader's language, for the page to keep while it is offline."""
    looks = {
        "green": (_("绿码"), _("可以通行")),
        "yellow": (_("黄码"), _("请按规定处置")),
        "red": (_("红码"), _("请按规定处置")),
        "routine": (_("身份有效"), _("常态：不看健康状态")),
        "none": (_("没有状态"), _("请人工核验")),
        "certificate": (_("证照属实"), ""),
        "cross": (_("不能通行"), ""),
        "clock": (_("手机时间不对"), _("请校准时间后再验码")),
        "stale": (_("名单过旧"), _("请联网更新名单，先人工核验")),
        "wait": (_("等待扫码"), _("对准随申码，或粘贴文本")),
    }
    reasons = {
        "unreadable": _("不是随申码"),
        "unknown_key": _("不是本市签发的码"),
        "forged": _("码是伪造的"),
        "expired": _("码已过期，请对方刷新"),
        "early": _("码的时间在将来，请检查手机时间"),
        "replayed": _("这个码刚在此处用过，请对方刷新"),
        "revoked": _("码已作废，请对方刷新"),
        "no_status": _("没有状态，请人工核验"),
        "needs_network": _("这种短码要联网才能核验，请对方出示二维码"),
        "unknown_gate": _("这个门岗没有登记"),
        "clock": _("手机时间早于名单时间"),
        "certificate_shown": _("本人刚刚出示；是否被撤销，联网在核验页查"),
        "certificate_paper": _("签名属实；是不是本人、是否被撤销，另行核对"),
        "certificate_expired": _("证照已过有效期"),
        "certificate_stale": _("亮证码已过期，请对方刷新"),
    }
    other = {
        "until": _("至"),
        "fresh": _("名单 {n} 分钟前"),
        "just": _("名单刚刚更新"),
        "old": _("名单 {n} 小时前"),
        "missing": _("还没有名单，请先联网一次"),
        "online": _("已联网"),
        "offline": _("离线可验"),
        "queued": _("{n} 条放行记录待发送"),
        "order": _("{n} 生效中"),
        "routine": _("常态：只核身份，不看颜色"),
        "no_camera": _("打不开相机，请粘贴文本，或用扫码枪"),
        "stop": _("停止扫码"),
        "scan": _("打开相机扫码"),
    }
    return {"looks": looks, "reasons": reasons, **other}


@door("open", "code")
def page(request: HttpRequest) -> HttpResponse:
    """Choose a gate and check; everything that the page needs offline is in it."""
    at, actor = clock.now(), _actor(request)
    shown = [
        {"key": gate.key, "name": gate.name}
        for gate in queries_codes.gates()
        if gate.place is None or gate.place.code.startswith(actor.place_code)
    ]
    context = {
        "gates": shown,
        "first": queries_codes.signed_list(at),
        "words": words(),
        "certificates": queries.verification_keys(),
    }
    return render(request, "gate/page.html", context)


@door("check", "code")
def signed_list(request: HttpRequest) -> HttpResponse:
    """The signed list and the key, by which a gate verifies offline."""
    return JsonResponse(queries_codes.signed_list(clock.now()))


@door(None, "code", post="check")
def open_gate(request: HttpRequest) -> HttpResponse:
    """Registers a gate of the actor's own office."""
    name = request.POST.get("name", "").strip()[:40]
    if name:
        with write():
            gates.register(_actor(request), name, clock.now())
    return HttpResponseRedirect(reverse("gate"))


@door(None, "code", post="check")
def passes(request: HttpRequest) -> HttpResponse:
    """Takes passes that were made offline, once for each key."""
    try:
        brought = msgspec.json.decode(request.body, type=Brought)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        raise BadPasses(most=MOST_PASSES) from fault
    if len(brought.passes) > MOST_PASSES or not 8 <= len(brought.key) <= 80:
        raise BadPasses(most=MOST_PASSES)
    at = clock.now()
    rows = [(one.at, one.colour) for one in brought.passes]
    with write():
        taken = once(
            "gate.passes",
            brought.key,
            hash_request(request.body),
            lambda: {"taken": gates.take_offline(brought.gate, rows, at)},
        )
    return JsonResponse(taken)


@door("open", "public")
def service_worker(request: HttpRequest) -> HttpResponse:
    """Keeps the page and its files for when there is no network; served here because its scope is /gate/."""
    source = (settings.ROOT / "liangwang" / "web" / "static" / "js" / "gate" / "sw.js").read_bytes()
    return HttpResponse(source, content_type="text/javascript", headers={"Cache-Control": "no-cache"})
