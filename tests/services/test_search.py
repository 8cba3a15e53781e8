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


@pytest.mark.parametrize(("query", "first"), [("社保卡", "social_card"), ("身份证", "identity_card_first")])
def test_the_plain_item_comes_before_its_special_cases(query: str, first: str) -> None:
    found = search.search(query)
    assert found[0].endswith(f":{first}") and len(found) > 1


def test_words_that_are_not_listed_are_found_by_two_characters_of_them() -> None:
    assert "birth:birth" in search.search("宝宝降生啦")
    assert search.search("狗叫得凶") == []


def test_half_a_word_finds_what_begins_so() -> None:
    assert [key.partition(":")[2][:13] for key in search.search("身份", 2)] == ["identity_card"] * 2
