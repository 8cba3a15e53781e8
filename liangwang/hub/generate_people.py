"""Invented people, companies and vehicles of any number: everything about number i is computed from i, nothing is kept.

Identity numbers and credit codes begin with a division that GB/T 2260 has never assigned (city.toml, [demo]), so they
are right in form and nobody's. Phones begin with 140, which rings nowhere. Strangers are people beyond the register.
"""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

Rows = np.ndarray  # int64[n]: who or what stands in each row
Letters = np.ndarray  # uint8[n, width]: one text in each row

BORN_FROM, BORN_DAYS = np.datetime64("1929-01-01", "D"), 33_000  # to 2019-05-08
PER_DAY = 1000  # sequences of one division and birth date
MOST_PEOPLE = BORN_DAYS * PER_DAY // 2  # the other half are strangers
IDENTITY_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])  # GB 11643-1999
IDENTITY_CHECKS = np.frombuffer(b"10X98765432", np.uint8)
CREDIT_ALPHABET = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", np.uint8)  # GB 32100-2015
CREDIT_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)])
ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])  # GB 11714-1997

# The commonest surnames and how many of a thousand people bear them, rounded (general knowledge), and characters of
# given names from the commonest to the rarest. Frequencies of names matter for linkage: its own bench has finer ones.
SURNAMES = (
    "王72李70张68刘54陈45杨31黄23赵21吴20周20徐17孙15马13朱13胡12郭11何11高10林10罗9郑9梁8谢7宋7唐7许6韩6冯6邓6曹6彭5曾5肖5田5"
    "董5潘5袁5蔡5蒋5余5于5杜4叶4程4苏4魏4吕4丁4任4沈4姚4卢4姜4崔4钟4谭4陆4汪3范3金3石3廖3贾3夏3韦3方3白3邹3孟3熊3秦3邱3江3尹3"
    "薛3闫2段2雷2侯2龙2史2陶2黎2贺2顾2毛2郝2龚2邵2万2钱2严2覃2武2戴2莫2孔2向2汤2施1殷1季1倪1"
)
GIVEN = (
    "英华玉秀明文国建志红春海丽伟平军金梅荣生芳霞永林兰桂德庆云东晓民光福新成美小立杰宏龙淑珍敏强艳静雪峰燕胜清飞"
    "宝波辉勇斌萍学俊子佳慧洪丹琴娟凤莉莲瑞振鹏雅思宇天嘉涛超欣雨婷浩然梓涵轩泽怡琪诗诚博阳悦颖琳晨曦铭凯锋磊"
)
LANES = (
    "愚园路",
    "长宁路",
    "江苏路",
    "镇宁路",
    "宣化路",
    "延安西路",
    "武定西路",
    "华山路",
    "安西路",
    "利西路",
)
REGION_CODES = np.array(
    [list(code) for code in (b"420100", b"330100", b"320100", b"110100", b"440100")], np.uint8
)


