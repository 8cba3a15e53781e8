"""Names of people: width, traditional characters, separators and blanks; surname, given name and pinyin keys.

Characters are folded by OpenCC's table (Apache-2.0), but those that mainland practice keeps stay: the characters of
GB 2312 (乾 is not 干 in a name) and `KEPT`, variants that the table of 2013 restored for names (通用规范汉字表, from
general knowledge: unverified). The tables of surnames and readings beside this file are from general knowledge too;
their frequencies are rounded and unverified. A given name is read by the commonest reading of each character.
"""

import re
import unicodedata
from csv import DictReader
from functools import cache
from importlib.resources import files

import numpy as np
import opencc
import pyarrow as pa
import pyarrow.compute as pc

from .shapes import by_distinct, code_points, holding, text_array

KEPT = "昇陞甦氾"
HAN_RANGES = ((0x3007, 0x3008), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0))
SEPARATOR = "·"
SEPARATORS = re.compile("[.•・‧∙⋅●・･᛫⸱․。。、]+")
HAN_NAME = re.compile(r"[〇㐀-䶿一-鿿\U00020000-\U000323AF]+(?:·[〇㐀-䶿一-鿿\U00020000-\U000323AF]+)*")
LATIN_NAME = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-Ȳ]+(?:[ '-][A-ZÀ-ÖØ-ÞĀ-Ȳ]+)*")
LATIN_JUNK = re.compile(r"[\s.,·]+")
BLANKS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")
WIDEST = 5  # characters of a Han name that are read by columns; longer ones are read one by one
PARTS = pa.schema([(name, pa.string()) for name in ("surname", "given", "pinyin", "initials")])


def column(values: pa.Array) -> pa.Array:
    """Names in simplified characters without blanks; Latin ones in capitals; what is neither stays as it is."""
    values = text_array(values)
    odd = holding(values, _unplain())
    return pc.replace_with_mask(values, odd, by_distinct(values.filter(odd), normal))


def normal(text: str) -> str:
    """One name in its canonical form.

    >>> normal("張　偉"), normal("阿卜杜拉．買買提"), normal("Smith,  John")
    ('张伟', '阿卜杜拉·买买提', 'SMITH JOHN')
    """
    wide = unicodedata.normalize("NFKC", text)
    han = SEPARATORS.sub(SEPARATOR, BLANKS.sub("", wide)).strip(SEPARATOR).translate(folding())
    if HAN_NAME.fullmatch(han):
        return han
    latin = LATIN_JUNK.sub(" ", BLANKS.sub(" ", wide.replace("’", "'")).upper()).strip()
    return latin if LATIN_NAME.fullmatch(latin) else text


def parts(values: pa.Array) -> pa.Table:
    """Of canonical names: surname, given name, pinyin key without tones ("ou yang na na") and initials ("oynn").

    A Latin name has no surname; its key is its sorted words, because sources disagree which name comes first. A name
    with a separator (阿卜杜拉·买买提) has no surname either, and its key is the sound of all of it.
    """
    codes = pc.dictionary_encode(text_array(values))
    return _parts(codes.dictionary).take(codes.indices)


def _parts(names: pa.Array) -> pa.Table:
    points, starts = code_points(names)
    lengths = np.diff(starts)
    han = (
        np.add.reduceat(np.append(~_han()[points], False), starts[:-1]) == 0
        if len(names)
        else np.empty(0, bool)
    )
    ordinary = han & (lengths >= 2) & (lengths <= WIDEST)
    found = _by_columns(names.filter(pa.array(ordinary)), points, starts[:-1][ordinary], lengths[ordinary])
    rest = [_one(text) for text in names.filter(pa.array(~ordinary)).to_pylist()]
    order = np.empty(len(names), np.int64)
    order[np.flatnonzero(ordinary)] = np.arange(found.num_rows)
    order[np.flatnonzero(~ordinary)] = found.num_rows + np.arange(len(rest))
    return pa.concat_tables([found, pa.Table.from_pylist(rest, schema=PARTS)]).combine_chunks().take(order)


def _by_columns(names: pa.Array, points: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> pa.Table:
    """The parts of Han names of two to five characters, one character position at a time."""
    padded = np.append(points, np.zeros(WIDEST, np.uint32)).astype(np.int64)
    letters = padded[starts[:, None] + np.arange(WIDEST)]
    pair = (letters[:, 0] << 32) | letters[:, 1]
    compound = np.isin(pair, np.array(list(_compound_codes()))) & (lengths >= 3)
    surname_sounds, sounds = sounds_of_characters()
    read = sounds[letters]
    read[:, 0] = surname_sounds[letters[:, 0]]
    for code, (first, second) in _compound_codes().items():
        read[compound & (pair == code), :2] = first, second
    spoken = pa.array(syllables())
    initials = pc.utf8_slice_codeunits(spoken, 0, 1)
    missing = np.arange(WIDEST) >= lengths[:, None]
    indices = [pa.array(read[:, i], pa.int32(), mask=missing[:, i]) for i in range(WIDEST)]
    width = pa.array(compound)
    first = pc.if_else(width, pc.utf8_slice_codeunits(names, 0, 2), pc.utf8_slice_codeunits(names, 0, 1))
    given = pc.if_else(width, pc.utf8_slice_codeunits(names, 2), pc.utf8_slice_codeunits(names, 1))
    spelled = [spoken.take(index) for index in indices]
    lettered = [initials.take(index) for index in indices]
    pinyin = pc.binary_join_element_wise(*spelled, " ", null_handling="skip")
    return pa.table(
        [first, given, pinyin, pc.binary_join_element_wise(*lettered, "", null_handling="skip")], schema=PARTS
    )


def _one(text: str | None) -> dict[str, str | None]:
    """The parts of a name that is not two to five Han characters."""
    if not text:
        return dict.fromkeys(PARTS.names)
    if LATIN_NAME.fullmatch(text):
        words = sorted(text.split())
        return {"pinyin": " ".join(words), "initials": "".join(word[0] for word in words).lower()}
    _, sounds = sounds_of_characters()
    read = [syllables()[sounds[ord(c)]] for c in text if _han()[ord(c)]]
    return {"given": text, "pinyin": " ".join(read), "initials": "".join(one[0] for one in read)}


# --- tables --------------------------------------------------------------------------------------------


def _rows(name: str) -> list[dict[str, str]]:
    with (files(__package__) / name).open(encoding="utf-8") as table:
        return list(DictReader(table))


@cache
def _han() -> np.ndarray:
    """Whether a code point is a Han character, bool[0x110000]."""
    found = np.zeros(0x110000, bool)
    for first, after in HAN_RANGES:
        found[first:after] = True
    return found


@cache
def folding() -> dict[int, str]:
    """Traditional characters and what they become, for str.translate."""
    every = [chr(point) for first, after in HAN_RANGES for point in range(first, after)]
    convert = opencc.OpenCC("t2s").convert
    once = convert("\n".join(every))
    # some results are folded again (a variant to a traditional form, that to a simplified one)
    twice = convert(once).split("\n")
    return {
        ord(old): new
        for old, new in zip(every, twice, strict=True)
        if old != new and len(new) == 1 and not _in_gb2312(old) and old not in KEPT
    }


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@cache
def unfolded() -> np.ndarray:
    """Whether a code point is a traditional character that folding changes, bool[0x110000]."""
    found = np.zeros(0x110000, bool)
    found[list(folding())] = True
    return found


@cache
def _unplain() -> np.ndarray:
    """Whether a code point cannot stand in a canonical Han name as it is, bool[0x110000]."""
    found: np.ndarray = unfolded() | ~_han()
    return found


@cache
def _readings() -> tuple[dict[str, str], dict[str, str], dict[str, tuple[str, str]]]:
    """Readings of surnames, of characters in given names, and of compound surnames, where ours differ or must."""
    simple = {row["surname"]: row["pinyin"] for row in _rows("surname_readings.csv")}
    given = {row["character"]: row["pinyin"] for row in _rows("name_readings.csv")}
    compound = {row["surname"]: row["pinyin"].split(" ") for row in _rows("compound_surnames.csv")}
    return simple, given, {name: (first, second) for name, (first, second) in compound.items()}


@cache
def _dictionary() -> dict[int, str]:
    """The first reading of each character in pypinyin's dictionary (MIT), without tone; ü is v."""
    # Here, because they take half a second that only a process that reads names should pay.
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    return {
        point: to_normal(readings.split(",")[0])
        for point, readings in PINYIN_DICT.items()
        if _han()[point] and to_normal(readings.split(",")[0]).isascii()
    }


@cache
def syllables() -> list[str]:
    """Every syllable; the first stands for a character without a known reading."""
    simple, given, compound = _readings()
    ours = {*simple.values(), *given.values(), *(one for pair in compound.values() for one in pair)}
    return ["?", *sorted({*_dictionary().values(), *ours})]


@cache
def sounds_of_characters() -> tuple[np.ndarray, np.ndarray]:
    """The place among `syllables` of each code point, as a surname and in a given name, int32[0x110000] each."""
    place = {syllable: i for i, syllable in enumerate(syllables())}
    simple, given, _ = _readings()
    sounds = np.zeros(0x110000, np.int32)
    for point, syllable in _dictionary().items():
        sounds[point] = place[syllable]
    for character, syllable in given.items():
        sounds[ord(character)] = place[syllable]
    surnames = sounds.copy()
    for character, syllable in simple.items():
        surnames[ord(character)] = place[syllable]
    return surnames, sounds


@cache
def _compound_codes() -> dict[int, tuple[int, int]]:
    """Compound surnames as one number of two code points, with the places of their two syllables."""
    place = {syllable: i for i, syllable in enumerate(syllables())}
    return {
        (ord(name[0]) << 32) | ord(name[1]): (place[first], place[second])
        for name, (first, second) in _readings()[2].items()
    }
