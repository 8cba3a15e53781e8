"""A letter as a paper: the same lines for the A4 page and for the PDF, from what the letter's body keeps."""

from datetime import date, datetime
from typing import Any

from django.conf import settings

from liangwang.base.labels import Label, pick
from liangwang.base.working_days import local_day
from liangwang.engines.paper import Paper

from .letters_text import WORDINGS, sentences, title_of
from .models_letters import Delivery, Letter

Rows = list[tuple[str, str]]
STATES: dict[tuple[str, str], tuple[str, Label]] = {
    ("electronic", "sent"): (
        "info",
        {"zh": "已发到消息，等本人打开", "en": "among the messages, not opened yet"},
    ),
    ("electronic", "delivered"): ("ok", {"zh": "本人已打开", "en": "opened by the addressee"}),
    ("post", "sent"): ("info", {"zh": "已寄出，等回执", "en": "posted, not signed for yet"}),
    ("post", "delivered"): ("ok", {"zh": "已签收", "en": "signed for"}),
    ("post", "returned"): ("warn", {"zh": "被退回", "en": "came back"}),
    ("counter", "delivered"): ("ok", {"zh": "已在窗口签收", "en": "signed for at the counter"}),
    ("cabinet", "sent"): ("watch", {"zh": "已放入自助柜，等本人来取", "en": "waits in the cabinet"}),
    ("cabinet", "delivered"): ("ok", {"zh": "已取走", "en": "taken from the cabinet"}),
    ("cabinet", "returned"): ("warn", {"zh": "没人来取，已取回", "en": "not collected, taken back"}),
}
WAYS: dict[str, Label] = {
    "electronic": {"zh": "电子送达", "en": "electronically"},
    "post": {"zh": "邮寄送达", "en": "by post"},
    "counter": {"zh": "窗口领取", "en": "at the counter"},
    "cabinet": {"zh": "自助柜领取", "en": "from a cabinet"},
}


def verify_address(letter: Letter) -> str:
    """Where anyone verifies the letter: what its QR says."""
    return f"{settings.SITE}/verify/{letter.ref}/"


def day_of(value: datetime | date | str, lang: str = "zh") -> str:
    """2026年11月23日, in the city's zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    on = local_day(value) if isinstance(value, datetime) else value
    return f"{on.day} {on:%B} {on.year}" if lang == "en" else f"{on.year}年{on.month}月{on.day}日"


def is_licence(letter: Letter) -> bool:
    """Whether the letter is about an administrative licence (行政许可), and not another power or service."""
    submission = letter.submission
    return bool(submission and submission.version.body["head"].get("kind") == "licence")


def paper_of(letter: Letter, *, lang: str = "zh", verify: str = "") -> Paper:
    """What stands on a letter; `verify` is the address for its QR."""
    body, case = letter.body, letter.case
    fields = {
        "item": pick(case.title, lang), "number": case.number, "days": body.get("days", ""),
        "ground": pick(body.get("ground"), lang),
    }  # fmt: skip
    office = pick(letter.office.name, lang) if letter.office else ""
    remedies = pick(body.get("remedies"), lang) if WORDINGS[letter.kind].against else ""
    return Paper(
        office=office,
        number=letter.number,
        title=pick(title_of(letter.kind, licence=is_licence(letter)), lang),
        to=addressee(letter),
        text=sentences(letter.kind, fields, lang),
        rows=tuple(_rows(letter, lang)),
        after=_after(letter, lang),
        signed_on=day_of(letter.at, lang),
        remedies=remedies,
        notes=(_NOTE[lang],) if verify else (),
        qr=verify,
        demo=settings.DEMO,
        at=letter.at,
    )


_NOTE = {"zh": "扫右侧二维码，可核验本文书。", "en": "Scan the code to verify this letter."}


def addressee(letter: Letter) -> str:
    """The name of the person or company to whom a letter goes."""
    for kind in ("person", "company"):
        found = getattr(letter.subject, kind, None)
        if found is not None:
            return str(found.name)
    return ""


def _rows(letter: Letter, lang: str) -> Rows:
    """What a letter lists, by kind: things to supply, reasons, certificates, days."""
    body = letter.body
    rows: Rows = [(str(n), _said(one, lang)) for n, one in enumerate(body.get("wanted", []), 1)]
    rows += [(str(n), _said(one, lang)) for n, one in enumerate(body.get("reasons", []), 1)]
    rows += [
        (pick(one["label"], lang), _word("number", lang).format(one["number"]))
        for one in body.get("certificates", [])
    ]
    rows += [(pick(one["label"], lang), pick(one["text"], lang)) for one in body.get("commitments", [])]
    rows += [
        (pick(one["label"], lang), _word("by", lang).format(day_of(one["by"], lang)))
        for one in body.get("lacking", [])
    ]
    rows += [(pick(one["label"], lang), _said(one["value"], lang)) for one in body.get("values", [])]
    for name in ("legal_on", "promised_at", "due_on"):
        if body.get(name):
            rows.append((_word(name, lang), day_of(body[name], lang)))
    return rows


def _after(letter: Letter, lang: str) -> tuple[str, ...]:
    if letter.kind == "granted" and letter.body.get("certificates"):
        return (_word("library", lang),)
    return ()


def _said(one: Any, lang: str) -> str:
    return pick(one, lang) if isinstance(one, dict) else str(one)


_WORDS: dict[str, Label] = {
    "number": {"zh": "编号 {}", "en": "number {}"},
    "by": {"zh": "请于{}前补交", "en": "by {}"},
    "legal_on": {"zh": "法定办结日", "en": "Due by law"},
    "promised_at": {"zh": "承诺办结日", "en": "Promised for"},
    "due_on": {"zh": "延长后的办结日", "en": "Now due"},
    "library": {
        "zh": "结果已送入您的电子证照库，可以亮证使用。",
        "en": "The result is in your certificate library.",
    },
}


def _word(name: str, lang: str) -> str:
    return pick(_WORDS[name], lang)


def proof_of_delivery(delivery: Delivery, *, verify: str = "") -> Paper:
    """送达回证: which letter went to whom by which way, and how it is known that it arrived."""
    letter = delivery.letter
    rows: Rows = [
        ("受送达人", addressee(letter)),
        ("送达文书", f"{title_of(letter.kind, licence=is_licence(letter))['zh']}（{letter.number}）"),
        ("送达方式", WAYS[delivery.way]["zh"]),
        ("发出时间", day_of(delivery.sent_at)),
    ]
    rows += [
        (name, text)
        for name, text in (
            ("寄递企业", delivery.carrier),
            ("邮件号码", delivery.tracking),
            ("自助柜", delivery.cabinet),
            ("箱号", delivery.box),
        )
        if text
    ]
    if delivery.delivered_at:
        rows.append(("送达时间", day_of(delivery.delivered_at)))
    if delivery.receiver:
        relation = f"（{delivery.relation}）" if delivery.relation else ""
        rows.append(("签收人", f"{delivery.receiver}{relation}"))
    if delivery.returned_because:
        rows.append(("未能送达", delivery.returned_because))
    return Paper(
        office=letter.office.name["zh"] if letter.office else "",
        number=letter.number,
        title="送达回证",
        to="",
        text=(),
        rows=tuple(rows),
        after=(),
        signatures=() if delivery.delivered_at else ("受送达人签名：＿＿＿＿＿＿＿＿　　　年　　月　　日",),
        signed_on=day_of(delivery.delivered_at or delivery.sent_at),
        notes=(_NOTE["zh"],) if verify else (),
        qr=verify,
        demo=settings.DEMO,
        at=delivery.delivered_at or delivery.sent_at,
    )