def mixed(numbers: Rows, salt: int) -> np.ndarray:
    """A well-spread unsigned 64-bit number of each number (SplitMix64), the same everywhere: uint64[n]."""
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def digits(numbers: Rows, width: int) -> Letters:
    """Decimal digits with leading zeros: uint8[n, width]."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return ((numbers[:, None] // powers) % 10 + ord("0")).astype(np.uint8)


def texts(letters: Letters) -> pa.Array:
    """Each row of letters as a text of the whole width."""
    n, width = letters.shape
    offsets = pa.array(np.arange(0, (n + 1) * width, width, dtype=np.int32))
    return pa.StringArray.from_buffers(
        n, offsets.buffers()[1], pa.py_buffer(np.ascontiguousarray(letters).data)
    )


def fixed(text: str, n: int) -> Letters:
    """The same text in each of n rows."""
    return np.tile(np.frombuffer(text.encode(), np.uint8), (n, 1))


def identity_letters(division: str, births: np.ndarray, sequences: Rows) -> Letters:
    """Identity numbers with their check digit (GB 11643-1999): uint8[n, 18]."""
    day = np.char.encode(np.datetime_as_string(_CALENDAR), "ascii").view(np.uint8).reshape(-1, 10)
    day = day[:, [0, 1, 2, 3, 5, 6, 8, 9]][(births - BORN_FROM).astype(np.int64)]
    body = np.hstack([fixed(division, len(births)), day, digits(sequences, 3)])
    return with_check_digit(body)


def with_check_digit(body: Letters) -> Letters:
    """Seventeen digits and the check digit that belongs to them."""
    sums = (body.astype(np.int32) - ord("0")) @ IDENTITY_WEIGHTS.astype(np.int32)
    return np.hstack([body, IDENTITY_CHECKS[sums % 11][:, None]])


_CALENDAR = BORN_FROM + np.arange(BORN_DAYS)


@dataclass(frozen=True)
class People:
    """A register of `size` invented people with subject ids from `first` on; numbers from `size` on are strangers."""

    size: int
    seed: int
    division: str
    first: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST_PEOPLE:
            raise ValueError(f"a register has 1 to {MOST_PEOPLE:,} people")

    @property
    def companies(self) -> int:
        """How many companies there are: the article's 2.04 million of 14.41 million people, in proportion."""
        return max(1, self.size // 7)

    def births(self, who: Rows) -> np.ndarray:
        """Dates of birth: datetime64[D][n]."""
        # coprime: neighbours in number are not born on neighbouring days
        days: np.ndarray = BORN_FROM + who * 7919 % BORN_DAYS
        return days

    def sequences(self, who: Rows) -> Rows:
        """The last three digits before the check digit: each once among the people of one birth date."""
        day = who * 7919 % BORN_DAYS
        shift = (mixed(day, self.seed) % np.uint64(PER_DAY)).astype(np.int64)
        found: Rows = (who // BORN_DAYS * 619 + shift) % PER_DAY
        return found

    def women(self, who: Rows) -> np.ndarray:
        """bool[n]."""
        even: np.ndarray = self.sequences(who) % 2 == 0
        return even

    def identities(self, who: Rows) -> Letters:
        """uint8[n, 18], no two people alike."""
        return identity_letters(self.division, self.births(who), self.sequences(who))

    def phones(self, who: Rows) -> Letters:
        """uint8[n, 11], no two people alike: 140 and eight digits."""
        numbers = (who * 61_803_397 + self.seed * 7) % 100_000_000  # coprime to 10**8
        return np.hstack([fixed("140", len(who)), digits(numbers, 8)])

    def names(self, who: Rows) -> pa.Array:
        """Names of two or three characters by real frequencies of surnames; older people have two more often."""
        dice = mixed(who, self.seed + 1)
        surname = _SURNAME_OF[(dice % np.uint64(len(_SURNAME_OF))).astype(np.int64)]
        first = _GIVEN_OF[(dice >> np.uint64(20)) % np.uint64(len(_GIVEN_OF))]
        second = _GIVEN_OF[(dice >> np.uint64(40)) % np.uint64(len(_GIVEN_OF))]
        short = (dice >> np.uint64(56)) % np.uint64(6) == 0
        return _joined(np.hstack([surname, first, second]), np.where(short, 6, 9))

    def addresses(self, who: Rows) -> pa.Array:
        """Where each lives, as Shanghai writes it: 江苏路123弄4号502室."""
        dice = mixed(who // 2, self.seed + 2)
        road = pa.array(LANES).take(pa.array((dice % np.uint64(len(LANES))).astype(np.int64)))
        lane = 10 + (dice >> np.uint64(8)) % np.uint64(1490)
        house = 1 + (dice >> np.uint64(24)) % np.uint64(60)
        floor = 1 + (dice >> np.uint64(34)) % np.uint64(18)
        room = floor * np.uint64(100) + 1 + (dice >> np.uint64(44)) % np.uint64(6)
        parts = [road, _text(lane), "弄", _text(house), "号", _text(room), "室", ""]
        return pa.compute.binary_join_element_wise(*parts)

    def credit_codes(self, which: Rows) -> Letters:
        """Unified social credit codes with both check characters (GB 32100-2015): uint8[n, 18]."""
        body = digits(which + 1, 8)
        inner = -((body.astype(np.int32) - ord("0")) @ ORGANISATION_WEIGHTS.astype(np.int32)) % 11
        inner_letter = np.where(inner == 10, ord("X"), inner + ord("0")).astype(np.uint8)
        text = np.hstack([fixed(f"91{self.division}", len(which)), body, inner_letter[:, None]])
        check = -(_CREDIT_VALUE[text] @ CREDIT_WEIGHTS) % 31
        return np.hstack([text, CREDIT_ALPHABET[check][:, None]])

    def plates(self, which: Rows) -> pa.Array:
        """Number plates 沪A and five digits, after 2.4 million four and a letter: no two alike below 8,160,000 vehicles."""
        letters = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVWXYZ", np.uint8)
        numbers, lettered = 24 * 100_000, 24 * 24 * 10_000
        which = which % (numbers + lettered)
        late = which - numbers
        five = digits(np.where(late < 0, which % 100_000, late % 10_000 * 10), 5)
        five[late >= 0, 4] = letters[late[late >= 0] // 10_000 % 24]
        place = letters[np.where(late < 0, which // 100_000, late // 240_000) % 24][:, None]
        return texts(np.hstack([fixed("沪", len(which)), place, five]))


def _pool(weighted: str) -> np.ndarray:
    """One row of UTF-8 letters for each in a thousand: a draw from it follows the shares."""
    shares = re.findall(r"(\D)(\d+)", weighted)
    return np.array([list(name.encode()) for name, share in shares for _ in range(int(share))], np.uint8)


def _zipf(letters: str, size: int = 4096) -> np.ndarray:
    """Given-name characters, the k-th about 1/(k + 8) as frequent as the first: uint8[size, 3]."""
    weights = 1 / (np.arange(len(letters)) + 8)
    counts = np.maximum(1, np.round(weights / weights.sum() * size)).astype(int)
    return np.array(
        [list(c.encode()) for c, n in zip(letters, counts, strict=True) for _ in range(n)], np.uint8
    )


def _joined(letters: Letters, lengths: np.ndarray) -> pa.Array:
    """Texts of different lengths, the first `lengths[i]` bytes of each row."""
    kept = letters[np.arange(letters.shape[1]) < lengths[:, None]]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    return pa.StringArray.from_buffers(len(lengths), offsets.buffers()[1], pa.py_buffer(kept.data))


def _text(numbers: np.ndarray) -> pa.Array:
    return pa.compute.cast(pa.array(numbers), pa.string())


_SURNAME_OF = _pool(SURNAMES)
_GIVEN_OF = _zipf(GIVEN)
_CREDIT_VALUE = np.zeros(256, np.int64)
_CREDIT_VALUE[CREDIT_ALPHABET] = np.arange(31)
