"""The reform report as a workbook to hand over: a summary with two flow charts, and one sheet for each kind of part."""

import io
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import xlsxwriter

from liangwang.base.labels import Label, pick

from . import fates
from .fates import Fate
from .reform import Line, Span, Study, Total, parallel, serial
from .report import AFTER, BEFORE, KNOWN
from .spreadsheet_words import DIMENSIONS, WORDS

INK, LINE, SOFT, BRAND, BRAND_SOFT = "#16202c", "#dde2e8", "#f3f5f7", "#2f3e9e", "#b9c1ee"


class Column(NamedTuple):
    """One column of a table: its heading, its width in characters, and the cell of a row."""

    heading: str
    width: int
    cell: Callable[[Any], str | int | float]


def of_study(one: Study, situations: Sequence[Line], of: int, lang: str) -> bytes:
    """One bundle in one situation as .xlsx; `situations` are lines for its other situations, out of `of`."""
    book = Book(lang)
    book.summary(one)
    book.fates("materials", [(one.compiled.label, fate) for fate in one.materials])
    book.fates("fields", [(one.compiled.label, fate) for fate in one.fields])
    book.fates("steps", [(one.compiled.label, fate) for fate in one.steps])
    book.fates("trips", [(one.compiled.label, fate) for fate in one.trips])
    book.lines("situations", situations, "situation", of)
    return book.bytes()


def of_total(total: Total, studies: Sequence[Study], lang: str) -> bytes:
    """The whole catalogue as .xlsx: every bundle, every item, and the parts of every bundle in its usual situation."""
    book = Book(lang)
    book.catalogue(total)
    book.lines("items", (total.of_items, *total.items), "item", len(total.items))
    for part in ("materials", "fields", "steps", "trips"):
        book.fates(part, [(one.compiled.label, fate) for one in studies for fate in getattr(one, part)])
    return book.bytes()


