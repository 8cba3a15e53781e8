"""Text in a picture, by rapidocr (the `[ocr]` extra); without the extra `available()` is false and nobody is offered it.

Run as a program of its own (`python -m liangwang.engines.ocr < picture`), so that the models' memory, and a crash
over a strange picture, stay out of the web process.
"""

import importlib.util
import json
import subprocess
import sys
from functools import cache
from typing import Any, NamedTuple

PATIENCE_S = 30


class Line(NamedTuple):
    """One line as it was read: `score` 0 to 1, `top` and `left` in pixels of the picture."""

    text: str
    score: float
    top: float
    left: float


class NotRead(RuntimeError):
    """The engine failed or took too long; what to do is in the message."""


@cache
def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def check() -> str | None:
    """None where pictures can be read, else what to do."""
    return None if available() else "pip install -r requirements/ocr.txt"


def read(picture: bytes) -> list[Line]:
    """The lines of a picture, from top to bottom; raises NotRead."""
    words = [sys.executable, "-m", "liangwang.engines.ocr"]
    try:
        done = subprocess.run(words, input=picture, capture_output=True, timeout=PATIENCE_S, check=True)
    except subprocess.TimeoutExpired as slow:
        raise NotRead(f"no answer within {PATIENCE_S} s: try a smaller picture") from slow
    except subprocess.CalledProcessError as failed:
        raise NotRead("the picture cannot be read") from failed
    rows = json.loads(done.stdout.splitlines()[-1])
    return [Line(text, score, top, left) for text, score, top, left in rows]


def _read_here(picture: bytes) -> list[tuple[str, float, float, float]]:
    from rapidocr import RapidOCR  # type: ignore[import-not-found,unused-ignore]

    found: Any = RapidOCR()(picture)
    if found.txts is None:
        return []
    rows = [
        (text, float(score), float(min(y for _, y in box)), float(min(x for x, _ in box)))
        for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True)
    ]
    return sorted(rows, key=lambda row: (row[2], row[3]))


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(_read_here(sys.stdin.buffer.read())) + "\n")
