"""Items are found by the words that people use: names, aliases, pinyin, English."""

import pytest

from liangwang.services import search


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("出生一件事", "birth:birth"),
        ("上户口", "public_security:birth_registration"),
        ("怎么给孩子报户口", "birth:birth"),
        ("人走了", "farewell:farewell"),
        ("身份证丢了", "public_security:identity_card_replacement"),
        ("暂住证", "residence:residence"),
        ("生育津贴", "medical_insurance:maternity_benefit"),
        ("打疫苗", "health:vaccination_booklet"),
        ("newborn", "birth:birth"),
    ],
)
def test_the_item_that_people_mean_comes_first(query: str, first: str) -> None:
    assert search.search(query)[0] == first


@pytest.mark.parametrize("query", ["shebaoka", "sbk"])
def test_pinyin_finds_what_is_done_with_a_card(query: str) -> None:
    assert "social_security:social_card" in search.search(query)[:3]


def test_nothing_is_found_for_nothing() -> None:
    assert search.search("") == [] and search.search("的 了 吗") == []


def test_a_query_is_never_an_expression() -> None:
    for query in ('"', "AND OR NOT", "name:*", "(", "'; DROP TABLE items"):
        search.search(query)
