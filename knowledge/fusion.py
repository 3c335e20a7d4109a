"""Decides how the two sides of the search become one score: each is normalised to 0…1, then they are weighed.

Ranks are not fused: reciprocal rank fusion loses the exact lines that the lexical side is sure of.
"""

from collections.abc import Collection
from dataclasses import dataclass

from knowledge.queries import QueryKind

# Cosines are stretched between the best and this place in their order; what lies below counts as nothing.
FLOOR_PLACE = 100
DENSE_WEIGHT = {QueryKind.LINE: 0.0, QueryKind.QUESTION: 0.6, QueryKind.STATEMENT: 0.5}
NAMED_WORK_BOOST = 2.0
_NAMED_WORK_BONUS = 0.1
# Even where the whole query was found literally, its neighbours in meaning come before chance likeness.
_LEAST_SHARE = 0.3
# More than any fused score, so that a literal match comes before everything else.
_EXACT_BONUS = 2.0


@dataclass
class Candidate:
    """A passage in the running; ``coverage`` is the share of the query's terms that its text has."""

    passage_id: int
    lexical: float = 0.0
    dense: float | None = None
    coverage: float = 0.0
    exact_phrases: int = 0
    is_named: bool = False
    score: float = 0.0


def fuse(candidates: Collection[Candidate], kind: QueryKind) -> None:
    """Set the score of every candidate.

    The more of the query the best lexical candidate has literally, the less the vectors have to say: half a
    remembered line is matched by its characters, a paraphrase by its meaning.
    """
    similarities = sorted((c.dense for c in candidates if c.dense is not None), reverse=True)
    best = max(candidates, key=lambda candidate: candidate.lexical, default=None)
    if best is None:
        return
    weight = DENSE_WEIGHT[kind] * max(_LEAST_SHARE, 1 - best.coverage) if similarities else 0.0
    top, floor = (similarities[0], similarities[:FLOOR_PLACE][-1]) if similarities else (1.0, 0.0)
    for candidate in candidates:
        nearness = 0.0
        if candidate.dense is not None:
            nearness = max(0.0, candidate.dense - floor) / max(top - floor, 1e-6)
        likeness = candidate.lexical / best.lexical if best.lexical else 0.0
        candidate.score = weight * nearness + (1 - weight) * likeness
        candidate.score += _NAMED_WORK_BONUS * candidate.is_named + _EXACT_BONUS * candidate.exact_phrases
