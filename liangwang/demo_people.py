"""Invented people, households and companies: pure data from a seed, valid in form and nobody's in fact.

Every identity number and credit code begins with a division that GB/T 2260 has never assigned (city.toml, [demo]
division: 310199 for Shanghai). Birth date, sequence and check digit are right, so every check of form passes, and no
living person or company can hold one. Phones begin with 1400, a block of 13-digit numbers for machines: with 11
digits it rings nowhere. Every row is marked `demo` besides.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

Random = np.random.Generator


def _words(text: str) -> list[str]:
    return text.split()


# The commonest surnames with their share of the people in per mille: rounded from rankings that the Ministry of Public
# Security has published since 2007 (from general knowledge; the tail is cut off and spread over all).
SURNAMES = _words(
    "王 72 李 70 张 68 刘 54 陈 45 杨 31 黄 23 赵 21 吴 20 周 20 徐 17 孙 15 "
    "马 13 朱 13 胡 12 郭 11 何 11 高 10 林 10 罗 9 郑 9 梁 8 谢 7 宋 7 唐 7 许 "
    "6 韩 6 冯 6 邓 6 曹 6 彭 5 曾 5 肖 5 田 5 董 5 潘 5 袁 5 蔡 5 蒋 5 余 5 于 "
    "5 杜 4 叶 4 程 4 苏 4 魏 4 吕 4 丁 4 任 4 沈 4 姚 4 卢 4 姜 4 崔 4 钟 4 谭 "
    "4 陆 4 汪 3 范 3 金 3 石 3 廖 3 贾 3 夏 3 韦 3 付 3 方 3 白 3 邹 3 孟 3 熊 "
    "3 秦 3 邱 3 江 3 尹 3 薛 3 闫 2 段 2 雷 2 侯 2 龙 2 史 2 陶 2 黎 2 贺 2 顾 "
    "2 毛 2 郝 2 龚 2 邵 2 万 2 钱 2 严 2 覃 2 武 2 戴 2 莫 2 孔 2 向 2 汤 2 欧阳 "
    "1 施 1 殷 1 季 1 倪 1"
)
GIVEN = {  # by sex and by the decade of birth up to which a fashion lasted
    "m": {
        1949: "福生 金根 阿根 德明 荣林 宝根 锦堂 国梁 文彬 永昌",
        1969: "建国 国强 志明 建华 卫东 永康 国平 海根 志刚 建平 伟民 荣根 兴国 和平",
        1989: "伟 磊 勇 强 军 杰 俊 峰 斌 志远 晓东 海波 嘉明 建军 立 鹏 宇 晨",
        2009: "子轩 宇航 俊杰 浩然 天宇 思远 嘉豪 文博 逸飞 晨曦 佳诚 一鸣",
        2999: "沐宸 浩宇 奕辰 宇泽 子墨 铭泽 亦航 景行 知远 予安 梓睿 恩泽",
    },
    "f": {
        1949: "秀英 桂英 阿妹 凤珍 月琴 素珍 巧云 玉兰 招娣 惠芬",
        1969: "丽华 秀兰 建英 美芳 国英 惠珍 佩芬 月华 玲娣 慧敏 雅芳 红梅",
        1989: "敏 静 丽 芳 燕 艳 霞 娟 洁 晓 婷婷 晓燕 佳 雯 莉莉 海燕 倩 蕾",
        2009: "思雨 欣怡 佳怡 梦婷 雨欣 诗涵 可欣 嘉怡 雅琪 子涵 心怡 语嫣",
        2999: "若汐 一诺 沐瑶 梓涵 依诺 语桐 书瑶 清妍 安歌 念初 苡沫 可昕",
    },
}
TRADES = _words(
    "信息科技 餐饮管理 文化传播 商务咨询 建筑工程 物业管理 医疗器械 国际贸易 教育科技 供应链管理 "
    "广告 服装 食品"
)
BRANDS = _words("申 浦 沪 江 海 华 润 和 盛 达 安 康 泰 源 新 瑞 嘉 恒 博 远 明 宏 信 乐 佳")
CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
ADULT = 18


def identity_number(division: str, birth_on: date, sequence: int) -> str:
    """An 18-character identity number; an odd `sequence` (0-999) is a man's (GB 11643-1999, ISO 7064 MOD 11-2).

    >>> identity_number("110105", date(1949, 12, 31), 2)
    '11010519491231002X'
    """
    body = f"{division}{birth_on:%Y%m%d}{sequence:03d}"
    return body + "10X98765432"[sum(w * int(c) for w, c in zip(CHECK_WEIGHTS, body, strict=True)) % 11]


def credit_code(division: str, number: int) -> str:
    """An 18-character unified social credit code of a company (GB 32100-2015; MOD 31 over MOD 11).

    >>> credit_code("310199", 1)
    '91310199000000019B'
    """
    body = f"{number:08d}"
    check = -sum(w * int(c) for w, c in zip(ORGANISATION_WEIGHTS, body, strict=True)) % 11
    text = f"91{division}{body}{'X' if check == 10 else check}"
    total = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(text))
    return text + CREDIT_ALPHABET[-total % 31]


class Numbers:
    """Hands out identity numbers of one division, each once: the next free sequence of a birth date and sex."""

    def __init__(self, division: str) -> None:
        self.division = division
        self._used: Counter[tuple[date, str]] = Counter()

    def next(self, birth_on: date, sex: str) -> str:
        n = self._used[birth_on, sex]
        if n >= 500:
            raise ValueError(f"more than 500 people of one sex born on {birth_on}: spread the birth dates")
        self._used[birth_on, sex] += 1
        return identity_number(self.division, birth_on, 2 * n + (sex == "m"))


class Home(NamedTuple):
    """Where a household lives: the code of its neighbourhood and the address as Shanghai writes it."""

    place: str
    address: str


class Human(NamedTuple):
    """An invented person; `parents` are positions in the same list."""

    name: str
    sex: str
    birth_on: date
    identity: str
    phone: str | None
    home: Home
    household: int
    spouse: int | None = None
    parents: tuple[int, ...] = ()


class Street(NamedTuple):
    """Where people may live: roads of a street, and its neighbourhoods."""

    prefix: str  # 上海市长宁区
    roads: Sequence[str]
    neighbourhoods: Sequence[str]


def people(
    n: int, *, seed: int, on: date, streets: Sequence[Street], numbers: Numbers, share_first: float = 0.6
) -> list[Human]:
    """`n` people in households, most in the first street; a larger `n` of the same seed begins with the same people."""
    random = np.random.default_rng(seed)
    surnames, weights = _surnames()
    found: list[Human] = []
    household = 0
    while len(found) < n:
        street = streets[0] if random.random() < share_first else streets[int(random.integers(len(streets)))]
        home = _home(random, street)
        found += _household(random, household, len(found), home, on, numbers, surnames, weights)
        household += 1
    # A household cut short by `n` would leave a spouse or parent that is not there.
    return [_within(human, n) for human in found[:n]]


def _within(human: Human, n: int) -> Human:
    spouse = human.spouse if human.spouse is not None and human.spouse < n else None
    return human._replace(spouse=spouse)


def _surnames() -> tuple[list[str], list[float]]:
    shares = [int(share) for share in SURNAMES[1::2]]
    return SURNAMES[::2], [share / sum(shares) for share in shares]


def given_name(random: Random, sex: str, year: int) -> str:
    """A given name in the fashion of a year of birth."""
    until = next(limit for limit in GIVEN[sex] if year <= limit)
    return str(random.choice(GIVEN[sex][until].split()))


def _home(random: Random, street: Street) -> Home:
    i = int(random.integers(len(street.neighbourhoods)))
    # A road passes few neighbourhoods: the same ones always, so that neighbours share a road.
    road = street.roads[(i + int(random.integers(2))) % len(street.roads)]
    lane, number, floor = random.integers(10, 1500), random.integers(1, 60), random.integers(1, 19)
    room = f"{floor}{random.integers(1, 7):02d}室"
    return Home(street.neighbourhoods[i], f"{street.prefix}{road}{lane}弄{number}号{room}")


def _household(
    random: Random, household: int, first: int, home: Home, on: date, numbers: Numbers,
    surnames: Sequence[str], weights: Sequence[float],
) -> Iterator[Human]:  # fmt: skip
    """One person, a couple, a couple with one or two children, and now and then a grandparent."""

    def someone(age: float, sex: str, surname: str | None = None) -> Human:
        born = on - timedelta(days=int(age * 365.25) + int(random.integers(0, 365)))
        family = surname or str(random.choice(surnames, p=weights))
        name = family + given_name(random, sex, born.year)
        phone = f"1400{random.integers(0, 10_000_000):07d}" if age >= 14 else None
        return Human(name, sex, born, numbers.next(born, sex), phone, home, household)

    form = random.random()
    if form < 0.25:
        yield someone(float(random.uniform(20, 92)), "m" if random.random() < 0.5 else "f")
        return
    age = float(random.triangular(23, 44, 88) if form < 0.6 else random.triangular(24, 37, 54))
    father = someone(age + float(random.uniform(0, 4)), "m")
    mother = someone(age, "f")
    yield father._replace(spouse=first + 1)
    yield mother._replace(spouse=first)
    if form < 0.6:
        return
    for _ in range(1 if random.random() < 0.7 else 2):
        sex = "m" if random.random() < 0.52 else "f"
        child_age = float(random.uniform(0, max(0.5, min(17.0, age - 22))))
        child = someone(child_age, sex, father.name[: 2 if father.name.startswith("欧阳") else 1])
        yield child._replace(parents=(first, first + 1))
    if random.random() < 0.25:
        yield someone(age + float(random.uniform(24, 32)), "f")


class Firm(NamedTuple):
    """An invented company; `owner` is a position in the list of people."""

    name: str
    credit_code: str
    owner: int
    place: str


def firms(n: int, *, seed: int, humans: Sequence[Human], on: date, division: str, city: str) -> list[Firm]:
    """`n` companies, each of one adult, seated in the owner's street."""
    random = np.random.default_rng([seed, 2])
    adults = [i for i, h in enumerate(humans) if (on - h.birth_on).days > ADULT * 366]
    found = []
    for number in range(1, n + 1):
        owner = adults[int(random.integers(len(adults)))]
        brand = "".join(str(b) for b in random.choice(BRANDS, 2, replace=False))
        name = f"{city}{brand}{random.choice(TRADES)}有限公司"
        found.append(Firm(name, credit_code(division, number), owner, humans[owner].home.place[:9]))
    return found
