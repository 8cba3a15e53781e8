"""Finds items by what people call them: FTS5 over segmented words, pinyin and aliases, in one derived file."""

import os
import re
import sqlite3
import threading
from pathlib import Path

import rjieba
from django.conf import settings
from pypinyin import lazy_pinyin

from liangwang.base.packs import declarations, version_hash

from . import catalogue
from .compiled import Bound
from .declare import Bundle

_lock = threading.Lock()
_WORD = re.compile(r"[0-9A-Za-z]+|[\u3400-\u9fff]+")
V = 1  # of the index's own form
BUNDLE_FIRST = 1.5  # of matches about as good, the one thing that does it all comes first
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
}


def search(query: str, limit: int = 20) -> list[str]:
    """Keys of the items that match, the best first; [] for a query without a word."""
    words = _terms(query)
    if not words:
        return []
    wanted = " OR ".join(f'"{word}"*' for word in words)
    with sqlite3.connect(f"file:{index_file()}?mode=ro", uri=True) as con:
        rows = con.execute(
            "SELECT key FROM items WHERE items MATCH ? ORDER BY weight * bm25(items, 0, 0, 10, 10, 2, 6, 0.5) LIMIT ?",
            (wanted, limit),
        ).fetchall()
    return [key for (key,) in rows]


def index_file() -> Path:
    """The index of the declarations in force; built anew, by rename, whenever they differ."""
    declared = declarations("items.yaml")
    path: Path = (
        settings.DATA / "search" / f"items-{V}-{version_hash([d.version_hash for d in declared])[:16]}.db"
    )
    if not path.exists():
        with _lock:
            if not path.exists():
                _build(path)
    return path


def _build(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    con = sqlite3.connect(fresh)
    con.execute(
        "CREATE VIRTUAL TABLE items USING fts5"
        "(key UNINDEXED, weight UNINDEXED, name, alias, guide, pinyin, parts, tokenize='unicode61')"
    )
    rows = [_row(catalogue.bound(key)) for key in catalogue.item_keys()]
    con.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
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
    )


def _segmented(text: str) -> str:
    """Words, and every single character beside them, so that a part of a word is found too."""
    words = [word for word in rjieba.cut_for_search(text) if _WORD.fullmatch(word)]
    single = [char for char in text if "\u3400" <= char <= "\u9fff"]
    return " ".join((*words, *single)).lower()


def _pinyin(text: str) -> str:
    """Full pinyin of each word, joined and initial by initial: 出生 → chusheng, cs."""
    found = []
    for word in _WORD.findall(text):
        if "\u3400" <= word[0] <= "\u9fff":
            for part in (word, *rjieba.cut(word)):
                syllables = lazy_pinyin(part)
                found += ["".join(syllables), "".join(s[0] for s in syllables)]
    return " ".join(found).lower()


def _terms(query: str) -> list[str]:
    words = [w.lower() for w in rjieba.cut_for_search(query.strip()[:80]) if _WORD.fullmatch(w)]
    return [w for w in dict.fromkeys(words) if w not in STOP]
