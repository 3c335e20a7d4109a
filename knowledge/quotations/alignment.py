"""Decides how a quotation lies along a source that has almost the same characters, and what differs."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Indel, Levenshtein

# A quotation longer than this is looked for by a few of its stretches; all windows would be too many.
_LONG_CHARACTERS = 64
_ANCHOR_CHARACTERS = 4
_ANCHORS = 48
_MIN_SCORE = 45
_PLAY = 3


@dataclass(frozen=True)
class Difference:
    """Where the reply departs from the source, in folded characters; either side may be empty."""

    quoted: str
    source: str


@dataclass(frozen=True)
class Alignment:
    """The stretch of the source from ``start`` to ``end`` that the quotation comes closest to.

    ``edits`` are the characters wrong, missing or added, and the neighbours swapped, between the two.
    ``is_framed`` tells that the stretch begins and ends where a clause of the source does.
    """

    start: int
    end: int
    edits: int
    is_framed: bool


def align(
    quoted: str, source: str, find_edges: Callable[[], Collection[int]], *, most_edits: int
) -> Alignment | None:
    """Lay the quotation along the source, all folded, where it takes the fewest edits.

    ``find_edges`` gives the positions in the source between two clauses; of two stretches that are as good the
    one that begins and ends there is taken. None if it takes more than ``most_edits``.
    """
    place = _locate(quoted, source)
    if place is None:
        return None
    stretches = list(_close_stretches(quoted, source, place, most_edits))
    if not stretches:
        return None
    fewest = min(edits for edits, _, _ in stretches)
    edges = find_edges()
    ranked = [
        ((start not in edges) + (end not in edges), abs(end - start - len(quoted)), start, end)
        for edits, start, end in stretches
        if edits == fewest
    ]
    unframed, _, start, end = min(ranked)
    return Alignment(start, end, fewest, unframed == 0)


def _close_stretches(
    quoted: str, source: str, place: tuple[int, int], most_edits: int
) -> Iterator[tuple[int, int, int]]:
    """Yield the stretches about the place that take no more edits than allowed: edits, start and end."""
    starts, ends = (
        range(max(0, position - _PLAY), min(len(source), position + _PLAY) + 1) for position in place
    )
    for start, end in product(starts, ends):
        if start < end:
            edits = OSA.distance(quoted, source[start:end], score_cutoff=most_edits)
            if edits <= most_edits:
                yield edits, start, end


def find_differences(quoted: str, source: str, clauses: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Return what differs, in order: the clauses that changed places, or else the characters.

    Neighbours that changed places are one difference.
    """
    return _find_moves(clauses, source) or tuple(_find_changes(quoted, source))


def _find_changes(quoted: str, source: str) -> Iterator[Difference]:
    pending = Difference("", "")
    for tag, a1, a2, b1, b2 in _operations(quoted, source):
        if tag != "equal":
            pending = Difference(pending.quoted + quoted[a1:a2], pending.source + source[b1:b2])
        elif pending != Difference("", ""):
            yield pending
            pending = Difference("", "")
    if pending != Difference("", ""):
        yield pending


def _find_moves(clauses: Sequence[str], source: str) -> tuple[Difference, ...]:
    """Return which clauses of the quotation stand elsewhere in the source, and what it leaves out, in order.

    A clause that was moved is one difference where it stands and another where it belongs. Empty where the
    source has not all the clauses, one beside the other, or all of them in their order: then the characters tell.
    """
    spans = sorted((source.find(clause), clause) for clause in clauses)
    if [clause for _, clause in spans] == list(clauses):
        return ()
    parts: list[str] = []
    end = 0
    for start, clause in spans:
        if start < end:
            return ()
        parts += [source[end:start], clause]
        end = start + len(clause)
    kept = list(filter(None, (*parts, source[end:])))
    return tuple(
        Difference("".join(clauses[each.src_start : each.src_end]), "")
        if each.tag == "delete"
        else Difference("", "".join(kept[each.dest_start : each.dest_end]))
        for each in Indel.opcodes(list(clauses), kept)
        if each.tag != "equal"
    )


def similarity(quoted: str, source: str) -> float:
    """Return how much of the longer text is the same in both, from 0 to 1; a swap of neighbours is one change."""
    return OSA.normalized_similarity(quoted, source)


def _operations(quoted: str, source: str) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield the edits; a kept character between one that is gone and the same one come again is edited too."""
    operations = [
        (each.tag, each.src_start, each.src_end, each.dest_start, each.dest_end)
        for each in Levenshtein.opcodes(quoted, source)
    ]
    for index, (tag, a1, a2, b1, b2) in enumerate(operations):
        if tag == "equal" and a2 - a1 == 1 and 0 < index < len(operations) - 1:
            before, after = operations[index - 1], operations[index + 1]
            gone, come = quoted[before[1] : before[2]], source[after[3] : after[4]]
            lost, found = source[before[3] : before[4]], quoted[after[1] : after[2]]
            if (gone == come and not lost and not found) or (lost == found and not gone and not come):
                tag = "replace"
        yield tag, a1, a2, b1, b2


def _locate(quoted: str, source: str) -> tuple[int, int] | None:
    """Return about where in the source the quotation lies, or None if nothing there is like it."""
    if len(quoted) > _LONG_CHARACTERS:
        return _locate_long(quoted, source)
    if len(source) < len(quoted):
        return (0, len(source)) if fuzz.ratio(quoted, source) >= _MIN_SCORE else None
    found = fuzz.partial_ratio_alignment(quoted, source, score_cutoff=_MIN_SCORE)
    return (found.dest_start, found.dest_end) if found else None


def _locate_long(quoted: str, source: str) -> tuple[int, int] | None:
    """Follow the shifts at which some stretches of the quotation are found, at its beginning and at its end."""
    step = max(1, (len(quoted) - _ANCHOR_CHARACTERS) // _ANCHORS)
    starts = range(0, len(quoted) - _ANCHOR_CHARACTERS + 1, step)
    places = ((start, source.find(quoted[start : start + _ANCHOR_CHARACTERS])) for start in starts)
    shifts = [place - start for start, place in places if place >= 0]
    if not shifts:
        return None
    share = max(1, len(shifts) // 3)
    start, end = (sorted(part)[len(part) // 2] for part in (shifts[:share], shifts[-share:]))
    return max(0, min(start, len(source))), max(0, min(end + len(quoted), len(source)))
