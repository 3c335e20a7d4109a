"""Decides which passages a reply rests on, and under which numbers it cites them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chat.models import Role
from chat.prompts import PastTurn
from knowledge.folding import fold
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.search import Scope, neighbours, search_passages

SOURCE_LIMIT = 6
# Beside an exact hit and its neighbours only a little else is of use.
SOURCES_BESIDE_EXACT = 2
# A question shorter than this leans on the one before it ("那下一句呢？").
SELF_CONTAINED_CHARACTERS = 6


@dataclass(frozen=True)
class Source:
    """A numbered passage under a reply; ``context`` tells a neighbour of the first source from a passage that was found."""

    n: int
    passage_id: int
    work: str
    section: str
    citation: str
    text: str
    score: float
    exact: bool = False
    context: Literal["", "before", "after"] = ""


def find_sources(*, role: Role, question: str, history: Sequence[PastTurn]) -> tuple[Source, ...]:
    """Find the passages for a question within the role's scope; an exact first hit brings its neighbours along."""
    query = question
    if history and len(fold(question)) < SELF_CONTAINED_CHARACTERS:
        query = f"{history[-1].question}\n{question}"
    scope = Scope(work_titles=tuple(role.scope_works), categories=tuple(role.scope_categories))
    hits = search_passages(query, limit=SOURCE_LIMIT, scope=scope)
    exact = [hit for hit in hits if hit.exact]
    others = [hit for hit in hits if not hit.exact]
    if not exact:
        return tuple(_from_hit(n, hit) for n, hit in enumerate(others, start=1))
    sources = [_from_hit(n, hit) for n, hit in enumerate(exact, start=1)]
    sources += _context_sources(sources)
    known = {source.passage_id for source in sources}
    others = [hit for hit in others if hit.passage_id not in known][:SOURCES_BESIDE_EXACT]
    sources += [_from_hit(n, hit) for n, hit in enumerate(others, start=len(sources) + 1)]
    return tuple(sources)


def _from_hit(n: int, hit: Hit) -> Source:
    return Source(
        n, hit.passage_id, hit.work, hit.section, hit.citation, hit.text, round(hit.score, 4), hit.exact
    )


def _context_sources(sources: Sequence[Source]) -> list[Source]:
    known = {source.passage_id for source in sources}
    around = neighbours(sources[0].passage_id, radius=1)
    middle = next(passage.ordinal for passage in around if passage.id == sources[0].passage_id)
    return [
        Source(
            n=len(sources) + offset,
            passage_id=passage.id,
            work=passage.work.title,
            section=passage.section_path,
            citation=passage.citation,
            text=passage.text,
            score=0.0,
            context="before" if passage.ordinal < middle else "after",
        )
        for offset, passage in enumerate((p for p in around if p.id not in known), start=1)
    ]
