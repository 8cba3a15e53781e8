"""Official papers as PDF: one A4 layout (red head, number, addressee, body, seal, remedies, QR); same paper, same bytes."""

from dataclasses import dataclass
from datetime import datetime

from .sheet import (
    BODY_PT,
    BOTTOM,
    DEMO,
    GREY,
    LEFT,
    POINT_MM,
    QR_MM,
    RED,
    SEAL_MM,
    SMALL_PT,
    TABLE_PT,
    WIDTH,
    Sheet,
    blank,
    broken,
    draw_qr,
    draw_seal,
)


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
    title = f"{paper.title} {paper.number}"
    with blank(_characters(paper), title=title, author=paper.office, at=paper.at) as pdf:
        sheet = Sheet(pdf)
        _head(sheet, paper)
        _body(sheet, paper)
        _sign(sheet, paper)
        _foot(sheet, paper)
        return bytes(pdf.output())


def _characters(paper: Paper) -> frozenset[str]:
    cells = [cell for row in paper.rows for cell in row]
    texts = (paper.office, paper.number, paper.title, paper.to, paper.signed_on, paper.remedies, DEMO)
    lists = (paper.text, cells, paper.after, paper.notes, paper.signatures)
    return frozenset("".join([*texts, *("".join(one) for one in lists)])) | set("：救济途径　演示")


def _head(sheet: Sheet, paper: Paper) -> None:
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


def _body(sheet: Sheet, paper: Paper) -> None:
    if paper.to:
        sheet.paragraph(f"{paper.to}：", indent_em=0)
    for text in paper.text:
        sheet.paragraph(text)
    if paper.rows:
        sheet.y += 2
        for name, value in paper.rows:
            sheet.row(name, value)
        sheet.y += 3
    for text in paper.after:
        sheet.paragraph(text)
    for text in paper.signatures:
        sheet.y += 4
        sheet.paragraph(text, indent_em=0)


def _sign(sheet: Sheet, paper: Paper) -> None:
    """The office and the date at the right, under the seal."""
    sheet.need(2 * SEAL_MM + 8)
    sheet.y += 6
    middle = LEFT + WIDTH - 42
    centre = sheet.y + SEAL_MM
    draw_seal(sheet.pdf, paper.office, middle, centre, demo=paper.demo)
    for offset, text in ((-6.0, paper.office), (4.0, paper.signed_on)):
        points = BODY_PT
        while points > 9 and sheet.measure(points)(text) > 84:
            points -= 0.5
        sheet.y = centre + offset
        sheet.line(text, middle - sheet.measure(points)(text) / 2, points)
    sheet.y = centre + SEAL_MM + 2


def _foot(sheet: Sheet, paper: Paper) -> None:
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
        draw_qr(sheet.pdf, paper.qr, LEFT + WIDTH - QR_MM, sheet.y)
    for line in lines:
        sheet.line(line, LEFT, SMALL_PT)
        sheet.y += step
