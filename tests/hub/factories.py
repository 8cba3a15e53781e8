"""People, orders and deliveries for the hub's tests, with defaults."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

from liangwang.base import hats
from liangwang.base.models import Office, Party, Person, Place
from liangwang.base.subjects import new_subject, register_person
from liangwang.hub import actions
from liangwang.hub.models import Batch, Order

AT = datetime(2020, 4, 12, 4, 0, tzinfo=UTC)  # noon in the city
TODAY = date(2020, 4, 12)
HEADS = {
    "fever_clinics": ["就诊号", "身份证号", "姓名", "手机号", "就诊日期", "体温", "核酸结果"],
    "travel": ["票号", "身份证号", "姓名", "手机号", "到达日期", "出发地", "出发地风险等级", "交通方式"],
    "community": [
        "登记号",
        "身份证号",
        "姓名",
        "出生日期",
        "手机号",
        "居委代码",
        "登记日期",
        "居家观察至",
        "是否解除",
    ],
}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def identity_number(n: int, born: date = date(1990, 5, 15), division: str = "310105") -> str:
    """A well-formed identity number of the division, numbered n (0..999)."""
    body = f"{division}{born:%Y%m%d}{n:03d}"
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, WEIGHTS, strict=True)) % 11]


def phone_number(n: int) -> str:
    return f"1380000{n:04d}"


def person(n: int, **fields: Any) -> Person:
    """Person number n: 张一, 张二 …, with an identity number and a phone of her own."""
    given = {
        "name": f"张{'一二三四五六七八九十'[n % 10]}",
        "sex": "f" if n % 2 else "m",
        "birth_on": date(1990, 5, 15),
        "identity": identity_number(n),
        "phone": phone_number(n),
        "at": AT,
        **fields,
    }
    return register_person(**given)


def place(
    code: str = "310105012001", kind: str = "residents_committee", level: str = "neighbourhood"
) -> Place:
    found = Place.objects.filter(code=code).first()
    name = {"zh": "测试居委", "en": "Test neighbourhood"}
    subject = found.subject if found else new_subject("place", at=AT)
    return found or Place.objects.create(subject=subject, code=code, kind=kind, level=level, name=name)


def office(key: str = "health-city", department: str = "health") -> Office:
    found = Office.objects.filter(key=key).first()
    name = {"zh": "卫生健康委", "en": "Health Commission"}
    return found or Office.objects.create(
        key=key,
        name=name,
        department=department,
        kind="department",
        level="city",
        place=place("31", "city", "city"),
    )


def officer(login: str = "officer", role: str = "duty_officer") -> hats.Actor:
    """A party in a post of the health office, as its hat."""
    party, _ = Party.objects.get_or_create(login_name=login)
    post = party.posts.first() or party.posts.create(office=office(), role=role)
    return hats.post_hat(post)


def order(at: datetime = AT, days: int = 60, number: str = "沪府应急〔2020〕1号") -> Order:
    """An order proposed by one and signed by another."""
    proposed = actions.propose_order(
        actor=officer("proposer"),
        number=number,
        title={"zh": "一级响应", "en": "Level I response"},
        basis="demonstration",
        packs=["city_code"],
        starts_at=at - timedelta(days=1),
        ends_at=at + timedelta(days=days),
        at=at,
    )
    return actions.sign_order(proposed, actor=officer("signer"), at=at)


def sheet(source: str, *rows: list[Any], encoding: str = "utf-8") -> bytes:
    """A CSV file of a source with its Chinese header."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADS[source])
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def visit(
    n: int, *, result: str = "negative", days_ago: int = 1, no: str | None = None, **cells: Any
) -> list[Any]:
    """One row of fever_clinics about person n."""
    row = {
        "no": no or f"V{n:05d}",
        "identity": identity_number(n),
        "name": f"张{'一二三四五六七八九十'[n % 10]}",
        "phone": phone_number(n),
        "on": (TODAY - timedelta(days=days_ago)).isoformat(),
        "temperature": "37.2",
        "result": result,
        **cells,
    }
    return list(row.values())


def trip(n: int, *, risk: str = "low", days_ago: int = 3, **cells: Any) -> list[Any]:
    """One row of travel about person n."""
    row = {
        "no": f"T{n:05d}",
        "identity": identity_number(n),
        "name": f"张{'一二三四五六七八九十'[n % 10]}",
        "phone": phone_number(n),
        "on": (TODAY - timedelta(days=days_ago)).isoformat(),
        "from": "演示市",
        "risk": risk,
        "mode": "rail",
        **cells,
    }
    return list(row.values())


def registration(n: int, *, until: date | None = None, released: str = "", **cells: Any) -> list[Any]:
    """One row of community about person n."""
    row = {
        "no": f"R{n:05d}",
        "identity": identity_number(n),
        "name": f"张{'一二三四五六七八九十'[n % 10]}",
        "born": "1990-05-15",
        "phone": phone_number(n),
        "committee": "310105012001",
        "on": (TODAY - timedelta(days=2)).isoformat(),
        "until": until.isoformat() if until else "",
        "released": released,
        **cells,
    }
    return list(row.values())


def delivered(source: str, raw: bytes, at: datetime = AT) -> Batch:
    """A batch received and loaded."""
    batch, _ = actions.receive(
        raw, source=source, name=f"{source}.csv", actor=hats.platform("city_code"), at=at
    )
    return actions.load(batch, at)
