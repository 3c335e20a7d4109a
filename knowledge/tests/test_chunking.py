"""Long texts are cut where a reader would pause, and nothing is lost."""

import pytest

from knowledge.chunking import split_text

SENTENCE = "天地玄黄，宇宙洪荒。"


def test_text_that_fits_is_never_cut() -> None:
    text = SENTENCE * 40

    pieces = split_text(text, max_characters=400)

    assert pieces == [text]


def test_long_text_is_cut_at_sentence_ends_into_even_pieces() -> None:
    text = SENTENCE * 50

    pieces = split_text(text, max_characters=400)

    assert "".join(pieces) == text
    assert [len(piece) for piece in pieces] == [250, 250]


def test_closing_quotation_mark_stays_with_its_sentence() -> None:
    text = "子曰：“学而时习之。”" * 10

    pieces = split_text(text, max_characters=50)

    assert "".join(pieces) == text
    assert all(piece.startswith("子曰") and piece.endswith("。”") for piece in pieces)


def test_quotation_of_several_sentences_is_not_torn() -> None:
    quotation = f"子曰：“{SENTENCE * 6}”"

    pieces = split_text(SENTENCE * 2 + quotation, max_characters=70)

    assert pieces == [SENTENCE * 2, quotation]


def test_quotation_that_does_not_fit_is_cut_at_its_sentences() -> None:
    text = "子曰：“" + SENTENCE * 30 + "”"

    pieces = split_text(text, max_characters=100)

    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 100
    assert all(piece.endswith(("。", "。”")) for piece in pieces)


def test_sentence_that_is_too_long_is_cut_at_commas() -> None:
    text = "，".join(["一二三四五六七八九"] * 12) + "。"

    pieces = split_text(text, max_characters=40)

    assert "".join(pieces) == text
    assert all(piece.endswith(("，", "。")) for piece in pieces)


@pytest.mark.parametrize("length", [401, 799, 800, 801, 4000])
def test_text_without_any_punctuation_is_cut_all_the_same(length: int) -> None:
    text = "道" * length

    pieces = split_text(text, max_characters=400)

    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 400


def test_lines_of_a_long_poem_are_not_torn() -> None:
    text = "\n".join(["春江潮水连海平，海上明月共潮生"] * 40)

    pieces = split_text(text, max_characters=100)

    assert "".join(pieces) == text
    assert all(piece.endswith("\n") for piece in pieces[:-1])
