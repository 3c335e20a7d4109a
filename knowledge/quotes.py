"""Decides whether the corpus has what a reply quotes, and whether it stands where the reply says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge.folding import fold, fold_characters
from knowledge.models import Place
from knowledge.quotations.alignment import Difference, find_differences, similarity
from knowledge.quotations.attribution import (
    Attribution,
    Location,
    cited_works,
    is_known,
    judge,
    may_be_wrong,
    soften,
)
from knowledge.quotations.claims import Claim, Tie, bare_sources, find_claim
from knowledge.quotations.diction import Diction
from knowledge.quotations.finding import find_quotations
from knowledge.quotations.quoted_spans import Kind, Quotation, introduction_of, take_apart
from knowledge.quotations.reporting import (
    Occasion,
    Verdict,
    is_common,
    shows_exact,
    shows_missing,
    shows_near,
)
from knowledge.quotations.sources import (
    MAX_SOURCES,
    Match,
    find_exact,
    find_near,
    load_locations,
)
from knowledge.quotations.wordings import read_wording
from knowledge.quotations.work_names import WorkNames, load_work_names
from knowledge.retrieval.hits import read_written

_MAX_LOOKED_UP = 300
_MAX_NEAR_CHARACTERS = 2_000


@dataclass(frozen=True)
class QuoteCheck:
    """One quotation of a reply and what the corpus says about it.

    ``start`` and ``end`` are offsets into the reply. ``cited`` is the place that the reply gives,
    ``cited_in_corpus`` whether the corpus has it at all (None: no name is given): of a work that it has
    not, "not found" says little. ``citation`` is the right place, ``source_text`` the passage there.
    ``differences`` are in folded characters. ``kind`` tells how the quotation is set.
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
    kind: Kind = "marks"
    cited_in_corpus: bool | None = None


@dataclass(frozen=True)
class _Evidence:
    """What is known of a reply's quotations: how the reply presents each, and what the corpus has like it."""

    names: WorkNames
    occasions: dict[Quotation, Occasion]
    matches: dict[Quotation, list[Match]]
    locations: dict[int, Location]


@dataclass(frozen=True)
class _Judgement:
    """The source chosen for a quotation, if there is one, and whether it stands where the reply says.

    ``sources`` is how many passages have it in the same way. ``is_beside_found`` tells of a piece that the
    corpus has another piece of the same quotation: its own absence then counts.
    """

    occasion: Occasion
    match: Match | None = None
    attribution: Attribution = "unknown"
    sources: int = 0
    is_beside_found: bool = False


def check_quotes(reply: str) -> list[QuoteCheck]:
    """Check the quotations of the reply against the corpus, in order.

    A quotation is exact when the corpus has its ideographs one after the other, whatever the script and
    punctuation, and be it in several passages that follow each other; where it has an ellipsis, its parts.
    It is near when few of them are wrong, missing, added or swapped. One that is neither is judged by the
    quotations or sentences within it. What is no quotation by the rule of ``knowledge.quotations.reporting`` is left
    out. The number of queries does not grow with the reply.
    """
    quotations = find_quotations(reply)
    if not quotations:
        return []
    evidence = _gather(reply, quotations)
    judgements = [judgement for quotation in quotations for judgement in _choose(quotation, evidence)]
    return list(_describe(judgements, evidence))


def _gather(reply: str, quotations: Sequence[Quotation]) -> _Evidence:
    """Look all quotations up at once, and then the pieces of those of which the corpus has nothing close."""
    evidence = _Evidence(load_work_names(), {}, {}, {})
    plain = fold_characters(reply)
    evidence.names.remember_sections(set(bare_sources(reply, plain, quotations)))
    for quotation in quotations:
        _present(reply, plain, quotation, evidence)
    level = list(evidence.occasions)
    while level:
        _look_up(level, evidence)
        known = len(evidence.occasions)
        for quotation in level:
            if not quotation.inner and known < _MAX_LOOKED_UP and not _is_settled(quotation, evidence):
                for piece in take_apart(quotation):
                    _present(reply, plain, piece, evidence, evidence.occasions[quotation].claim)
        level = list(evidence.occasions)[known:]
    found = (match.passage_id for matches in evidence.matches.values() for match in matches)
    evidence.locations.update(load_locations(found))
    return evidence


