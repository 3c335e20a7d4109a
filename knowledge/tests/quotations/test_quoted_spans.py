"""A quotation is taken apart so that no character of it goes unjudged but the words that introduce it."""

import pytest

from knowledge.quotations.quoted_spans import Quotation, introduction_of, take_apart


def quoted(text: str) -> Quotation:
    return Quotation(10, 10 + len(text), text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("学而时习之。温故而知新。", ["学而时习之。", "温故而知新。"]),
        ("学而时习之……温故而知新", ["学而时习之", "温故而知新"]),
        ("学而时习之...温故而知新。上善若水。", ["学而时习之", "温故而知新。上善若水。"]),
        ("由！诲女知之乎！知之为知之。", ["由！诲女知之乎！", "知之为知之。"]),
        ("学而时习之。善哉。", []),
        ("老师问：学而时习之是谁说的？", ["学而时习之是谁说的？"]),
        ("孔子曰：学而时习之。", ["学而时习之。"]),
        ("子曰：学而时习之。", []),
        ("学而时习之", []),
        ("学而时习之……也", ["学而时习之"]),
    ],
)
def test_pieces_are_sentences_or_what_stands_between_ellipses(text: str, pieces: list[str]) -> None:
    found = take_apart(quoted(text))

    assert [piece.text for piece in found] == pieces
    assert all(text[piece.start - 10 : piece.end - 10] == piece.text and piece.is_piece for piece in found)


@pytest.mark.parametrize(
    ("text", "introduction"),
    [
        ("孔子说：学而时习之", "孔子说："),
        ("孔子曾说过：“学而时习之”", "孔子曾说过："),
        ("老师问：“学而时习之”", "老师问："),
        ("仲尼曰：学而时习之", "仲尼曰："),
        ("子曰：“学而时习之”", ""),
        ("哀公问曰：“何为则民服？”", ""),
        ("朋友死，无所归，曰：于我殡", ""),
        ("学而时习之，不亦说乎", ""),
    ],
)
def test_introduction_is_what_the_source_cannot_have(text: str, introduction: str) -> None:
    assert introduction_of(quoted(text)) == introduction
