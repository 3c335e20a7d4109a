"""Decides which stored passage a passage of a new outline is: the same text, in the same place if it can be."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, TypeAlias

from knowledge.outlining.outline import OutlinePassage


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
