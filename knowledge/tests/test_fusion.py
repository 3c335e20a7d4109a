"""Both sides of the search are normalised, and the kind of query decides how much the vectors have to say."""

import pytest

from knowledge.fusion import Candidate, fuse
from knowledge.queries import QueryKind


def test_scores_are_normalised_before_they_are_weighed() -> None:
    lexical_best = Candidate(1, lexical=40.0, dense=0.80)
    dense_best = Candidate(2, lexical=0.0, dense=0.90)

    fuse([lexical_best, dense_best], QueryKind.QUESTION)

    assert lexical_best.score == pytest.approx(0.4)
    assert dense_best.score == pytest.approx(0.6)


def test_literal_query_is_decided_by_its_characters() -> None:
    lexical_best = Candidate(1, lexical=40.0, dense=0.80, coverage=0.9)
    dense_best = Candidate(2, lexical=10.0, dense=0.90)

    fuse([lexical_best, dense_best], QueryKind.STATEMENT)

    assert lexical_best.score > dense_best.score


def test_exact_line_comes_before_everything_else() -> None:
    exact = Candidate(1, lexical=1.0, exact_phrases=1)
    other = Candidate(2, lexical=40.0, dense=0.99, is_named=True)

    fuse([exact, other], QueryKind.QUESTION)

    assert exact.score > other.score


def test_candidates_without_vectors_are_weighed_by_characters_alone() -> None:
    best, second = Candidate(1, lexical=40.0), Candidate(2, lexical=20.0)

    fuse([best, second], QueryKind.QUESTION)

    assert (best.score, second.score) == (1.0, 0.5)


@pytest.mark.parametrize(
    "candidates", [[], [Candidate(1)], [Candidate(1, dense=0.5), Candidate(2, dense=0.5)]]
)
def test_nothing_to_compare_is_no_error(candidates: list[Candidate]) -> None:
    fuse(candidates, QueryKind.STATEMENT)

    assert all(candidate.score == 0 for candidate in candidates)
