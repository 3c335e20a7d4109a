"""Exact lines come first, then what characters and vectors say together; ranks play no part."""

import pytest

from knowledge.retrieval.fusion import SIMILARITY_WEIGHT, Candidate, fuse


def test_line_that_was_found_literally_outweighs_everything_else() -> None:
    exact = Candidate(1, overlap=0.1, exact_phrases=1)
    likely = Candidate(2, overlap=1.2, alignment=1.0, deviations=12.0, is_named=True)

    fuse([exact, likely])

    assert exact.score > likely.score


def test_similarity_decides_between_equal_characters() -> None:
    near = Candidate(1, overlap=0.3, deviations=3.0)
    far = Candidate(2, overlap=0.3, deviations=-1.0)

    fuse([far, near])

    assert near.score - far.score == pytest.approx(4.0 * SIMILARITY_WEIGHT)


def test_passage_without_a_vector_counts_as_near_as_chance() -> None:
    unknown, chance = Candidate(1, overlap=0.3), Candidate(2, overlap=0.3, deviations=0.0)

    fuse([unknown, chance])

    assert unknown.score == chance.score


def test_characters_in_their_order_count_for_more_than_the_same_in_disorder() -> None:
    aligned, disordered = Candidate(1, overlap=0.4, alignment=0.8), Candidate(2, overlap=0.4, alignment=0.3)

    fuse([disordered, aligned])

    assert aligned.score > disordered.score


def test_work_that_the_query_names_comes_first() -> None:
    named, other = Candidate(1, overlap=0.4, is_named=True), Candidate(2, overlap=0.4)

    fuse([other, named])

    assert named.score == pytest.approx(0.7)
    assert other.score == pytest.approx(0.4)