class Book:
    """A workbook in one language; every text is written as text, so that no label is taken for a formula."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.out = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.out, {"in_memory": True})
        base = {"font_name": "Microsoft YaHei", "font_size": 10, "font_color": INK, "valign": "top"}
        wrapped = {**base, "text_wrap": True, "bottom": 1, "bottom_color": LINE}
        self.cell = self.book.add_format(wrapped)
        self.bold = self.book.add_format({**wrapped, "bold": True})
        self.share = self.book.add_format({**wrapped, "num_format": "0%"})
        self.head = self.book.add_format({**wrapped, "bold": True, "bg_color": SOFT})
        self.plain = self.book.add_format(base)
        self.note = self.book.add_format({**base, "text_wrap": True, "font_color": "#4a5766"})
        self.title = self.book.add_format({**base, "bold": True, "font_size": 16})

    def word(self, key: str) -> str:
        return pick(WORDS[key], self.lang)

    def bytes(self) -> bytes:
        self.book.close()
        return self.out.getvalue()

    def sheet(self, name: str) -> Any:
        """A sheet that prints on A4, landscape, as wide as the paper."""
        made = self.book.add_worksheet(self.word(name))
        made.set_paper(9)
        made.set_landscape()
        made.fit_to_pages(1, 0)
        made.hide_gridlines(2)
        return made

    def table(self, sheet: Any, row: int, columns: Sequence[Column], rows: Sequence[Any]) -> int:
        """Writes headings and rows from `row` on; returns the row after them."""
        for x, column in enumerate(columns):
            sheet.set_column(x, x, column.width, self.plain)
            sheet.write_string(row, x, column.heading, self.head)
        for y, one in enumerate(rows, start=row + 1):
            for x, column in enumerate(columns):
                self.write(sheet, y, x, column.cell(one))
        return row + 1 + len(rows)

    def write(self, sheet: Any, y: int, x: int, value: str | float) -> None:
        if isinstance(value, float):
            sheet.write_number(y, x, value, self.share)
        elif isinstance(value, int):
            sheet.write_number(y, x, value, self.cell)
        else:
            sheet.write_string(y, x, value, self.cell)

    def heading(self, sheet: Any, title: str, below: str) -> None:
        sheet.write_string(0, 0, title, self.title)
        sheet.write_string(1, 0, below, self.plain)

    def summary(self, one: Study) -> None:
        """Both sides, what they mean, and the two flow charts."""
        sheet, lang = self.sheet("summary"), self.lang
        self.heading(sheet, f"{self.word('title')} · {pick(one.compiled.label, lang)}", _situation(one, lang))
        before, after, known = (
            msgspec.structs.asdict(side) for side in (one.report.before, one.report.after, one.known)
        )
        saved = one.report.saved()
        end = self.table(
            sheet,
            3,
            [
                Column(self.word("dimension"), 16, lambda name: pick(DIMENSIONS[name][0], lang)),
                Column(self.word("before"), 12, lambda name: before[name]),
                Column(self.word("after"), 12, lambda name: after[name]),
                Column(self.word("saved"), 12, lambda name: saved[name] / 100),
                Column(self.word("known"), 12, lambda name: known[name]),
                Column(self.word("unit"), 14, lambda name: pick(DIMENSIONS[name][1], lang)),
            ],
            list(DIMENSIONS),
        )
        end = self.definitions(sheet, end + 1, 5)
        self.flows(sheet, end + 1, one)

    def definitions(self, sheet: Any, row: int, last: int) -> int:
        for text in (BEFORE, AFTER, KNOWN):
            sheet.merge_range(row, 0, row, last, "", self.note)
            sheet.write_string(row, 0, pick(text, self.lang), self.note)
            sheet.set_row(row, 46)
            row += 1
        return row

    def flows(self, sheet: Any, row: int, one: Study) -> None:
        """The two flow charts on one scale, drawn from a sheet of their own."""
        data = self.book.add_worksheet(self.word("flow"))
        data.set_column(0, 0, 44, self.plain)
        longest = max(one.report.before.days, one.report.after.days, 1)
        first = 0
        for name, spans in (("serial", serial(one)), ("parallel", parallel(one))):
            last = self.flow_data(data, first, name, spans)
            chart = self.flow_chart(data, first, last, name, longest)
            height = 90 + 24 * len(spans)
            chart.set_size({"width": 860, "height": height})
            sheet.insert_chart(row, 0, chart)
            row += height // 20 + 2
            first = last + 3

    def flow_data(self, data: Any, row: int, name: str, spans: Sequence[Span]) -> int:
        """Rows of label, start, days; returns the last of them."""
        for x, word in enumerate((name, "start", "days")):
            data.write_string(row, x, self.word(word), self.head)
        for y, span in enumerate(spans, start=row + 1):
            data.write_string(y, 0, pick(span.label, self.lang), self.plain)
            data.write_number(y, 1, span.start, self.plain)
            data.write_number(y, 2, span.days, self.plain)
        return row + len(spans)

    def flow_chart(self, data: Any, first: int, last: int, name: str, longest: int) -> Any:
        """Bars that begin on their day: the days before are a bar without colour."""
        chart = self.book.add_chart({"type": "bar", "subtype": "stacked"})
        for column, look in ((1, {"none": True}), (2, {"color": BRAND})):
            series: dict[str, Any] = {
                "categories": [data.name, first + 1, 0, last, 0],
                "values": [data.name, first + 1, column, last, column],
                "name": [data.name, first, column],
                "fill": look,
                "gap": 40,
            }
            if column == 2:
                series["data_labels"] = {"value": True, "font": {"color": "#ffffff"}}
            chart.add_series(series)
        chart.set_title({"name": self.word(name), "name_font": {"size": 12}})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
        grid = {"visible": True, "line": {"color": LINE}}
        chart.set_x_axis({"min": 0, "max": longest, "major_gridlines": grid, "name": self.word("days")})
        return chart

    def fates(self, part: str, rows: Sequence[tuple[Label, Fate]]) -> None:
        """One sheet with every part of a kind: what became of it, and why."""
        sheet, lang = self.sheet(part), self.lang
        columns = [
            Column(self.word("bundle"), 22, lambda row: pick(row[0], lang)),
            Column(self.word("item"), 26, lambda row: pick(row[1].item, lang)),
            Column(self.word("part"), 38, lambda row: pick(row[1].what, lang)),
            Column(self.word("became"), 16, lambda row: pick(fates.NAMES[row[1].became], lang)),
            Column(self.word("why"), 60, lambda row: pick(row[1].why, lang)),
        ]
        if part == "materials":
            columns.append(
                Column(self.word("proof"), 8, lambda row: self.word("yes") if row[1].proof else "")
            )
        if part == "steps":
            columns += [
                Column(self.word("starts"), 12, lambda row: row[1].days[0] if row[1].days else ""),
                Column(self.word("ends"), 12, lambda row: row[1].days[1] if row[1].days else ""),
                Column(self.word("critical"), 12, lambda row: self.word("yes") if row[1].critical else ""),
            ]
        last = self.table(sheet, 0, columns, rows)
        sheet.autofilter(0, 0, max(1, last - 1), len(columns) - 1)
        sheet.freeze_panes(1, 0)

    def lines(self, name: str, lines: Sequence[Line], first: str, of: int) -> None:
        """One sheet with a line for each bundle, item or situation."""
        sheet = self.sheet(name)
        end = self.table(sheet, 0, self.line_columns(first, named=True), lines)
        sheet.freeze_panes(1, 1)
        if name == "situations" and of > len(lines):
            said = self.word("part_of").format(all=of, shown=len(lines))
            sheet.write_string(end + 1, 0, said, self.plain)

    def line_columns(self, first: str, *, named: bool) -> list[Column]:
        """Name and count, then before, after and all known for each dimension, `named` in each heading or above it."""
        columns = [
            Column(self.word(first), 44, lambda line: pick(line.label, self.lang)),
            Column(self.word("count"), 9, lambda line: line.items),
        ]
        for name, (label, _) in DIMENSIONS.items():
            for side in ("before", "after", "known"):
                heading = f"{pick(label, self.lang)} {self.word(side)}" if named else self.word(side)
                columns.append(Column(heading, 11, attrgetter(f"{side}.{name}")))
        return columns

    def catalogue(self, total: Total) -> None:
        """Every bundle with its savings, the sums, and the days before and after as a chart."""
        sheet = self.sheet("summary")
        self.heading(sheet, f"{self.word('title')} · {self.word('catalogue')}", "")
        columns = self.line_columns("bundle", named=False)
        for x in range(2, len(columns), 3):
            name = pick(DIMENSIONS[list(DIMENSIONS)[(x - 2) // 3]][0], self.lang)
            sheet.merge_range(3, x, 3, x + 2, name, self.head)
        end = self.table(sheet, 4, columns, (*total.bundles, total.of_bundles, total.of_items))
        sheet.freeze_panes(5, 1)
        end = self.definitions(sheet, end + 1, 12)
        chart = self.book.add_chart({"type": "bar"})
        for column, colour in ((11, BRAND_SOFT), (12, BRAND)):
            rows = (5, 4 + len(total.bundles))
            chart.add_series(
                {
                    "categories": [sheet.name, rows[0], 0, rows[1], 0],
                    "values": [sheet.name, rows[0], column, rows[1], column],
                    "name": [sheet.name, 4, column],
                    "fill": {"color": colour},
                    "data_labels": {"value": True},
                }
            )
        unit = pick(DIMENSIONS["days"][1], self.lang)
        chart.set_title({"name": f"{pick(DIMENSIONS['days'][0], self.lang)} ({unit})"})
        chart.set_y_axis({"reverse": True})
        chart.set_size({"width": 900, "height": 120 + 44 * len(total.bundles)})
        sheet.insert_chart(end + 1, 0, chart)


def _situation(one: Study, lang: str) -> str:
    """The answers of the situation in words."""
    said = [
        f"{pick(question.label, lang)}: {pick(option.label, lang)}"
        for question in one.compiled.questions
        for option in question.options
        if one.answers.get(question.question) == option.option
    ]
    return "；".join(said) if lang.startswith("zh") else "; ".join(said)
