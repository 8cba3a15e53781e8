"""Finds items by what people call them: FTS5 over segmented words, pinyin and aliases, in one derived file."""

import itertools
import os
import re
import sqlite3
import threading
from pathlib import Path

from django.conf import settings

from liangwang.base.packs import Declared, declarations, version_hash

from . import catalogue
from .compiled import Bound
from .declare import Bundle, Item

_lock = threading.Lock()
_WORD = re.compile(r"[0-9A-Za-z]+|[\u3400-\u9fff]+")
V = 2  # of the index's own form
BUNDLE_FIRST = 1.5  # of matches about as good, the one thing that does it all comes first
SEPARATOR = "\n"
NAME_LENGTH = 2  # characters that a name has at least to be found within a query
LONGEST = 80  # characters of a query that are read
CJK_FIRST, CJK_LAST = "\u3400", "\u9fff"
STOP = {
    "的",
    "了",
    "我",
    "要",
    "想",
    "怎么",
    "如何",
    "办理",
    "办",
    "需要",
    "什么",
    "吗",
    "请问",
    "给",
    "在",
    "哪里",
    "得",
    "啦",
    "呢",
}


def search(query: str, limit: int = 20) -> list[str]:
    """Keys of the items that match, the best first; [] for a query without a word.

    What is called exactly so comes first, then what people call by words that stand in the query, then the rest by
    weight of its words; of equals the shorter name, which is the plain item before its special cases.
    """
    words = _terms(query)
    if not words:
        return []
    con = _open(index_file())
    rows = con.execute(_FIND, (_any_of(words), CANDIDATES)).fetchall()
    if not rows:
        # Nobody writes every word as it is listed: two characters that stand together are better than nothing.
        rows = con.execute(_FIND, (_pairs(query) or '""', CANDIDATES)).fetchall()
    plain = _plain(query)
    ranked = sorted((_nearness(plain, own, parts), score, len(own), key) for key, score, own, parts in rows)
    return [key for *_, key in ranked[:limit]]


CANDIDATES = 60
_FIND = (
    "SELECT key, weight * bm25(items, 0, 0, 10, 10, 2, 6, 0.5) AS score, own, parts_own FROM items"
    " WHERE items MATCH ? ORDER BY score LIMIT ?"
)
_opened = threading.local()


def _open(path: Path) -> sqlite3.Connection:
    """This thread's connection to the index in force: opening one costs more than a search."""
    held: tuple[Path, sqlite3.Connection] | None = getattr(_opened, "held", None)
    if held is None or held[0] != path:
        if held is not None:
            held[1].close()
        held = _opened.held = path, sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
    return held[1]


def _nearness(plain: str, own: str, parts: str) -> int:
    """0 where the query is a name of it, 1 where it begins one or a name (a bundle's item's also) stands in it, else 2."""
    names = own.split(SEPARATOR)
    if plain in names:
        return 0
    if any(name.startswith(plain) for name in names):
        return 1
    called = (*names, *parts.split(SEPARATOR))
    return 1 if any(name in plain for name in called if len(name) >= NAME_LENGTH) else 2


def _any_of(words: list[str]) -> str:
    return " OR ".join(f'"{word}"*' for word in words)


def _pairs(query: str) -> str:
    """Any two neighbouring characters of the query, as an expression; the index holds single characters in a row."""
    text = [char for char in query[:LONGEST] if CJK_FIRST <= char <= CJK_LAST]
    return " OR ".join(f'"{one} {other}"' for one, other in itertools.pairwise(text))


def _plain(text: str) -> str:
    """A name or query without spaces and signs, in small letters."""
    return "".join(_WORD.findall(text[:LONGEST].lower()))


def index_file() -> Path:
    """The index of the declarations in force; built anew, by rename, whenever they differ."""
    global _file
    declared = declarations("items.yaml")
    # The same declarations are the same list until a file or a desk version changes.
    if _file is None or _file[0] is not declared or _file[1].parent.parent != settings.DATA:
        name = f"items-{V}-{version_hash([d.version_hash for d in declared])[:16]}.db"
        _file = declared, settings.DATA / "search" / name
    path = _file[1]
    if not path.exists():
        with _lock:
            if not path.exists():
                _build(path)
    return path


_file: tuple[list[Declared], Path] | None = None


def _build(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    con = sqlite3.connect(fresh)
    con.execute(
        "CREATE VIRTUAL TABLE items USING fts5"
        "(key UNINDEXED, weight UNINDEXED, name, alias, guide, pinyin, parts, own UNINDEXED, parts_own UNINDEXED,"
        " tokenize='unicode61')"
    )
    rows = [_row(catalogue.bound(key)) for key in catalogue.item_keys()]
    con.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    con.commit()
    con.close()
    fresh.rename(path)
    for old in path.parent.glob("items-*.db"):
        if old != path:
            old.unlink(missing_ok=True)


def _row(bound: Bound) -> tuple[str | float, ...]:
    head = bound.head
    joined = [s.item for s in bound.items] if isinstance(head, Bundle) else []
    parts = " ".join(text for one in joined for text in (one.label["zh"], one.label["en"], *one.aliases))
    names = f"{head.label['zh']} {head.label['en']}"
    alias = " ".join(head.aliases)
    guide = f"{head.guide['zh']} {head.guide['en']}"
    weight = BUNDLE_FIRST if joined else 1.0
    return (
        bound.key,
        weight,
        _segmented(names),
        _segmented(alias),
        _segmented(guide),
        _pinyin(f"{names} {alias}"),
        _segmented(parts),
        _names(bound.head),
        SEPARATOR.join(_names(one) for one in joined),
    )


def _names(one: Item | Bundle) -> str:
    """What it is called, each name plain, the label first."""
    called = (one.label["zh"], one.label["en"], *one.aliases)
    return SEPARATOR.join(dict.fromkeys(_plain(name) for name in called))


def _segmented(text: str) -> str:
    """Words, and every single character beside them, so that a part of a word is found too."""
    import rjieba  # late here and below: half a second that only a process that searches should pay

    words = [word for word in rjieba.cut_for_search(text) if _WORD.fullmatch(word)]
    single = [char for char in text if CJK_FIRST <= char <= CJK_LAST]
    return " ".join((*words, *single)).lower()


def _pinyin(text: str) -> str:
    """Full pinyin of each word, joined and initial by initial: 出生 → chusheng, cs."""
    import rjieba
    from pypinyin import lazy_pinyin

    found = []
    for word in _WORD.findall(text):
        if CJK_FIRST <= word[0] <= CJK_LAST:
            for part in (word, *rjieba.cut(word)):
                syllables = lazy_pinyin(part)
                found += ["".join(syllables), "".join(s[0] for s in syllables)]
    return " ".join(found).lower()


def _terms(query: str) -> list[str]:
    import rjieba

    words = [w.lower() for w in rjieba.cut_for_search(query.strip()[:LONGEST]) if _WORD.fullmatch(w)]
    return [w for w in dict.fromkeys(words) if w not in STOP]
