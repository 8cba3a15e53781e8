"""核验: anyone checks a certificate or a letter by scanning, by pasting what was scanned, or by the PDF itself."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.transactions import write
from liangwang.services import looks, queries
from liangwang.services.certificate_codes import FILE_BYTES_AT_MOST

LEVELS = {
    "valid": ("ok", "circle-check"),
    "suspended": ("watch", "triangle-alert"),
    "expired": ("watch", "clock-alert"),
    "replaced": ("watch", "refresh-cw"),
    "stale": ("watch", "clock-alert"),
    "unsigned": ("watch", "circle-help"),
}
OTHERWISE = ("bad", "circle-x")


def words() -> dict[str, Any]:
    """What the page says by itself, without a network, in the reader's language."""
    return {
        "offline": _("没有联网：只核对了签名，不知道有没有被暂停或撤销"),
        "good": _("签名属实，是本市签发"),
        "whole": _("签名属实，文件没有改动"),
        "shown": _("持证人刚刚出示"),
        "expired": _("证照已过有效期"),
        "stale": _("亮证码已过期，请对方刷新后再扫"),
        "early": _("这台设备的时间不对，请校准后再核验"),
        "forged": _("签名不符，不是本市签发"),
        "unknown_key": _("签名不符，不是本市签发"),
        "altered": _("这个文件签发后被改动过，不能采信"),
        "unsigned": _("这个文件里没有签名，请改扫它上面的二维码"),
        "unreadable": _("不是证照码，请重新扫描"),
        "no_camera": _("打不开相机，请粘贴文字或上传文件"),
        "scan": _("打开相机扫码"),
        "stop": _("停止扫码"),
        "holder": _("持证人"),
        "number": _("证照编号"),
        "office": _("签发机关"),
        "until": _("有效期至"),
    }


@door("open", "public", post="open")
def page(request: HttpRequest, ref: str = "") -> HttpResponse:
    """The form, and below it what was found; no more is shown than the paper says. A check is noted for the holder."""
    at = clock.now()
    text = (request.POST.get("q") or request.GET.get("q") or ref).strip()
    upload = request.FILES.get("file")
    letter: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    if upload is not None:
        too_large = (upload.size or 0) > FILE_BYTES_AT_MOST
        answer = queries.verify_file(b"" if too_large else upload.read(), at)
    elif text:
        found = queries.letter_by_ref(text)
        letter = queries.letter_page(found) if found else None
        answer = None if letter else queries.verify_certificate(text, at)
    _note(request, answer, at)
    level, drawing = LEVELS.get(answer["state"], OTHERWISE) if answer else OTHERWISE
    context = {
        "text": text,
        "answer": answer,
        "letter": letter,
        "level": level,
        "icon": drawing,
        "words": words(),
        "keys": queries.verification_keys(),
        "most_mb": FILE_BYTES_AT_MOST // 1024 // 1024,
    }
    return render(request, "resident/verify.html", context)


def _note(request: HttpRequest, answer: dict[str, Any] | None, at: datetime) -> None:
    shown = answer["certificate"] if answer else None
    row = queries.certificate_by_ref(shown["ref"]) if shown else None
    if answer is None or row is None:
        return
    how = "file" if answer["file"] else "shown" if answer["shown"] else "code" if answer["signed"] else "ref"
    with write():
        looks.note_check(actor=request.actor, certificate=row, how=how, at=at)  # type: ignore[attr-defined]
