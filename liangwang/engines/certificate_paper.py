"""Certificates as PDF: a framed A4 sheet or a card of ID-1 size, each with the seal and the code that proves it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .sheet import (
    BLACK,
    DEMO,
    GREY,
    POINT_MM,
    RED,
    SEAL_MM,
    TABLE_PT,
    Sheet,
    blank,
    broken,
    draw_qr,
    draw_seal,
)

if TYPE_CHECKING:
    from fpdf import FPDF

A4, CARD = (210.0, 297.0), (85.6, 53.98)  # mm; the card is ID-1 of ISO/IEC 7810
FRAME_MM, MARGIN_MM = 11.0, 30.0
TINT = (248, 233, 226)
ROWS_ON_CARD = 5
HOW = "扫码可验真伪，不联网也能验签名；是否仍然有效，以联网核验为准："
FILE = "本文件带签名，改动一个字节就验不过。"


@dataclass(frozen=True, kw_only=True)
class CertificatePaper:
    """What stands on a certificate; `code` is the signed text of its QR, `verify` where anyone checks it."""

    title: str
    number: str
    text: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    remark: str = ""
    office: str
    signed_on: str
    code: str
    verify: str
    demo: bool = False
    at: datetime


def render(paper: CertificatePaper, form: str) -> bytes:
    """The certificate as PDF, `form` a4 or card; characters that the font lacks show as boxes."""
    draw, size = FORMS[form]
    title = f"{paper.title} {paper.number}"
    with blank(_characters(paper), title=title, author=paper.office, at=paper.at, size=size) as pdf:
        draw(pdf, paper)
        return bytes(pdf.output())


def _characters(paper: CertificatePaper) -> frozenset[str]:
    cells = [cell for row in paper.rows for cell in row]
    texts = (paper.title, paper.number, paper.remark, paper.office, paper.signed_on, paper.verify)
    return frozenset("".join([*texts, *paper.text, *cells, HOW, FILE, DEMO, "编号　演示"]))


def _a4(pdf: FPDF, paper: CertificatePaper) -> None:
    _rosette(pdf, A4[0] / 2, 132, 66)
    _frame(pdf)
    sheet = Sheet(pdf, left=MARGIN_MM, width=A4[0] - 2 * MARGIN_MM, bottom=A4[1] - 2 * FRAME_MM)
    sheet.y = 40
    points = 34.0
    while points > 20 and sheet.measure(points)(paper.title) > sheet.width:
        points -= 1
    sheet.centred(paper.title, points, bold=True, red=True)
    sheet.y += 4
    sheet.centred(f"编号　{paper.number}", TABLE_PT)
    sheet.y += 12
    for text in paper.text:
        sheet.paragraph(text)
    sheet.y += 5
    for name, value in paper.rows:
        sheet.row(name, value)
    if paper.remark:
        sheet.y += 3
        sheet.paragraph(paper.remark, 11, indent_em=0, spacing=1.6)
    _end(sheet, paper)


def _end(sheet: Sheet, paper: CertificatePaper) -> None:
    """The code at the left, office and date under the seal at the right, and how to check, at the foot of the page."""
    height, side = 62.0, 38.0
    sheet.need(height)
    sheet.y = max(sheet.y + 4, sheet.bottom - height)
    top = sheet.y
    draw_qr(sheet.pdf, paper.code, sheet.left, top, wide=side)
    middle, centre = sheet.left + sheet.width - 36, top + SEAL_MM
    draw_seal(sheet.pdf, paper.office, middle, centre, demo=paper.demo)
    for offset, text in ((-6.0, paper.office), (4.0, paper.signed_on)):
        points = TABLE_PT
        while points > 8 and sheet.measure(points)(text) > 72:
            points -= 0.5
        sheet.y = centre + offset
        sheet.line(text, middle - sheet.measure(points)(text) / 2, points)
    sheet.y = top + side + 7
    for text in (f"{HOW}{paper.verify}", FILE + (DEMO if paper.demo else "")):
        for line in broken(text, sheet.width, 0, sheet.measure(9)):
            sheet.line(line, sheet.left, 9)
            sheet.y += 9 * POINT_MM * 1.5


def _card(pdf: FPDF, paper: CertificatePaper) -> None:
    wide, high = CARD
    pdf.set_draw_color(*RED)
    pdf.set_line_width(0.4)
    pdf.rect(2, 2, wide - 4, high - 4, round_corners=True, corner_radius=2.5)
    side = 27.0
    sheet = Sheet(pdf, left=5.5, width=wide - 11, bottom=high)
    sheet.y = 4.6
    points = 13.0
    while points > 8 and sheet.measure(points)(paper.title) > sheet.width:
        points -= 0.5
    sheet.line(paper.title, sheet.left, points, bold=True, red=True)
    pdf.set_line_width(0.3)
    pdf.line(sheet.left, 11.6, wide - 5.5, 11.6)
    draw_seal(pdf, paper.office, 43, 41, radius=8.2, demo=paper.demo)
    draw_qr(pdf, paper.code, wide - 5.5 - side, 13.6, wide=side)
    sheet.y = 13.2
    room = wide - 11 - side - 3
    for name, value in (("编号", paper.number), *_rows_on_card(paper)):
        for number, line in enumerate(broken(f"{name}　{value}", room, 0, sheet.measure(7))):
            sheet.line(line if not number else f"　{line}", sheet.left, 7)
            sheet.y += 7 * POINT_MM * 1.35
    sheet.y = 42.6
    for text in (paper.office, paper.signed_on):
        sheet.line(text, sheet.left, 6.5)
        sheet.y += 6.5 * POINT_MM * 1.4
    if paper.demo:
        sheet.y = 46.6
        sheet.line(DEMO, wide - 5.5 - sheet.measure(5)(DEMO), 5)


def _rows_on_card(paper: CertificatePaper) -> tuple[tuple[str, str], ...]:
    """The first rows, and always the last one: until when it holds."""
    rows = paper.rows
    return rows if len(rows) <= ROWS_ON_CARD else (*rows[: ROWS_ON_CARD - 1], rows[-1])


def _frame(pdf: FPDF) -> None:
    """Two lines around the sheet, with squared corners between them."""
    pdf.set_draw_color(*RED)
    for gap, line in ((0.0, 1.3), (2.6, 0.3)):
        pdf.set_line_width(line)
        pdf.rect(FRAME_MM + gap, FRAME_MM + gap, A4[0] - 2 * (FRAME_MM + gap), A4[1] - 2 * (FRAME_MM + gap))
    pdf.set_line_width(0.3)
    for x in (FRAME_MM + 2.6, A4[0] - FRAME_MM - 10.6):
        for y in (FRAME_MM + 2.6, A4[1] - FRAME_MM - 10.6):
            pdf.rect(x, y, 8, 8)
            pdf.rect(x + 1.6, y + 1.6, 4.8, 4.8)


def _rosette(pdf: FPDF, x: float, y: float, radius: float) -> None:
    """A guilloche behind the text: closed waves around one centre, so fine that a copier loses them."""
    pdf.set_draw_color(*TINT)
    pdf.set_line_width(0.18)
    for ring in range(12):
        points = []
        for step in range(252):
            angle = step * math.pi / 126
            away = radius * (0.8 + 0.2 * math.cos(9 * angle + ring * math.pi / 6))
            points.append((x + away * math.cos(angle), y + away * math.sin(angle)))
        pdf.polygon(points, style="D")
    pdf.set_draw_color(*GREY)
    pdf.set_text_color(*BLACK)


Draw = Callable[["FPDF", CertificatePaper], None]
FORMS: dict[str, tuple[Draw, tuple[float, float]]] = {"a4": (_a4, A4), "card": (_card, CARD)}
