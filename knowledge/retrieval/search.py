"""Decides which passages answer a query: candidates of both sides, one score for each, the same text once."""

import logging
from dataclasses import dataclass, replace

from guoxue.errors import NotFound
from knowledge.embeddings.query_vectors import query_vector
from knowledge.errors import EmbeddingUnavailable
from knowledge.folding import fold
from knowledge.models import Passage
from knowledge.retrieval import lexical
from knowledge.retrieval.fusion import NAMED_WORK_BOOST, Candidate, fuse
from knowledge.retrieval.hits import CandidateText, Hit, describe_hits, rank_groups, read_texts
from knowledge.retrieval.lexical import Weights, Where
from knowledge.retrieval.queries import ParsedQuery, named_in, parse_query
from knowledge.retrieval.relevance import measure_relevance
from knowledge.retrieval.reranking import get_reranker, rerank
from knowledge.retrieval.work_titles import ListedWork, list_works
from knowledge.vectors import dense
from knowledge.vectors.background import standardise
from knowledge.vectors.serving import serving_embedder

logger = logging.getLogger(__name__)

CANDIDATES = 160
MAX_LIMIT = 100
RERANKED = 50
# Editions of one work share their texts: where these leave too few, the search looks deeper, but no deeper than this.
DEEPEST_CANDIDATES = 1_000


@dataclass(frozen=True)
class Scope:
    """What is searched: works by title or alias, and categories; empty means everything."""

    work_titles: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class SearchResult:
    """The hits, how the query was understood, and whether the vectors had to be left out."""

    hits: list[Hit]
    query: ParsedQuery
    dense_available: bool


@dataclass(frozen=True)
class _Found:
    """The candidates in order, those of one text together; ``is_full`` tells that there may be more of them."""

    candidates: dict[int, Candidate]
    texts: dict[int, CandidateText]
    groups: list[list[int]]
    dense_available: bool
    is_full: bool


def search_passages(query: str, *, limit: int = 8, scope: Scope = Scope(), mode: str = "hybrid") -> list[Hit]:
    """Return the best passages for the query, best first; see ``run_search``."""
    return run_search(query, limit=limit, scope=scope, mode=mode).hits


def run_search(query: str, *, limit: int = 8, scope: Scope = Scope(), mode: str = "hybrid") -> SearchResult:
    """Search and tell how; ``mode="line"`` looks for the characters alone (半句寻句).

    At most ``MAX_LIMIT`` hits are given. Scores are comparable within one search only. When no vector can be
    had the search goes on by characters.
    """
    parsed = parse_query(query, literal=mode == "line")
    where = _find_place(parsed, scope)
    if not parsed.segments or where.work_ids == []:
        return SearchResult([], parsed, dense_available=mode != "line")
    limit = min(limit, MAX_LIMIT)
    found = _find(parsed, where, CANDIDATES, is_dense=mode != "line")
    if found.is_full and len(found.groups) < limit:
        found = _find(parsed, where, DEEPEST_CANDIDATES, is_dense=mode != "line")
    shown = max(limit, RERANKED) if mode != "line" and get_reranker() else limit
    hits = describe_hits(found.groups[:shown], found.candidates, found.texts, parsed)
    if shown > limit:
        hits = _rerank(parsed.text, hits)
    return SearchResult(hits[:limit], parsed, found.dense_available)


def _find(parsed: ParsedQuery, where: Where, depth: int, *, is_dense: bool) -> _Found:
    """Score the candidates of both sides, so many of each, and put them in order."""
    candidates, weights = _lexical_candidates(parsed, where, depth)
    is_full = len(candidates) >= depth
    nearest = _add_dense(parsed.text, candidates, where, depth) if is_dense else 0
    texts = read_texts(candidates)
    _measure(parsed, weights, candidates, texts, where)
    fuse(candidates.values())
    groups = rank_groups(candidates, texts)
    return _Found(candidates, texts, groups, bool(nearest), is_full or nearest >= depth)


def _rerank(query: str, hits: list[Hit]) -> list[Hit]:
    """Let the reranker put the hits in order; what holds the line literally stays in front."""
    scores = rerank(query, [f"{hit.citation}{hit.text}" for hit in hits])
    if scores is None:
        return hits
    order = sorted(range(len(hits)), key=lambda place: (not hits[place].exact, -scores[place], place))
    return [replace(hits[place], fused_rank=rank) for rank, place in enumerate(order, 1)]


