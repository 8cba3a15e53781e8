"""Official papers as PDF: lines break as Chinese wants it, the font is inside, the same paper is the same bytes."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from liangwang.engines.paper import Paper, render
from liangwang.engines.sheet import MUST_NOT_BEGIN, MUST_NOT_END, broken

PAPER = Paper(
    office="上海市长宁区医疗保障局",
    number="上海市长宁区医疗保障局受字〔2026〕第17号",
    title="受理通知书",
    to="林晓梅",
    text=("经审查，申请材料齐全、符合法定形式，决定予以受理。",),
    rows=(("办件编号", "沪-20261122-000017-8"),),
    signed_on="2026年11月23日",
    remedies="可以自知道本决定之日起六十日内依法申请行政复议。",
    qr="https://example.org/verify/abc",
    demo=True,
    at=datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
)


def test_the_same_paper_is_the_same_bytes_with_its_font_inside() -> None:
    made = render(PAPER)
    assert made == render(PAPER) and made.startswith(b"%PDF-1.")
    assert b"/FontFile3" in made and len(made) < 100_000, "a subset, not the whole font"
    assert made.count(b"/Type /Page\n") == 1
    assert render(replace(PAPER, to="王小明")) != made


def test_a_long_paper_goes_on_on_further_pages() -> None:
    rows = tuple((f"第{n}项", "需要补正的内容" * 6) for n in range(40))
    assert render(replace(PAPER, rows=rows)).count(b"/Type /Page\n") >= 3


@example("1111 ”", 4, 0)
@given(st.text("一二三四，。（）“”abc 12", max_size=60), st.integers(4, 12), st.integers(0, 2))
def test_no_line_begins_with_a_closing_mark_and_nothing_is_lost(text: str, width: int, indent: int) -> None:
    lines = list(broken(text, width, indent, len))
    assert "".join("".join(lines).split()) == "".join(text.split())
    for before, line in pairwise(lines):
        helpless = (
            set("".join(before[1:].split())) <= MUST_NOT_BEGIN | MUST_NOT_END or before[0] in MUST_NOT_END
        )
        assert not line or line[0] not in MUST_NOT_BEGIN or helpless
