"""A sentence without marks is a quotation if a verb of saying leads to it and its words are not modern."""

import pytest

from knowledge.quotations.finding import find_quotations


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("孔子曰：学而时习之，不亦说乎。这很重要。", "学而时习之，不亦说乎。"),
        ("《论语》云：学而时习之，不亦说乎。", "学而时习之，不亦说乎。"),
        ("正如《孟子》所言，天时不如地利，地利不如人和。", "天时不如地利，地利不如人和。"),
        ("古有诗云关关雎鸠，在河之洲。", "关关雎鸠，在河之洲。"),
        ("他引用《论语》的话：君子坦荡荡，小人长戚戚。", "君子坦荡荡，小人长戚戚。"),
        ("子曰：學而不思則罔，思而不學則殆。", "學而不思則罔，思而不學則殆。"),
        ("孔子说：学而时习之，这句话告诉我们要常常复习。", "学而时习之，"),
    ],
)
def test_words_behind_a_verb_of_saying_are_taken_as_far_as_they_are_classical(reply: str, text: str) -> None:
    (quotation,) = [each for each in find_quotations(f"请看。{reply}") if each.kind == "sentence"]

    assert quotation.text == text


def test_sentences_that_follow_each_other_are_one_quotation_with_each_in_it() -> None:
    (quotation,) = find_quotations(
        "他常念孔子曰：学而时习之，不亦说乎？有朋自远方来，不亦乐乎？我们都很喜欢。"
    )

    assert [inner.text for inner in quotation.inner] == ["学而时习之，不亦说乎？", "有朋自远方来，不亦乐乎？"]


@pytest.mark.parametrize(
    "reply",
    [
        "孔子说：我们应该经常复习学过的知识。",
        "老子认为，做事情不要太勉强。",
        "云南的景色很美，白云悠悠。",
        "孔子曰：“学而时习之。”",
    ],
)
def test_modern_speech_and_marked_words_are_none(reply: str) -> None:
    assert [each for each in find_quotations(reply) if each.kind == "sentence"] == []