def neighbours(passage_id: int, *, radius: int = 2) -> list[Passage]:
    """Return the passage with those around it, in reading order; raise ``NotFound`` if there is none."""
    passage = Passage.objects.only("work_id", "ordinal").filter(pk=passage_id).first()
    if passage is None:
        raise NotFound("没有找到这段文字，它可能已被更新。")
    return list(Passage.objects.around(passage, radius).located())


def _find_place(parsed: ParsedQuery, scope: Scope) -> Where:
    works = list_works()
    named = tuple(work.work_id for work in works if named_in(parsed, work.folded))
    everywhere = not scope.work_titles and not scope.categories
    work_ids = None if everywhere else [work.work_id for work in works if _in_scope(work, scope)]
    return Where(work_ids, preferred=named, boost=NAMED_WORK_BOOST)


def _in_scope(work: ListedWork, scope: Scope) -> bool:
    if scope.work_titles and set(map(fold, scope.work_titles)).isdisjoint(work.folded):
        return False
    return not scope.categories or work.category in scope.categories


def _lexical_candidates(
    parsed: ParsedQuery, where: Where, depth: int
) -> tuple[dict[int, Candidate], Weights]:
    found = lexical.find_candidates(parsed.segments, where, lines=parsed.lines, limit=depth)
    candidates = {passage_id: Candidate(passage_id) for passage_id in found.passage_ids}
    for passage_ids in found.exact.values():
        for passage_id in passage_ids:
            candidates.setdefault(passage_id, Candidate(passage_id)).exact_phrases += 1
    return candidates, found.weights


def _add_dense(text: str, candidates: dict[int, Candidate], where: Where, depth: int) -> int:
    """Add the nearest passages, give every candidate its similarity; return how many are near, 0 without vectors."""
    try:
        embedder = serving_embedder()
        vector = query_vector(embedder, text)
    except EmbeddingUnavailable:
        logger.warning("No query vector; searching by characters only.", exc_info=True)
        return 0
    model = embedder.name
    nearest = dense.find_nearest(vector, model=model, work_ids=where.work_ids, limit=depth)
    others = [passage_id for passage_id in candidates if passage_id not in nearest]
    similarities = nearest | dense.measure_similarity(vector, model=model, passage_ids=others)
    for passage_id, deviations in standardise(vector, similarities, model=model).items():
        candidate = candidates.setdefault(passage_id, Candidate(passage_id))
        candidate.dense, candidate.deviations = similarities[passage_id], deviations
    return len(nearest)


def _measure(
    parsed: ParsedQuery,
    weights: Weights,
    candidates: dict[int, Candidate],
    texts: dict[int, CandidateText],
    where: Where,
) -> None:
    """Give every candidate its overlap and alignment, be it by its text or by its translation."""
    for gone in candidates.keys() - texts.keys():
        del candidates[gone]
    query = "".join(parsed.segments)
    everything = list(texts.values())
    own = measure_relevance(query, weights, [t.folded for t in everything], [t.names for t in everything])
    for text, overlap, alignment in zip(everything, own.overlap, own.alignment, strict=True):
        candidate = candidates[text.passage_id]
        candidate.is_named = text.work_id in where.preferred or _is_sought(text, parsed)
        candidate.overlap, candidate.alignment = float(overlap), float(alignment)
    translated = [text for text in everything if text.translation]
    other = measure_relevance(
        query, weights, [fold(t.translation) for t in translated], [()] * len(translated)
    )
    for text, overlap, alignment in zip(translated, other.overlap, other.alignment, strict=True):
        candidate = candidates[text.passage_id]
        if overlap + alignment > candidate.overlap + candidate.alignment:
            candidate.overlap, candidate.alignment = float(overlap), float(alignment)


def _is_sought(text: CandidateText, parsed: ParsedQuery) -> bool:
    """Tell whether the query asks for the section by its title: 《关雎》, 关雎原文."""
    title = fold(text.place.section)
    return len(title) > 1 and (title in parsed.titles or title in parsed.segments)
