"""Decides how what the characters and the vectors say about a passage becomes one score.

Ranks are not fused: reciprocal rank fusion loses the exact lines that the lexical side is sure of. Each part is
on a scale of its own that means the same for every query: shares of the query for overlap and alignment,
standard deviations above chance for similarity.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ALIGNMENT_WEIGHT = 0.6
SIMILARITY_WEIGHT = 0.04
NAMED_WORK_BOOST = 1.5
NAMED_WORK_BONUS = 0.1
# More than the other parts together can reach, so that a literal match comes before everything else.
_EXACT_BONUS = 4.0


@dataclass
class Candidate:
    """A passage in the running.

    ``overlap`` and ``alignment`` are shares of the query (see ``relevance.py``); ``dense`` is the cosine and
    ``deviations`` its z-score, None where the passage has no vector; ``exact_phrases`` are the quoted phrases
    that it holds.
    """

    passage_id: int
    overlap: float = 0.0
    alignment: float = 0.0
    dense: float | None = None
    deviations: float | None = None
    exact_phrases: int = 0
    is_named: bool = False
    score: float = 0.0

    @property
    def lexical(self) -> float:
        """What the characters alone say; those of a work that the query names count for more."""
        score = self.overlap + ALIGNMENT_WEIGHT * self.alignment
        if self.is_named:
            score += (NAMED_WORK_BOOST - 1) * self.overlap + NAMED_WORK_BONUS
        return score


def fuse(candidates: Iterable[Candidate]) -> None:
    """Set the score of every candidate; one without a vector counts as near as chance."""
    for candidate in candidates:
        similarity = SIMILARITY_WEIGHT * (candidate.deviations or 0.0)
        candidate.score = candidate.lexical + similarity + _EXACT_BONUS * candidate.exact_phrases
