"""Decides which stored passage a passage of a new outline is: the same text, in the same place if it can be.

And whether two texts that bear one title are states of one text at all.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from django.db.models import F

from knowledge.models import Work
from knowledge.outlining.outline import OutlinePassage, WorkOutline


class StoredPassage(NamedTuple):
    """What is compared of a passage in the corpus; ``names`` are the folded names of its place."""

    id: int
    ordinal: int
    section_id: int | None
    kind: str
    content_hash: str
    translation_digest: str
    continues: bool
    names: tuple[str, ...]


# Two books have hardly a line of so many characters in common, a corrected or newly punctuated one nearly all.
_FRAGMENT_CHARACTERS = 6
_CHANCE_SHARE = 0.1
_SAMPLED_PASSAGES, _SAMPLED_CHARACTERS = 100, 60

_Key: TypeAlias = Callable[[Any], Hashable]

# From the surest to the last resort. What a text says makes it the same passage; its place and kind decide
# between several that say the same.
_LIKENESSES: tuple[_Key, ...] = (
    lambda passage: (passage.content_hash, passage.kind, passage.names),
    lambda passage: (passage.content_hash, passage.kind),
    lambda passage: passage.content_hash,
)


def match_passages(
    planned: Sequence[OutlinePassage], stored: Sequence[StoredPassage]
) -> tuple[list[StoredPassage | None], list[StoredPassage]]:
    """Return for each planned passage the stored one that it is, or None, and the stored ones that are left.

    ``stored`` comes in reading order; among equals the first is taken first.
    """
    matches: list[StoredPassage | None] = [None] * len(planned)
    for likeness in _LIKENESSES:
        if not stored:
            break
        reusable: dict[Hashable, deque[StoredPassage]] = defaultdict(deque)
        for passage in stored:
            reusable[likeness(passage)].append(passage)
        for index, each in enumerate(planned):
            if matches[index] is None and (known := reusable.get(likeness(each))):
                matches[index] = known.popleft()
        stored = [passage for rest in reusable.values() for passage in rest]
        stored.sort(key=lambda passage: passage.ordinal)
    return matches, list(stored)


def is_other_text(work: Work, outline: WorkOutline) -> bool:
    """Tell whether the stored work has nothing in common with the outlined one, as far as a sample shows."""
    step = max(1, work.passage_count // _SAMPLED_PASSAGES)
    sampled = work.passages.alias(turn=F("ordinal") % step).filter(turn=0)
    fragments = [each for text in sampled.values_list("folded", flat=True) for each in _fragments(text)]
    planned = "\n".join(passage.folded for passage in outline.passages)
    found = sum(fragment in planned for fragment in fragments)
    return bool(fragments) and found <= _CHANCE_SHARE * len(fragments)


def _fragments(text: str) -> Iterator[str]:
    """Yield some stretches of the text; a text that is shorter is one itself."""
    last = min(_SAMPLED_CHARACTERS, len(text)) - _FRAGMENT_CHARACTERS
    for start in range(0, max(0, last) + 1, _FRAGMENT_CHARACTERS):
        yield text[start : start + _FRAGMENT_CHARACTERS]
