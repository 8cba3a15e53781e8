"""Official papers as PDF: one A4 layout (red head, number, addressee, body, seal, remedies, QR) by fpdf2, Chinese font inside.

The font is cut down to the characters of one paper before fpdf2 sees it: a few milliseconds instead of seconds. The
same paper gives the same bytes.
"""

import logging
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pylopdf_fonts_zh_cn as fonts
import segno
import uharfbuzz as harfbuzz
from fpdf import FPDF
from fpdf.enums import TextMode

RED, BLACK, GREY = (192, 0, 0), (0, 0, 0), (90, 90, 90)
LEFT, RIGHT, TOP, BOTTOM = 28.0, 26.0, 22.0, 14.0  # mm
WIDTH = 210 - LEFT - RIGHT
POINT_MM = 25.4 / 72
BODY_PT, TABLE_PT, SMALL_PT = 16.0, 14.0, 11.0  # 三号, 四号, 小五 and above
QR_MM, SEAL_MM = 26.0, 21.0
MUST_NOT_BEGIN = frozenset("，。、；：！？）〕】》」』”’%,.;:!?)]")
MUST_NOT_END = frozenset("（〔【《「『“‘([")
# Neither every glyph nor a character that the font lacks is for the log: it may be of a person's name.
logging.getLogger("fontTools").setLevel(logging.WARNING)
logging.getLogger("fpdf").setLevel(logging.ERROR)
DEMO = "演示文书，不产生法律效力"


@dataclass(frozen=True, kw_only=True)
class Paper:
    """What stands on a paper, from top to bottom; `rows` is a table of two columns between the two runs of text."""

    office: str
    number: str
    title: str
    to: str
    text: tuple[str, ...]
    rows: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()
    signed_on: str
    remedies: str = ""
    notes: tuple[str, ...] = ()
    qr: str = ""
    demo: bool = False
    signatures: tuple[str, ...] = ()  # lines to be signed by hand, such as a receiver's
    at: datetime


def render(paper: Paper) -> bytes:
    """The paper as PDF; raises nothing for characters that the font lacks: they show as boxes."""
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margins(LEFT, TOP, RIGHT)
    pdf.set_creation_date(paper.at)
    pdf.set_title(f"{paper.title} {paper.number}")
    pdf.set_author(paper.office)
    pdf.set_lang("zh-CN")
    with tempfile.NamedTemporaryFile(suffix=".otf") as cut:
        cut.write(_cut(_characters(paper)))
        cut.flush()
        pdf.add_font("song", fname=cut.name)
        pdf.set_font("song", size=BODY_PT)
        pdf.add_page()
        sheet = _Sheet(pdf)
        _head(sheet, paper)
        _body(sheet, paper)
        _sign(sheet, paper)
        _foot(sheet, paper)
        return bytes(pdf.output())


@cache
def _face() -> harfbuzz.Face:
    return harfbuzz.Face(harfbuzz.Blob.from_file_path(str(fonts.serif_path())))


def _cut(characters: frozenset[str]) -> bytes:
    """The font with these characters alone."""
    wanted = harfbuzz.SubsetInput()
    wanted.sets(harfbuzz.SubsetInputSets.UNICODE).update({ord(one) for one in characters})
    return bytes(harfbuzz.subset(_face(), wanted).blob.data)


def _characters(paper: Paper) -> frozenset[str]:
    cells = [cell for row in paper.rows for cell in row]
    texts = (paper.office, paper.number, paper.title, paper.to, paper.signed_on, paper.remedies, DEMO)
    lists = (paper.text, cells, paper.after, paper.notes, paper.signatures)
    return frozenset("".join([*texts, *("".join(one) for one in lists)])) | set("：救济途径　演示")