def _present(
    reply: str, plain: str, quotation: Quotation, evidence: _Evidence, around: Claim | None = None
) -> None:
    """Read what the reply says of the quotation and of those within it.

    What it says of the whole holds for a piece, and for what it says nothing else of.
    """
    claim = find_claim(reply, plain, quotation, is_source=evidence.names.is_source)
    if around and (quotation.is_piece or (claim.tie is not Tie.GLOSSED and claim.tie < around.tie)):
        claim = around
    evidence.occasions[quotation] = Occasion(quotation, read_wording(quotation.text), claim)
    for inner in quotation.inner:
        _present(reply, plain, inner, evidence, claim)


def _look_up(quotations: Sequence[Quotation], evidence: _Evidence) -> None:
    """Look for the quotations word for word, then for something close to the rest, in one go each."""
    occasions = [evidence.occasions[each] for each in quotations]
    wordings = {each.quotation: each.wording for each in occasions if each.wording.whole}
    claims = [each.claim for each in occasions]
    exact = find_exact(set(wordings.values()), preferred=cited_works(claims, evidence.names))
    rest = {
        wording
        for quotation, wording in wordings.items()
        if wording not in exact and len(wording.whole) <= _MAX_NEAR_CHARACTERS
    }
    near = find_near(rest)
    for quotation, wording in wordings.items():
        evidence.matches[quotation] = exact.get(wording) or near.get(wording, [])


def _is_settled(quotation: Quotation, evidence: _Evidence) -> bool:
    """Tell whether the corpus has something so close to the quotation that its pieces need no look."""
    length = evidence.occasions[quotation].length
    closest = min((match.edits for match in evidence.matches.get(quotation, ())), default=length)
    return not closest or (4 * closest <= length and not introduction_of(quotation))


def _choose(quotation: Quotation, evidence: _Evidence) -> list[_Judgement]:
    """Return what the quotation is judged by: itself, or what it holds if the corpus has more of that."""
    whole = _find(quotation, evidence)
    if whole.match and not whole.match.edits:
        return [whole]
    pieces = [piece for piece in take_apart(quotation) if piece in evidence.occasions]
    within = [judgement for piece in pieces for judgement in _choose(piece, evidence)]
    if whole.match:
        return within if _is_true_but_introduced(whole.occasion, within) else [whole]
    is_speech = bool(quotation.inner) and evidence.occasions[quotation].diction is Diction.MODERN
    found = [judgement for judgement in within if judgement.match]
    if not found:
        return within if is_speech else [whole]
    if unjudged := _unjudged_characters(quotation, pieces, evidence):
        best = max(found, key=lambda judgement: judgement.occasion.length)
        match = replace(best.match, edits=best.match.edits + unjudged) if best.match else None
        return [replace(best, occasion=whole.occasion, match=match)]
    return [replace(judgement, is_beside_found=judgement.occasion.quotation.is_piece) for judgement in within]


def _unjudged_characters(quotation: Quotation, pieces: Sequence[Quotation], evidence: _Evidence) -> int:
    """Count what of the quotation is too short to be judged as a piece: it may be wrong, the whole is not exact."""
    if not all(piece.is_piece for piece in pieces) or quotation.kind in ("line", "sentence"):
        return 0
    judged = sum(evidence.occasions[piece].length for piece in pieces)
    return evidence.occasions[quotation].length - judged - len(fold(introduction_of(quotation)))


