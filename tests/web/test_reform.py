"""The reform office's pages: the whole catalogue, one bundle in one situation, its sheets, and what if."""

import io
import zipfile
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from liangwang.services.queries import reform_levers
from tests.cases.factories import make_office, make_street
from tests.web.posts import browser, said

pytestmark = pytest.mark.django_db
CARD = "social_security:social_card"
WHATIF = "/staff/reform/what-if/"


class Links(HTMLParser):
    """The addresses of a page's links, by their words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.open = dict(attrs).get("href") or ""

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.found.append((data.strip(), self.open))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.open = ""


def link(text: str, word: str) -> str:
    return next(href for said, href in Links(text).found if said == word)


@pytest.fixture
def reform() -> Client:
    return browser(make_office("reform", make_street().city), "reform_officer")


def test_the_list_compares_every_bundle_and_hands_over_a_workbook(reform: Client) -> None:
    page = said(reform.get("/staff/reform/"))
    assert "出生一件事" in page and "全部一件事" in page and "不是历史实测" in page
    book = reform.get("/staff/reform/?format=xlsx")
    names = zipfile.ZipFile(io.BytesIO(book.content)).namelist()
    assert book["Content-Disposition"].endswith('.xlsx"') and "xl/worksheets/sheet6.xml" in names


def test_one_bundle_in_one_situation_with_every_fate_and_its_sheets(reform: Client) -> None:
    page = said(reform.get("/staff/reform/birth/birth/?q.maternity=none"))
    assert "改一个事项试试" in page and f"?item={CARD.replace(':', '%3A')}" in page
    assert "改革前：一个接一个" in page and "改革后：并联办" in page and "内部流转" in page
    assert "生育医疗费与生育津贴申领" not in page  # not part of this situation
    book = reform.get(f"/staff/reform/birth/birth/{link(page, '表格')}")
    assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None
    bpmn = reform.get(f"/staff/reform/birth/birth/{link(page, '流程图文件（BPMN）')}")
    assert b"userTask" in bpmn.content and "卫生健康" in bpmn.content.decode()
    sheet = said(reform.get(link(page, "打印 A4")))
    assert "流程再造对照表" in sheet and "生育医疗费与生育津贴申领" not in sheet
    assert reform.get("/staff/reform/birth/nothing/").status_code == 404
    assert reform.get("/staff/reform/birth/nothing/print/").status_code == 404


def test_what_if_a_change_shows_its_effect_and_is_taken_back_alone(reform: Client) -> None:
    page = said(reform.get(WHATIF, {"item": CARD}))
    dropped = said(reform.get(link(page, "不再要")))
    assert "假设这样改" in dropped and "出生一件事" in dropped and "撤销" in dropped
    query = dict(parse_qsl(urlsplit(link(dropped, "撤销")).query))
    assert query == {"item": CARD}
    first = parse_qsl(urlsplit(link(page, "不再要")).query)
    added = reform.get(WHATIF, [*first, ("act", "days"), ("part", "make"), ("value", "1")])
    assert added.status_code == 302 and added["Location"].count("c=") == 2
    both = said(reform.get(added["Location"]))
    assert both.count(">撤销<") == 2 and "制卡" in both
    assert "公布 5 日" in both  # what is declared stands beside what is supposed
    again = reform.get(f"{added['Location']}&act=days&part=make&value=2")
    assert again["Location"].count("c=") == 2  # the later days of one step stand


def test_a_change_of_another_time_says_so_and_breaks_nothing(reform: Client) -> None:
    page = said(
        reform.get(WHATIF, {"item": CARD, "c": [f"days|{CARD}|gone|3", "<script>", "drop|no:item|x.y|"]})
    )
    assert page.count("目录里已经没有这一样") == 2 and "<script>alert" not in page
    assert reform.get(WHATIF, {"item": "no:item"}).status_code == 404
    wrong = reform.get(WHATIF, {"item": CARD, "act": "days", "part": "make", "value": "many"})
    assert "目录里已经没有这一样" in said(reform.get(wrong["Location"]))


def test_the_ranking_names_the_change_who_acts_and_tries_it(reform: Client) -> None:
    page = said(reform.get(WHATIF))
    assert "最能缩短时间的改动" in page and "最能减少材料的改动" in page
    best = next(one for one in reform_levers() if one.kind == "step")
    assert best.detail["zh"] in page
    tried = said(reform.get(link(page, "试一试")))
    assert "假设这样改" in tried


def test_only_a_reform_office_opens_them() -> None:
    clerk = browser(make_office("health", make_street().city), "clerk")
    for path in ("/staff/reform/", WHATIF, "/staff/reform/birth/birth/", "/staff/reform/birth/birth/print/"):
        assert clerk.get(path).status_code == 403