def broken(text: str, width: float, indent: float, measure: Callable[[str], float]) -> Iterator[str]:
    """The lines of a paragraph whose first is indented: Latin words stay whole, no line begins with a closing mark.

    >>> list(broken("一二三，四", 3, 0, len))
    ['一二', '三，四']
    """
    room, line = width - indent, ""
    for piece in _pieces(text):
        if line and measure(line + piece) > room:
            keep = _break(line, piece[0])
            yield line[:keep].rstrip()
            room, line = width, line[keep:]
            if not line:
                piece = piece.lstrip()
        line += piece
    if line:
        yield line.rstrip()


def _break(line: str, following: str) -> int:
    """How much of a full line stays on it; all of it where every place to break is as bad."""
    for keep in range(len(line), 0, -1):
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


class _Sheet:
    """A place on a page that moves down, and onto a new page where there is no room left."""

    def __init__(self, pdf: FPDF) -> None:
        self.pdf, self.y = pdf, TOP

    def need(self, height: float) -> None:
        """Turns the page if so much height (mm) is not left."""
        if self.y + height > 297 - BOTTOM:
            self.pdf.add_page()
            self.y = TOP

    def measure(self, points: float) -> Callable[[str], float]:
        self.pdf.set_font("song", size=points)
        return lambda text: float(self.pdf.get_string_width(text))

    def line(self, text: str, x: float, points: float, *, bold: bool = False, red: bool = False) -> None:
        """One line at `x`, its base under the present place; bold is the same glyphs with an outline."""
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
        for line in broken(text, WIDTH, 0, self.measure(points)):
            wide = self.measure(points)(line)
            self.line(line, LEFT + (WIDTH - wide) / 2, points, bold=bold, red=red)
            self.y += points * POINT_MM * 1.5

    def paragraph(
        self, text: str, points: float = BODY_PT, *, indent_em: float = 2, spacing: float = 1.75
    ) -> None:
        indent = indent_em * points * POINT_MM
        for number, line in enumerate(broken(text, WIDTH, indent, self.measure(points))):
            self.need(points * POINT_MM * spacing)
            self.line(line, LEFT + (0 if number else indent), points)
            self.y += points * POINT_MM * spacing


def _head(sheet: _Sheet, paper: Paper) -> None:
    points = 30.0
    while points > 20 and sheet.measure(points)(paper.office) > WIDTH:
        points -= 1
    sheet.centred(paper.office, points, bold=True, red=True)
    sheet.y += 3
    sheet.centred(paper.number, TABLE_PT)
    sheet.pdf.set_draw_color(*RED)
    sheet.pdf.set_line_width(0.7)
    sheet.pdf.line(LEFT, sheet.y + 1, LEFT + WIDTH, sheet.y + 1)
    sheet.y += 10
    sheet.centred(paper.title, 21, bold=True)
    sheet.y += 5


def _body(sheet: _Sheet, paper: Paper) -> None:
    if paper.to:
        sheet.paragraph(f"{paper.to}：", indent_em=0)
    for text in paper.text:
        sheet.paragraph(text)
    if paper.rows:
        sheet.y += 2
        for name, value in paper.rows:
            _row(sheet, name, value)
        sheet.y += 3
    for text in paper.after:
        sheet.paragraph(text)
    for text in paper.signatures:
        sheet.y += 4
        sheet.paragraph(text, indent_em=0)


def _row(sheet: _Sheet, name: str, value: str) -> None:
    """A row of the table, as high as its longer cell."""
    first, pad, step = WIDTH * 0.28, 2.5, TABLE_PT * POINT_MM * 1.45
    measure = sheet.measure(TABLE_PT)
    cells = (
        (list(broken(name, first - 2 * pad, 0, measure)), LEFT, first),
        (list(broken(value, WIDTH - first - 2 * pad, 0, measure)), LEFT + first, WIDTH - first),
    )
    height = max(1, *(len(lines) for lines, _, _ in cells)) * step + pad
    sheet.need(height)
    top = sheet.y
    for lines, x, wide in cells:
        sheet.pdf.set_draw_color(*BLACK)
        sheet.pdf.set_line_width(0.25)
        sheet.pdf.rect(x, top, wide, height)
        sheet.y = top + pad / 2
        for line in lines:
            sheet.line(line, x + pad, TABLE_PT)
            sheet.y += step
    sheet.y = top + height


