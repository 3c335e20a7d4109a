"""Pinyin is a machine's guess: aligned character by character, good enough for common words."""

import pytest

from knowledge.reading.pinyin import Syllable, annotate


def readings(text: str) -> str:
    return " ".join(syllable.pinyin for syllable in annotate(text) if syllable.pinyin)


@pytest.mark.parametrize(
    "text",
    [
        "子曰：“学而时习之，不亦说乎？”",
        "顾𬤊天之明命",
        "學而不思則罔",
        "〇□ abc 12\n第二行　全角",
        "，",
        "",
    ],
)
def test_syllables_join_to_the_text(text: str) -> None:
    assert "".join(syllable.text for syllable in annotate(text)) == text


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("床前明月光", "chuáng qián míng yuè guāng"),
        ("子曰", "zǐ yuē"),
        ("不亦说乎", "bù yì yuè hū"),
        ("曾子曰", "zēng zǐ yuē"),
        ("朝辞白帝彩云间", "zhāo cí bái dì cǎi yún jiān"),
        ("知者乐水，仁者乐山。", "zhì zhě yào shuǐ rén zhě yào shān"),
        ("知者乐，仁者寿", "zhì zhě lè rén zhě shòu"),
        ("單于夜遁逃", "dān yú yè dùn táo"),
        ("单于夜遁逃", "chán yú yè dùn táo"),
    ],
)
def test_readings_are_modern_and_phrases_count(text: str, reading: str) -> None:
    # 單于 in 繁體 is read character by character: one of the errors that the label warns of.
    assert readings(text) == reading


def test_characters_without_a_reading_stand_together() -> None:
    assert annotate("善。\n“水") == (Syllable("善", "shàn"), Syllable("。\n“", ""), Syllable("水", "shuǐ"))
