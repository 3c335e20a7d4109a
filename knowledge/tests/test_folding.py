"""Folding is one map from characters to characters, and what it drops never depends on what stands around it."""

import random
import re

import pytest

from knowledge.folding import _character_table, fold, fold_characters, is_cjk, pattern_of

EVERY_CHARACTER = [chr(code) for code in range(0x110000)]


def folded_one_by_one(text: str) -> str:
    """The definition, written plainly: fold each character, keep the ideographs."""
    table = _character_table()
    return "".join(filter(is_cjk, (chr(table.get(ord(character), ord(character))) for character in text)))


def test_folding_agrees_with_its_definition_for_every_character() -> None:
    text = "".join(EVERY_CHARACTER)

    assert fold(text) == folded_one_by_one(text)
    assert [fold_characters(character) for character in EVERY_CHARACTER] == [
        chr(_character_table().get(ord(character), ord(character))) for character in EVERY_CHARACTER
    ]


def test_folding_agrees_with_its_definition_for_any_text() -> None:
    chance = random.Random(7)
    common = "學而時習之，不亦說乎？「子曰」ＡＢ１２ \n\t　abc□𠮷"
    for _ in range(300):
        text = "".join(
            chance.choice(common) if chance.random() < 0.7 else chance.choice(EVERY_CHARACTER)
            for _ in range(chance.randrange(60))
        )

        assert fold(text) == folded_one_by_one(text)
        assert len(fold_characters(text)) == len(text)


def test_folding_twice_changes_nothing_more() -> None:
    folded = fold("".join(EVERY_CHARACTER))

    assert fold(folded) == folded


def test_scripts_variants_and_punctuation_do_not_tell_texts_apart() -> None:
    assert fold("「學而時習之，不亦說乎？」") == fold("学而时习之不亦说乎") == "学而时习之不亦说乎"
    assert fold("清 淸 靑青 ＡＢＣ 123") == "清清青青"
    assert fold("𠮷野家") == "𠮷野家"
    assert fold_characters("Ａ，國　") == "A,国 "


@pytest.mark.parametrize(
    ("variant", "standard"),
    [
        ("折戟沈沙", "折戟沉沙"),
        ("行有馀力", "行有余力"),
        ("茅簷", "茅檐"),
        ("澂江", "澄江"),
        ("衞靈公", "卫灵公"),
        ("僊鴈櫂", "仙雁棹"),
        ("罣礙", "挂碍"),
        ("曾晳", "曾皙"),
    ],
)
def test_variants_of_a_word_are_the_same(variant: str, standard: str) -> None:
    assert fold(variant) == fold(standard)


@pytest.mark.parametrize("words", ["乾干", "覆复", "蚤早", "阨隘", "知智", "说悦"])
def test_words_that_the_classics_tell_apart_stay_apart(words: str) -> None:
    assert fold(words[0]) != fold(words[1])


@pytest.mark.parametrize(("words", "writing"), [("学而", "學而第一"), ("學而", "学而"), ("学(一)", "學(一)")])
def test_pattern_finds_every_writing(words: str, writing: str) -> None:
    assert re.search(pattern_of(words), writing)
    assert not re.search(pattern_of(words), "为政")
