"""Decides the index terms of a passage: bigrams of its folded text and of the names of its place."""

from collections.abc import Iterable, Sequence

from knowledge.folding import bigrams, fold

# Between the text and each name lies a gap, so that a phrase never runs from one into the other.
_GAP = 2
_MAX_POSITION = 16_383
# PostgreSQL refuses a phrase of some thousand terms, and a few dozen leave one passage or none.
_MAX_PHRASE_CHARACTERS = 64


def fold_names(names: Iterable[str]) -> tuple[str, ...]:
    """Fold the names of a passage's place (work, sections, author), which are searched with its text."""
    return tuple(filter(None, map(fold, names)))


def text_terms(folded: str, names: Sequence[str] = ()) -> list[str]:
    """Return every term of the text and of the names, repetitions included."""
    return [term for part in (folded, *names) for term in bigrams(part)]


def terms_vector(folded: str, names: Sequence[str] = ()) -> str:
    """Write the terms with their positions as a ``tsvector`` literal.

    Terms of the text carry the weight D, terms of the names the weight A: a phrase is looked up in the
    text alone.
    """
    positions: dict[str, list[str]] = {}
    start = 1
    for number, part in enumerate((folded, *names)):
        weight = "" if number == 0 else "A"
        for position, term in enumerate(bigrams(part), start):
            positions.setdefault(term, []).append(f"{min(position, _MAX_POSITION)}{weight}")
        start += len(part) + _GAP
    return " ".join(f"'{term}':{','.join(places)}" for term, places in positions.items())


def phrase_query(folded: str) -> str:
    """Write the folded phrase as a ``tsquery`` literal: its terms follow each other in the text.

    Only its beginning is looked up; that the text has the rest of it too is for the caller to see.
    """
    return " <-> ".join(f"'{term}':D" for term in bigrams(folded[:_MAX_PHRASE_CHARACTERS]))