def _is_true_but_introduced(occasion: Occasion, within: Sequence[_Judgement]) -> bool:
    """Tell whether everything but the reply's own introduction of the quotation is exact."""
    introduction = introduction_of(occasion.quotation)
    exact = sum(each.occasion.length for each in within if each.match and not each.match.edits)
    return bool(introduction) and exact + len(fold(introduction)) >= occasion.length


def _find(quotation: Quotation, evidence: _Evidence) -> _Judgement:
    """Choose the source of the quotation: of those that come closest the one that stands where the reply says."""
    occasion = evidence.occasions[quotation]
    matches = [
        match for match in evidence.matches.get(quotation, ()) if match.passage_id in evidence.locations
    ]
    judged = [
        (match, judge(occasion.claim, evidence.locations[match.passage_id], evidence.names))
        for match in matches
    ]
    shown = [
        (match, attribution)
        for match, attribution in judged
        if not match.edits
        or shows_near(
            occasion,
            match.edits,
            is_framed=match.is_framed,
            is_where_claimed=attribution == "right",
        )
    ]
    if not shown:
        return _Judgement(occasion)
    fewest = min(match.edits for match, _ in shown)
    closest = [pair for pair in shown if pair[0].edits <= (fewest + 1 if fewest else 0)]
    match, attribution = next((pair for pair in closest if pair[1] == "right"), closest[0])
    if attribution == "wrong" and not _is_wrong(occasion.claim, closest, evidence.names):
        attribution = "unknown"
    return _Judgement(occasion, match, attribution, sources=len(shown))


def _is_wrong(claim: Claim, judged: Sequence[tuple[Match, Attribution]], names: WorkNames) -> bool:
    """Tell whether every source stands elsewhere; where there may be more sources than were looked at, who knows."""
    is_elsewhere = all(attribution == "wrong" for _, attribution in judged)
    return is_elsewhere and len(judged) < MAX_SOURCES and may_be_wrong(claim, names)


def _describe(judgements: Iterable[_Judgement], evidence: _Evidence) -> Iterator[QuoteCheck]:
    shown = [judgement for judgement in judgements if _is_shown(judgement, evidence.names)]
    chosen = {judgement.match.passage_id for judgement in shown if judgement.match}
    written = read_written(list(chosen))
    for judgement in shown:
        claim, quotation = judgement.occasion.claim, judgement.occasion.quotation
        check = QuoteCheck(
            quote=quotation.text,
            start=quotation.start,
            end=quotation.end,
            verdict="not_found",
            cited=claim.cited,
            kind=quotation.kind,
            cited_in_corpus=_is_known(judgement, evidence.names),
        )
        match = judgement.match
        if match and match.passage_id in written:
            location = evidence.locations[match.passage_id]
            check = _with_source(check, judgement, match, location.place, written[match.passage_id])
        yield check


def _is_known(judgement: _Judgement, names: WorkNames) -> bool | None:
    claim = judgement.occasion.claim
    return True if claim.cited and judgement.attribution != "unknown" else is_known(claim, names)


def _is_shown(judgement: _Judgement, names: WorkNames) -> bool:
    occasion = judgement.occasion
    if judgement.match is None:
        is_missing = shows_missing(occasion, beside_found=judgement.is_beside_found)
        return is_missing and (occasion.claim.tie is not Tie.HELD or may_be_wrong(occasion.claim, names))
    if judgement.match.edits:
        return True
    return shows_exact(occasion, common=is_common(judgement.sources, names.version.passages))


def _with_source(
    check: QuoteCheck, judgement: _Judgement, match: Match, place: Place, text: str
) -> QuoteCheck:
    wording = judgement.occasion.wording
    return replace(
        check,
        verdict="near" if match.edits else "exact",
        passage_id=match.passage_id,
        citation=place.citation,
        attribution=soften(judgement.attribution, judgement.occasion.claim, text, match.source),
        source_text=text,
        similarity=round(similarity(wording.whole, match.source), 3) if match.edits else 1.0,
        differences=find_differences(wording.whole, match.source, wording.clauses) if match.edits else (),
    )
