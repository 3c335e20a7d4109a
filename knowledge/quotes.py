"""Decides whether the corpus has what a reply quotes, and whether it stands where the reply says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from knowledge import lexical
from knowledge.attribution import Attribution, Places, judge_place
from knowledge.models import Passage
from knowledge.quotations import Quotation, cited_title, find_quotations
from knowledge.sources import Parts, find_sources, fold_parts, load_passages

Verdict = Literal["exact", "near", "not_found"]

MIN_SIMILARITY = 0.75
_NEAR_CANDIDATES = 5
_MAX_SHIFT = 3


@dataclass(frozen=True)
class Difference:
    """Where the reply departs from the source, in folded characters; either side may be empty."""

    quoted: str
    source: str


@dataclass(frozen=True)
class QuoteCheck:
    """One quotation of a reply and what the corpus says about it.

    ``cited`` is the place that the reply gives. ``citation`` is the right place, ``source_text`` the
    passage there.
    """

    quote: str
    start: int
    end: int
    verdict: Verdict
    passage_id: int | None = None
    citation: str | None = None
    attribution: Attribution = "unknown"
    cited: str | None = None
    source_text: str | None = None
    similarity: float = 0.0
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class _Match:
    similarity: float
    passage: Passage
    differences: tuple[Difference, ...] = ()


def check_quotes(reply: str) -> list[QuoteCheck]:
    """Check every quotation of the reply against the corpus, in order.

    A quotation is exact when the corpus has its ideographs one after the other, whatever the script and
    punctuation; where it has an ellipsis, its parts. One that is not exact but holds others is judged by
    those.
    """
    quotations = find_quotations(reply)
    everything = {each: fold_parts(each.text) for quotation in quotations for each in _with_inner(quotation)}
    exact = find_sources(set(everything.values()))
    chosen = [each for quotation in quotations for each in _choose(quotation, everything, exact)]
    near = _find_near(["".join(everything[each]) for each in chosen if not exact.get(everything[each])])
    places = Places.load()
    return [_judge(reply, each, everything[each], exact, near, places) for each in chosen]


def _with_inner(quotation: Quotation) -> Iterable[Quotation]:
    yield quotation
    for inner in quotation.inner:
        yield from _with_inner(inner)


def _choose(
    quotation: Quotation, parts: dict[Quotation, Parts], exact: dict[Parts, list[Passage]]
) -> Iterable[Quotation]:
    """Keep the quotation itself if it is exact or holds no other; else what it holds."""
    if exact.get(parts[quotation]) or not quotation.inner:
        yield quotation
        return
    for inner in quotation.inner:
        yield from _choose(inner, parts, exact)


def _find_near(phrases: Sequence[str]) -> dict[str, list[_Match]]:
    """Return for each phrase the passages that have something close to it, closest first."""
    found = lexical.find_similar(phrases, limit=_NEAR_CANDIDATES)
    passages = load_passages(passage_id for ids in found.values() for passage_id in ids)
    near: dict[str, list[_Match]] = {}
    for phrase, ids in found.items():
        matches = [_compare(phrase, passages[key]) for key in ids if key in passages]
        kept = [match for match in matches if match.similarity >= MIN_SIMILARITY]
        near[phrase] = sorted(kept, key=lambda match: -match.similarity)
    return near


def _compare(phrase: str, passage: Passage) -> _Match:
    """Lay the phrase along the passage where most of it matches, and compare it with that stretch."""
    if MIN_SIMILARITY * len(phrase) > (2 - MIN_SIMILARITY) * len(passage.folded):
        # Too long to be similar even if it held the whole passage; matching it would take its length squared.
        return _Match(0.0, passage)
    blocks = SequenceMatcher(None, phrase, passage.folded, autojunk=False).get_matching_blocks()
    largest = max(blocks, key=lambda block: block.size)
    shift = largest.b - largest.a
    aligned = [block for block in blocks if block.size and abs(block.b - block.a - shift) <= _MAX_SHIFT]
    if not aligned:
        return _Match(0.0, passage)
    first, last = aligned[0], aligned[-1]
    end = last.b + len(phrase) - last.a
    stretch = passage.folded[max(0, first.b - first.a) : end]
    matcher = SequenceMatcher(None, phrase, stretch, autojunk=False)
    differences = tuple(
        Difference(phrase[a1:a2], stretch[b1:b2])
        for operation, a1, a2, b1, b2 in matcher.get_opcodes()
        if operation != "equal"
    )
    return _Match(matcher.ratio(), passage, differences)


def _judge(
    reply: str,
    quotation: Quotation,
    parts: Parts,
    exact: dict[Parts, list[Passage]],
    near: dict[str, list[_Match]],
    places: Places,
) -> QuoteCheck:
    sources = exact.get(parts, [])
    matches = [_Match(1.0, passage) for passage in sources] or near.get("".join(parts), [])
    cited = cited_title(reply, quotation)
    verdict: Verdict = "exact" if sources else "near" if matches else "not_found"
    if not matches:
        return QuoteCheck(quotation.text, quotation.start, quotation.end, verdict, cited=cited)
    judged = [(judge_place(cited, match.passage, places), match) for match in matches]
    attribution, match = next((pair for pair in judged if pair[0] == "right"), judged[0])
    return QuoteCheck(
        quote=quotation.text,
        start=quotation.start,
        end=quotation.end,
        verdict=verdict,
        passage_id=match.passage.pk,
        citation=match.passage.citation,
        attribution=attribution,
        cited=cited,
        source_text=match.passage.text,
        similarity=round(match.similarity, 3),
        differences=match.differences,
    )
