"""Overlap counts rare characters for more than common ones; alignment wants them in their order."""

import pytest

from knowledge.retrieval.lexical import Weights
from knowledge.retrieval.relevance import measure_relevance

WEIGHTS = Weights(
    pairs={"学而": 1.0, "而时": 3.0}, characters={"学": 1.0, "而": 0.2, "时": 2.0}, mean_length=4.0
)


def test_text_with_everything_of_average_length_reaches_the_whole() -> None:
    relevance = measure_relevance("学而时", WEIGHTS, ["学而时习"], [()])

    assert relevance.overlap[0] == pytest.approx(1.0)
    assert relevance.alignment[0] == pytest.approx(1.0)


def test_rarer_pair_counts_for_more() -> None:
    common, rare = measure_relevance("学而时", WEIGHTS, ["学而习之", "乎而时之"], [(), ()]).overlap

    assert rare > common > 0


def test_long_text_counts_for_less_and_repetition_for_ever_less() -> None:
    texts = ["学而之之", "学而" + "之" * 20, "学而学而"]

    short, long, twice = measure_relevance("学而", WEIGHTS, texts, [()] * 3).overlap

    assert long < short < twice < 2 * short


def test_names_of_the_place_count_as_part_of_the_text_but_do_not_join_it() -> None:
    inside, split = measure_relevance("学而", WEIGHTS, ["之之", "之学"], [("学而",), ("而",)]).overlap

    assert inside > split > 0


def test_order_is_what_alignment_sees() -> None:
    forward, backward = measure_relevance("学而时", WEIGHTS, ["学之而之时", "时之而之学"], [(), ()]).alignment

    assert forward == pytest.approx(1.0)
    assert backward == pytest.approx(1 / 3)


def test_alignment_looks_at_one_stretch_of_a_long_text() -> None:
    scattered = "学" + "之" * 60 + "而" + "之" * 60 + "时"
    together = "之" * 60 + "学而时" + "之" * 60

    apart, near = measure_relevance("学而时", WEIGHTS, [scattered, together], [(), ()]).alignment

    assert near == pytest.approx(1.0)
    assert apart == pytest.approx(1 / 3)


def test_nothing_to_measure() -> None:
    relevance = measure_relevance("学", WEIGHTS, [], [])

    assert (len(relevance.overlap), len(relevance.alignment)) == (0, 0)


def test_query_without_known_terms_has_no_overlap() -> None:
    weights = Weights(pairs={}, characters={}, mean_length=1.0)

    relevance = measure_relevance("龘", weights, ["学而"], [()])

    assert (relevance.overlap[0], relevance.alignment[0]) == (0.0, 0.0)
