"""What is shown of a hit: a window that begins with its sentence, its matches marked, and why it was found."""

import pytest

from knowledge.reading.excerpts import WINDOW_CHARACTERS, excerpt, explain
from knowledge.retrieval.hits import Hit

SHORT = "子曰：“学而不思则罔，思而不学则殆。”"
LONG = "甲乙丙丁戊己庚辛壬癸。" * 60


def shown(text: str, *matched: tuple[int, int]) -> str:
    cut = excerpt(text, matched)
    words = "".join(f"[{each.text}]" if each.is_match else each.text for each in cut.segments)
    return "…" * cut.is_cut_before + words + "…" * cut.is_cut_after


def test_short_text_is_shown_whole_with_its_matches() -> None:
    assert shown(SHORT, (4, 10), (11, 13)) == "子曰：“[学而不思则罔]，[思而]不学则殆。”"


def test_text_without_matches_is_shown_plain() -> None:
    assert shown(SHORT) == SHORT


def test_long_text_is_cut_around_the_first_match_at_sentences() -> None:
    # Sentences of eleven characters: the match lies in the 31st.
    cut = excerpt(LONG, [(332, 335)])

    words = "".join(each.text for each in cut.segments)
    assert (cut.is_cut_before, cut.is_cut_after) == (True, True)
    assert words.startswith("甲乙丙丁") and words.endswith("癸。")
    assert [each.text for each in cut.segments if each.is_match] == ["丙丁戊"]
    assert WINDOW_CHARACTERS <= len(words) <= WINDOW_CHARACTERS + 40


def test_window_at_the_end_is_filled_backwards() -> None:
    cut = excerpt(LONG, [(655, 658)])

    assert (cut.is_cut_before, cut.is_cut_after) == (True, False)
    assert sum(len(each.text) for each in cut.segments) == WINDOW_CHARACTERS


def test_matches_beyond_the_window_are_left_out() -> None:
    cut = excerpt(LONG, [(0, 2), (600, 602)])

    assert [each.text for each in cut.segments if each.is_match] == ["甲乙"]


def test_spans_that_overlap_or_reach_out_do_no_harm() -> None:
    assert shown("天地玄黄", (0, 2), (1, 3), (3, 99)) == "[天地]玄[黄]"


@pytest.mark.parametrize(
    ("exact", "lexical_rank", "dense_rank", "why"),
    [
        (True, 1, 3, "原句命中 · 语义相近（第 3）"),
        (False, 2, None, "字面相近（第 2）"),
        (False, None, 5, "语义相近（第 5）"),
        (True, 1, None, "原句命中"),
        (False, None, None, ""),
    ],
)
def test_reason_is_told_in_words(exact: bool, lexical_rank, dense_rank, why: str) -> None:
    names = ("passage_id", "work", "section", "citation", "text", "score", "dense_score", "lexical_score")
    values = dict.fromkeys(names) | {"fused_rank": 1, "exact": exact}

    hit = Hit(**values, lexical_rank=lexical_rank, dense_rank=dense_rank)

    assert explain(hit) == why
