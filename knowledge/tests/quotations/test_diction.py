"""Classical wording is told from modern, and neither is claimed of what may be both."""

import pytest

from knowledge.quotations.diction import Diction, diction_of


@pytest.mark.parametrize(
    ("text", "diction"),
    [
        ("学而不思则罔，思而不学则殆", Diction.CLASSICAL),
        ("岁寒，然后知松柏之后凋也", Diction.CLASSICAL),
        ("月照寒江千顷碧，霜飞古渡一舟轻", Diction.CLASSICAL),
        ("獨在異鄉為異客，每逢佳節倍思親", Diction.CLASSICAL),
        ("学习并且时常温习，不也是很愉快的吗", Diction.MODERN),
        ("我們應該經常複習學過的知識", Diction.MODERN),
        ("人工智能改变了我们的生活", Diction.MODERN),
        ("富强、民主、文明、和谐", Diction.MODERN),
        ("源远流长，博大精深", Diction.OPEN),
        ("蒹葭苍苍，白露为霜。苹花采采，江水汤汤。", Diction.CLASSICAL),
        ("知行合一", Diction.OPEN),
        ("床前明月光", Diction.OPEN),
        ("", Diction.OPEN),
    ],
)
def test_wording_is_told_by_its_small_words_and_its_measure(text: str, diction: Diction) -> None:
    assert diction_of(text) is diction
