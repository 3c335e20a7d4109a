"""Long texts are cut where a reader would pause, and nothing is lost."""

import re

import pytest

from knowledge.outlining.chunking import (
    GROUP_CHARACTERS,
    MAX_CHARACTERS,
    MAX_LEAD_CHARACTERS,
    group_lines,
    lead_of,
    split_text,
)

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


@pytest.mark.parametrize(
    "couplet",
    [
        "床前明月光，\n疑是地上霜。\n",
        "春眠不觉晓。处处闻啼鸟。",
        "春眠不觉晓。\n处处闻啼鸟。\n",
        "天地玄黄\n宇宙洪荒\n",
        "人之初，性本善，\n性相近，习相远。\n",
    ],
)
@pytest.mark.parametrize("max_characters", [30, 45, 70, 111])
def test_couplet_is_never_torn(couplet: str, max_characters: int) -> None:
    text = couplet * 20

    pieces = split_text(text, max_characters=max_characters)

    assert "".join(pieces) == text
    assert len(pieces) > 1
    assert all(piece == couplet * piece.count(couplet) for piece in pieces)


def test_semicolons_are_cut_only_where_the_sentence_does_not_fit() -> None:
    sentence = "道可道，非常道；名可名，非常名。"

    whole = split_text(sentence * 10, max_characters=50)
    torn = split_text(sentence, max_characters=10)

    assert all(piece.endswith("。") for piece in whole)
    assert torn == ["道可道，非常道；", "名可名，非常名。"]


def test_heading_inside_a_text_stays_with_what_follows() -> None:
    text = ("从小丘西行百二十步，隔篁竹。\n" * 3 + "小石潭记\n") * 4 + "潭中鱼可百许头。"

    pieces = split_text(text, max_characters=60)

    assert "".join(pieces) == text
    assert not [piece for piece in pieces if piece.endswith("记\n")]


def test_editors_remark_stays_with_its_sentence() -> None:
    text = "大器免成；大音希声。(免成一作：晚成)" * 8

    pieces = split_text(text, max_characters=60)

    assert all(piece.endswith("晚成)") for piece in pieces)


def test_piece_without_any_ideograph_joins_its_neighbour() -> None:
    text = "……。" * 100 + "天地玄黄。" * 10 + "——！" * 100

    pieces = split_text(text, max_characters=50)

    assert "".join(pieces) == text
    assert all(re.search("[一-鿿]", piece) for piece in pieces)


def test_text_of_one_sentence_without_breaks_is_cut_evenly() -> None:
    assert list(map(len, split_text("道" * 1001, max_characters=400))) == [334, 334, 333]


def test_lines_that_fit_are_one_group() -> None:
    lines = ["天" * 99] * 4

    assert group_lines(lines) == [(0, 4)]
    assert group_lines([]) == []


def test_lines_that_do_not_fit_are_grouped_evenly() -> None:
    lines = ["天地玄黄，宇宙洪荒。"] * 60

    groups = group_lines(lines)

    lengths = ["\n".join(lines[first:last]) for first, last in groups]
    assert [first for first, _last in groups] == [0, *(last for _first, last in groups[:-1])]
    assert groups[-1][1] == 60
    assert max(map(len, lengths)) <= GROUP_CHARACTERS
    assert len(groups) == 5


def test_line_that_ends_in_mid_sentence_stays_with_the_next() -> None:
    lines = ["天" * 70 + "。", "子曰：", "地" * 120 + "。", "玄" * 150 + "。", "黄" * 150 + "。"]

    assert group_lines(lines) == [(0, 1), (1, 3), (3, 4), (4, 5)]


def test_line_that_is_too_long_stands_alone() -> None:
    lines = ["天。", "地" * (MAX_CHARACTERS + 1), "玄。"]

    assert group_lines(lines) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("", ""),
        ("道可道，非常道。", "道可道,非常道。"),
        ("學而時習之。不亦說乎？\n", "不亦说乎?"),
        ("子曰：“学而时习之。”", "子曰:“学而时习之。”"),
        ("没有标点", "没有标点"),
    ],
)
def test_lead_is_the_last_sentence_folded(text: str, lead: str) -> None:
    assert lead_of(text) == lead


def test_lead_of_a_long_sentence_is_its_last_clauses() -> None:
    lead = lead_of("，".join(["一二三四五六七八九"] * 12) + "。")

    assert lead == ",".join(["一二三四五六七八九"] * 6) + "。"
    assert len(lead_of("道" * 500)) == MAX_LEAD_CHARACTERS


def test_couplets_in_lines_of_a_text_with_few_full_stops_stay_whole() -> None:
    lines = ["天地玄黄宇宙洪" + "，。"[number % 2] for number in range(60)]

    groups = group_lines(lines)

    assert len(groups) > 2
    assert [lines[last - 1][-1] for _first, last in groups] == ["。"] * len(groups)
