"""Every value of the policy has a word in both languages, and no word is left over."""

from liangwang.base.access import ATTRIBUTES
from liangwang.base.policy_words import ATTRIBUTE_WORDS, WORDS


def test_every_value_has_its_word() -> None:
    assert {name: set(words) for name, words in WORDS.items()} == {
        name: set(values) for name, values in ATTRIBUTES.items()
    }
    assert set(ATTRIBUTE_WORDS) == set(ATTRIBUTES)


def test_two_values_of_an_attribute_are_two_words() -> None:
    for name, words in WORDS.items():
        for lang in ("zh", "en"):
            assert len({label[lang] for label in words.values()}) == len(words), name
