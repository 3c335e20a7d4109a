"""The text of a growing reply: every piece by its number, the whole as it was written."""

import pytest

from chat.streaming.pieces import Pieces

TEXTS = ["学而", "时习之\r\n", "𠮷", "，不亦说乎\n"]


@pytest.fixture
def pieces() -> Pieces:
    pieces = Pieces()
    for text in TEXTS:
        pieces.append(text)
    return pieces


def test_each_piece_comes_back_as_it_was_added(pieces: Pieces) -> None:
    assert [pieces[number] for number in (3, 0, 2, 1)] == [TEXTS[number] for number in (3, 0, 2, 1)]
    assert (len(pieces), str(pieces)) == (4, "".join(TEXTS))


def test_what_is_added_after_a_piece_was_read_comes_at_the_end(pieces: Pieces) -> None:
    assert pieces[0] == TEXTS[0]
    pieces.append("尾")

    assert (pieces[4], str(pieces)) == ("尾", "".join(TEXTS) + "尾")


def test_dropped_pieces_are_gone(pieces: Pieces) -> None:
    pieces.clear()

    assert not pieces
    assert str(pieces) == ""


def test_there_is_no_piece_beyond_the_last(pieces: Pieces) -> None:
    with pytest.raises(IndexError):
        pieces[4]
