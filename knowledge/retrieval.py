"""Decides which passages answer a query: exact lines, then normalised lexical and dense scores fused."""

import logging
from dataclasses import dataclass

from guoxue.errors import NotFound
from knowledge import dense, embeddings, lexical
from knowledge.errors import EmbeddingUnavailable
from knowledge.fusion import NAMED_WORK_BOOST, Candidate, fuse
from knowledge.lexical import Weights, Where
from knowledge.models import Passage, Work
from knowledge.queries import ParsedQuery, named_in, parse_query
from knowledge.terms import fold_names

logger = logging.getLogger(__name__)

CANDIDATES_PER_SIDE = 100


@dataclass(frozen=True)
class Scope:
    """What is searched: works by title or alias, and categories; empty means everything."""

    work_titles: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hit:
    """A passage that was found, where it stands, and what each side of the search thought of it."""

    passage_id: int
    work: str
    section: str
    citation: str
    text: str
    score: float
    dense_score: float | None
    lexical_score: float | None
    dense_rank: int | None
    lexical_rank: int | None
    fused_rank: int
    exact: bool


@dataclass(frozen=True)
class SearchResult:
    """The hits, how the query was understood, and whether the vectors had to be left out."""

    hits: list[Hit]
    query: ParsedQuery
    dense_available: bool


def search_passages(query: str, *, limit: int = 8, scope: Scope = Scope(), mode: str = "hybrid") -> list[Hit]:
    """Return the best passages for the query, best first; see ``run_search``."""
    return run_search(query, limit=limit, scope=scope, mode=mode).hits


def run_search(query: str, *, limit: int = 8, scope: Scope = Scope(), mode: str = "hybrid") -> SearchResult:
    """Search and tell how; ``mode="line"`` looks for the characters alone (半句寻句).

    Scores are comparable within one search only. When no vector can be had the search goes on by characters.
    """
    parsed = parse_query(query, literal=mode == "line")
    where = _find_place(parsed, scope)
    if not parsed.segments or where.work_ids == []:
        return SearchResult([], parsed, dense_available=mode != "line")
    weights = lexical.weigh_terms(parsed.segments)
    candidates = _lexical_candidates(parsed, weights, where)
    dense_available = mode != "line" and _add_dense(parsed.text, candidates, where)
    passages = _load(candidates)
    _measure(weights, candidates, passages, where)
    fuse(candidates.values(), parsed.kind)
    return SearchResult(_ranked(candidates, passages)[:limit], parsed, dense_available)


def neighbours(passage_id: int, *, radius: int = 2) -> list[Passage]:
    """Return the passage with those around it, in reading order; raise ``NotFound`` if there is none."""
    passage = Passage.objects.only("work_id", "ordinal").filter(pk=passage_id).first()
    if passage is None:
        raise NotFound("没有找到这段文字，它可能已被更新。")
    return list(Passage.objects.around(passage, radius).located())


def _find_place(parsed: ParsedQuery, scope: Scope) -> Where:
    works = list(Work.objects.only("id", "title", "aliases", "category"))
    named = tuple(work.pk for work in works if named_in(parsed, work.names))
    everywhere = not scope.work_titles and not scope.categories
    work_ids = None if everywhere else [work.pk for work in works if _in_scope(work, scope)]
    return Where(work_ids, preferred=named, boost=NAMED_WORK_BOOST)


def _in_scope(work: Work, scope: Scope) -> bool:
    if scope.work_titles and not set(scope.work_titles) & set(work.names):
        return False
    return not scope.categories or work.category in scope.categories


def _lexical_candidates(parsed: ParsedQuery, weights: Weights, where: Where) -> dict[int, Candidate]:
    candidates: dict[int, Candidate] = {}
    for passage_ids in lexical.find_exact(parsed.lines, where).values():
        for passage_id in passage_ids:
            candidates.setdefault(passage_id, Candidate(passage_id)).exact_phrases += 1
    found = lexical.find_candidates(weights, where, limit=CANDIDATES_PER_SIDE)
    for passage_id in found:
        candidates.setdefault(passage_id, Candidate(passage_id))
    return candidates


def _add_dense(text: str, candidates: dict[int, Candidate], where: Where) -> bool:
    """Add the nearest passages, give every candidate its similarity; return whether vectors could be had."""
    try:
        embedder = embeddings.get_embedder()
        vector = embedder.embed_query(text)
    except EmbeddingUnavailable:
        logger.warning("No query vector; searching by characters only.", exc_info=True)
        return False
    nearest = dense.find_nearest(
        vector, model=embedder.name, work_ids=where.work_ids, limit=CANDIDATES_PER_SIDE
    )
    others = [passage_id for passage_id in candidates if passage_id not in nearest]
    similarities = nearest | dense.measure_similarity(vector, model=embedder.name, passage_ids=others)
    for passage_id, similarity in similarities.items():
        candidates.setdefault(passage_id, Candidate(passage_id)).dense = similarity
    return bool(nearest)


def _load(candidates: dict[int, Candidate]) -> dict[int, Passage]:
    passages = Passage.objects.select_related("work", "section").defer("terms").in_bulk(list(candidates))
    for gone in candidates.keys() - passages.keys():
        del candidates[gone]
    return passages


def _measure(
    weights: Weights, candidates: dict[int, Candidate], passages: dict[int, Passage], where: Where
) -> None:
    """Give every candidate its BM25 and coverage, whichever side found it."""
    for candidate in candidates.values():
        passage = passages[candidate.passage_id]
        candidate.is_named = passage.work_id in where.preferred
        candidate.coverage = weights.coverage(passage.folded)
        candidate.lexical = weights.score(passage.folded, fold_names(passage.place))
        candidate.lexical *= where.boost if candidate.is_named else 1.0


def _ranked(candidates: dict[int, Candidate], passages: dict[int, Passage]) -> list[Hit]:
    ordered = sorted(
        candidates.values(), key=lambda c: (-c.score, passages[c.passage_id].length, c.passage_id)
    )
    lexical_order = sorted((c for c in ordered if c.lexical > 0), key=lambda c: -c.lexical)
    dense_order = sorted((c for c in ordered if c.dense is not None), key=lambda c: -(c.dense or 0.0))
    lexical_ranks = {c.passage_id: rank for rank, c in enumerate(lexical_order, 1)}
    dense_ranks = {c.passage_id: rank for rank, c in enumerate(dense_order, 1)}
    return [
        Hit(
            passage_id=candidate.passage_id,
            work=passage.work.title,
            section=passage.section_path,
            citation=passage.citation,
            text=passage.text,
            score=round(candidate.score, 4),
            dense_score=None if candidate.dense is None else round(candidate.dense, 4),
            lexical_score=round(candidate.lexical, 4) if candidate.lexical else None,
            dense_rank=dense_ranks.get(candidate.passage_id),
            lexical_rank=lexical_ranks.get(candidate.passage_id),
            fused_rank=rank,
            exact=candidate.exact_phrases > 0,
        )
        for rank, candidate in enumerate(ordered, 1)
        for passage in (passages[candidate.passage_id],)
    ]
