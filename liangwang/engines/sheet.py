"""What papers are drawn with by fpdf2: the cut font, lines that break as Chinese wants it, the seal, the QR code.

The font is cut down to the characters of one paper before fpdf2 sees it: a few milliseconds instead of seconds.
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import pylopdf_fonts_zh_cn as fonts
import segno

if TYPE_CHECKING:
    import uharfbuzz as harfbuzz
    from fpdf import FPDF

RED, BLACK, GREY = (192, 0, 0), (0, 0, 0), (90, 90, 90)
LEFT, RIGHT, TOP, BOTTOM = 28.0, 26.0, 22.0, 14.0  # mm
WIDTH = 210 - LEFT - RIGHT
POINT_MM = 25.4 / 72
BODY_PT, TABLE_PT, SMALL_PT = 16.0, 14.0, 11.0  # 三号, 四号, 小五 and above
QR_MM, SEAL_MM = 26.0, 21.0
MUST_NOT_BEGIN = frozenset("，。、；：！？）〕】》」』”’%,.;:!?)]")
MUST_NOT_END = frozenset("（〔【《「『“‘([")
DEMO = "演示文书，不产生法律效力"
# Neither every glyph nor a character that the font lacks is for the log: it may be of a person's name.
logging.getLogger("fontTools").setLevel(logging.WARNING)
logging.getLogger("fpdf").setLevel(logging.ERROR)


@contextmanager
def blank(
    characters: frozenset[str],
    *,
    title: str,
    author: str,
    at: datetime,
    size: tuple[float, float] | None = None,
) -> Iterator[FPDF]:
    """A document with one empty page, A4 or `size` in mm, whose font holds these characters alone."""
    from fpdf import FPDF  # late, here and below: half a second that only a process that draws should pay

    pdf = FPDF(format=size or "A4")
    pdf.set_auto_page_break(False)
    pdf.set_margins(LEFT, TOP, RIGHT)
    pdf.set_creation_date(at)
    pdf.set_title(title)
    pdf.set_author(author)
    pdf.set_lang("zh-CN")
    with tempfile.NamedTemporaryFile(suffix=".otf") as cut:
        cut.write(_cut(characters))
        cut.flush()
        pdf.add_font("song", fname=cut.name)
        pdf.set_font("song", size=BODY_PT)
        pdf.add_page()
        yield pdf


@cache
def _face() -> harfbuzz.Face:
    import uharfbuzz as harfbuzz

    return harfbuzz.Face(harfbuzz.Blob.from_file_path(str(fonts.serif_path())))


def _cut(characters: frozenset[str]) -> bytes:
    """The font with these characters alone."""
    import uharfbuzz as harfbuzz

    wanted = harfbuzz.SubsetInput()
    wanted.sets(harfbuzz.SubsetInputSets.UNICODE).update({ord(one) for one in characters})
    return bytes(harfbuzz.subset(_face(), wanted).blob.data)


def broken(text: str, width: float, indent: float, measure: Callable[[str], float]) -> Iterator[str]:
    """The lines of a paragraph whose first is indented: Latin words stay whole, no line begins with a closing mark.

    >>> list(broken("一二三，四", 3, 0, len))
    ['一二', '三，四']
    """
    room, line = width - indent, ""
    for piece in _pieces(text):
        if line and not piece.isspace() and measure(line + piece) > room:
            keep = _break(line, piece[0])
            yield line[:keep].rstrip()
            room, line = width, line[keep:].lstrip()
        line += piece
    if line:
        yield line.rstrip()


def _break(line: str, following: str) -> int:
    """How much of a full line stays on it; all of it where every place to break is as bad."""
    for keep in range(len(line), 0, -1):
        if line[keep - 1].isspace():  # a space at the end of a line has no width and hides no mark after it
            continue
        if following not in MUST_NOT_BEGIN and line[keep - 1] not in MUST_NOT_END:
            return keep
        following = line[keep - 1]
    return len(line)


def _pieces(text: str) -> Iterator[str]:
    """Characters one by one, Latin words and numbers whole."""
    word = ""
    for one in text:
        if one.isascii() and not one.isspace() and one not in MUST_NOT_BEGIN:
            word += one
            continue
        if word:
            yield word
            word = ""
        yield one
    if word:
        yield word


class Sheet:
    """A place on a page that moves down, and onto a new page where there is no room left; `left`, `width` in mm."""

    def __init__(
        self, pdf: FPDF, *, left: float = LEFT, width: float = WIDTH, bottom: float = 297 - BOTTOM
    ) -> None:
        self.pdf, self.y, self.left, self.width, self.bottom = pdf, TOP, left, width, bottom

    def need(self, height: float) -> None:
        """Turns the page if so much height (mm) is not left."""
        if self.y + height > self.bottom:
            self.pdf.add_page()
            self.y = TOP

    def measure(self, points: float) -> Callable[[str], float]:
        self.pdf.set_font("song", size=points)
        return lambda text: float(self.pdf.get_string_width(text))

    def line(self, text: str, x: float, points: float, *, bold: bool = False, red: bool = False) -> None:
        """One line at `x`, its base under the present place; bold is the same glyphs with an outline."""
        from fpdf.enums import TextMode

        colour = RED if red else BLACK
        self.pdf.set_font("song", size=points)
        self.pdf.set_text_color(*colour)
        self.pdf.set_draw_color(*colour)
        base = self.y + points * POINT_MM
        mode = TextMode.FILL_STROKE if bold else TextMode.FILL
        with self.pdf.local_context(text_mode=mode, line_width=points * 0.008):
            self.pdf.text(x, base, text)

    def centred(self, text: str, points: float, *, bold: bool = False, red: bool = False) -> None:
        """A heading over as many lines as it needs."""
        for line in broken(text, self.width, 0, self.measure(points)):
            wide = self.measure(points)(line)
            self.line(line, self.left + (self.width - wide) / 2, points, bold=bold, red=red)
            self.y += points * POINT_MM * 1.5

    def paragraph(
        self, text: str, points: float = BODY_PT, *, indent_em: float = 2, spacing: float = 1.75
    ) -> None:
        indent = indent_em * points * POINT_MM
        for number, line in enumerate(broken(text, self.width, indent, self.measure(points))):
            self.need(points * POINT_MM * spacing)
            self.line(line, self.left + (0 if number else indent), points)
            self.y += points * POINT_MM * spacing

    def row(self, name: str, value: str, points: float = TABLE_PT) -> None:
        """A row of a table of two columns, as high as its longer cell."""
        first, pad, step = self.width * 0.28, 2.5, points * POINT_MM * 1.45
        measure = self.measure(points)
        cells = (
            (list(broken(name, first - 2 * pad, 0, measure)), self.left, first),
            (
                list(broken(value, self.width - first - 2 * pad, 0, measure)),
                self.left + first,
                self.width - first,
            ),
        )
        height = max(1, *(len(lines) for lines, _, _ in cells)) * step + pad
        self.need(height)
        top = self.y
        for lines, x, wide in cells:
            self.pdf.set_draw_color(*BLACK)
            self.pdf.set_line_width(0.25)
            self.pdf.rect(x, top, wide, height)
            self.y = top + pad / 2
            for line in lines:
                self.line(line, x + pad, points)
                self.y += step
        self.y = top + height


def draw_seal(pdf: FPDF, office: str, x: float, y: float, *, radius: float = SEAL_MM, demo: bool) -> None:
    """The place of the seal: a circle, a star, the office along the arc; a drawn seal of a demonstration says so."""
    part = radius / SEAL_MM
    with pdf.local_context(fill_opacity=0.75, stroke_opacity=0.75):
        pdf.set_draw_color(*RED)
        pdf.set_fill_color(*RED)
        pdf.set_line_width(1.1 * part)
        pdf.circle(x, y, radius, style="D")
        star = [
            (x + r * math.sin(n * math.pi / 5), y - r * math.cos(n * math.pi / 5))
            for n, r in ((n, (6.2 if n % 2 == 0 else 2.4) * part) for n in range(10))
        ]
        pdf.polygon(star, style="F")
        pdf.set_text_color(*RED)
        points = max(7.0, min(13.0, 150 / max(1, len(office)))) * part
        pdf.set_font("song", size=points)
        span = min(260.0, 22.0 * len(office))
        for number, one in enumerate(office):
            angle = (number + 0.5) / len(office) * span - span / 2
            with pdf.rotation(-angle, x, y):
                pdf.text(x - pdf.get_string_width(one) / 2, y - radius + 1.8 * part + points * POINT_MM, one)
        if demo:
            pdf.set_font("song", size=10 * part)
            pdf.text(x - pdf.get_string_width("演示") / 2, y + radius - 5 * part, "演示")


def draw_qr(pdf: FPDF, text: str, x: float, y: float, *, wide: float = QR_MM) -> None:
    """The code as black squares, joined along each row; `wide` in mm."""
    matrix = segno.make(text, error="m", micro=False).matrix
    side = wide / len(matrix)
    pdf.set_fill_color(*BLACK)
    for number, row in enumerate(matrix):
        start = None
        for place, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = place
            elif not dark and start is not None:
                pdf.rect(x + start * side, y + number * side, (place - start) * side, side, style="F")
                start = None
