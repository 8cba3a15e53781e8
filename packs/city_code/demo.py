"""Three offices' files for a demo: invented records of the demo's people, some rows of them wrong on purpose."""

import csv
import io
import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

HEADS = {
    "fever_clinics": ("就诊号", "证件号码", "姓名", "联系电话", "就诊日期", "体温", "核酸结果"),
    "travel": ("票号", "证件号码", "姓名", "联系电话", "到达日期", "出发地", "出发地风险等级", "交通方式"),
    "community": (
        "登记号",
        "证件号码",
        "姓名",
        "出生日期",
        "联系电话",
        "居委代码",
        "登记日期",
        "居家观察至",
        "是否解除",
    ),
}
REGIONS = (("湖北武汉", "high"), ("黑龙江绥芬河", "medium"), ("江苏苏州", "low"), ("浙江杭州", "low"))


class Someone(NamedTuple):
    """What a delivery says of a person; `committee` is the code of the neighbourhood."""

    name: str
    identity: str
    phone: str
    born_on: date
    committee: str


def files(people: Sequence[Someone], *, seed: int, today: date) -> dict[str, bytes]:
    """One CSV file for each source: about a third of the people in each, one row in forty wrong."""
    dice = random.Random(f"city_code {seed} {today}")
    rows = {
        "fever_clinics": [_visit(dice, n, who, today) for n, who in enumerate(_some(dice, people, 8))],
        "travel": [_trip(dice, n, who, today) for n, who in enumerate(_some(dice, people, 3))],
        "community": [_registration(dice, n, who, today) for n, who in enumerate(_some(dice, people, 4))],
    }
    return {source: _sheet(dice, source, found) for source, found in rows.items()}


def _some(dice: random.Random, people: Sequence[Someone], one_in: int) -> list[Someone]:
    return [who for who in people if dice.randrange(one_in) == 0]


def _ago(dice: random.Random, today: date, most: int) -> str:
    return (today - timedelta(days=dice.randrange(most))).isoformat()


def _visit(dice: random.Random, n: int, who: Someone, today: date) -> list[str]:
    result = dice.choices(["negative", "pending", "positive"], [88, 10, 2])[0]
    number = f"F{today:%Y%m%d}{n:05d}"
    return [
        number,
        who.identity,
        who.name,
        who.phone,
        _ago(dice, today, 10),
        f"{dice.gauss(37.2, 0.5):.1f}",
        result,
    ]


def _trip(dice: random.Random, n: int, who: Someone, today: date) -> list[str]:
    region, risk = dice.choices(REGIONS, [2, 5, 50, 43])[0]
    mode = dice.choice(["rail", "air", "road"])
    number = f"T{today:%Y%m%d}{n:05d}"
    return [number, who.identity, who.name, who.phone, _ago(dice, today, 14), region, risk, mode]


def _registration(dice: random.Random, n: int, who: Someone, today: date) -> list[str]:
    observed = dice.randrange(30) == 0
    until = (today + timedelta(days=dice.randrange(1, 12))).isoformat() if observed else ""
    # Some forms come without the identity number: such a row is linked by name, birth date and phone together.
    identity = "" if dice.randrange(12) == 0 else who.identity
    number = f"C{today:%Y%m%d}{n:05d}"
    born = who.born_on.isoformat()
    return [number, identity, who.name, born, who.phone, who.committee, _ago(dice, today, 20), until, ""]


def _sheet(dice: random.Random, source: str, rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADS[source])
    for row in rows:
        writer.writerow(_spoiled(dice, row) if dice.randrange(40) == 0 else row)
    return out.getvalue().encode("gb18030" if source == "travel" else "utf-8-sig")


def _spoiled(dice: random.Random, row: list[str]) -> list[str]:
    """A row as it comes from a tired clerk: a digit wrong, a cell missing, a date of next year, two at once."""
    wrong = list(row)
    for kind in dice.sample(["digit", "name", "phone", "cell"], dice.choice([1, 1, 2])):
        if kind == "digit" and len(wrong[1]) == 18:
            wrong[1] = wrong[1][:9] + str((int(wrong[1][9]) + 1) % 10) + wrong[1][10:]
        elif kind == "name":
            wrong[2] = ""
        elif kind == "phone":
            wrong[4 if len(row) == 9 else 3] = "021-1234"
        elif kind == "cell":
            wrong = wrong[:-1]
    return wrong
