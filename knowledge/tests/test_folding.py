"""Folding is one map from characters to characters, and what it drops never depends on what stands around it."""

import random

from knowledge.folding import _character_table, fold, fold_characters, is_cjk

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