def _sign(sheet: _Sheet, paper: Paper) -> None:
    """The office and the date at the right, under the seal."""
    sheet.need(2 * SEAL_MM + 8)
    sheet.y += 6
    middle = LEFT + WIDTH - 42
    centre = sheet.y + SEAL_MM
    _seal(sheet.pdf, paper, middle, centre)
    for offset, text in ((-6.0, paper.office), (4.0, paper.signed_on)):
        points = BODY_PT
        while points > 9 and sheet.measure(points)(text) > 84:
            points -= 0.5
        sheet.y = centre + offset
        sheet.line(text, middle - sheet.measure(points)(text) / 2, points)
    sheet.y = centre + SEAL_MM + 2


def _seal(pdf: FPDF, paper: Paper, x: float, y: float) -> None:
    """The place of the seal: a circle, a star, the office along the arc; a drawn seal of a demonstration says so."""
    with pdf.local_context(fill_opacity=0.75, stroke_opacity=0.75):
        pdf.set_draw_color(*RED)
        pdf.set_fill_color(*RED)
        pdf.set_line_width(1.1)
        pdf.circle(x, y, SEAL_MM, style="D")
        star = [
            (x + r * math.sin(n * math.pi / 5), y - r * math.cos(n * math.pi / 5))
            for n, r in ((n, 6.2 if n % 2 == 0 else 2.4) for n in range(10))
        ]
        pdf.polygon(star, style="F")
        pdf.set_text_color(*RED)
        points = max(7.0, min(13.0, 150 / max(1, len(paper.office))))
        pdf.set_font("song", size=points)
        span = min(260.0, 22.0 * len(paper.office))
        for number, one in enumerate(paper.office):
            angle = (number + 0.5) / len(paper.office) * span - span / 2
            with pdf.rotation(-angle, x, y):
                pdf.text(x - pdf.get_string_width(one) / 2, y - SEAL_MM + 1.8 + points * POINT_MM, one)
        if paper.demo:
            pdf.set_font("song", size=10)
            pdf.text(x - pdf.get_string_width("演示") / 2, y + SEAL_MM - 5, "演示")


def _foot(sheet: _Sheet, paper: Paper) -> None:
    """Remedies and notes at the foot of the last page, beside the code by which anyone verifies the paper."""
    texts = [*([f"救济途径　{paper.remedies}"] if paper.remedies else []), *paper.notes]
    texts += [DEMO] if paper.demo else []
    wide = WIDTH - (QR_MM + 6 if paper.qr else 0)
    step = SMALL_PT * POINT_MM * 1.55
    lines = [line for text in texts for line in broken(text, wide, 0, sheet.measure(SMALL_PT))]
    height = max(len(lines) * step, QR_MM if paper.qr else 0) + 5
    sheet.need(height)
    sheet.y = max(sheet.y, 297 - BOTTOM - height)
    sheet.pdf.set_draw_color(*GREY)
    sheet.pdf.set_line_width(0.2)
    sheet.pdf.line(LEFT, sheet.y, LEFT + WIDTH, sheet.y)
    sheet.y += 3
    if paper.qr:
        _qr(sheet.pdf, paper.qr, LEFT + WIDTH - QR_MM, sheet.y)
    for line in lines:
        sheet.line(line, LEFT, SMALL_PT)
        sheet.y += step


def _qr(pdf: FPDF, text: str, x: float, y: float) -> None:
    """The code as black squares, joined along each row."""
    matrix = segno.make(text, error="m", micro=False).matrix
    side = QR_MM / len(matrix)
    pdf.set_fill_color(*BLACK)
    for number, row in enumerate(matrix):
        start = None
        for place, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = place
            elif not dark and start is not None:
                pdf.rect(x + start * side, y + number * side, (place - start) * side, side, style="F")
                start = None
