"""Decides how the characters of passages become posting lists: which terms there are, and their bytes.

A term is a pair of adjoining characters of the folded text, or its last character alone. A posting list says
in which documents of a segment a term occurs. Lists lie in blocks, sorted by term, small enough for PostgreSQL
to keep each in its row, but for the longest lists.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# Document numbers are 16 bits wide.
SEGMENT_LIMIT = 65_536
_CODE_BITS = 18
_DOCUMENT_BITS = 16
_TRANSLATED = 1 << (2 * _CODE_BITS)
_BLOCK_BYTES = 900
_ENTRY_BYTES = 12
_SEPARATOR = "\0"
# Arrays of so many documents are made at once: memory is bounded by the keys alone.
_DOCUMENTS_AT_ONCE = 4_096
_KEYS_AT_ONCE = 1 << 20

Terms: TypeAlias = NDArray[np.int64]
Documents: TypeAlias = NDArray[np.uint16]


@dataclass(frozen=True)
class Document:
    """What is indexed of a passage: its folded text, the folded names of its place, its folded translation."""

    text: str
    names: tuple[str, ...] = ()
    translation: str = ""


@dataclass(frozen=True)
class Block:
    """Posting lists of neighbouring terms; ``first_term`` is the least of them."""

    first_term: int
    data: bytes


def pair_term(pair: str, *, translated: bool = False) -> int:
    """Return the number of a pair of characters; in a translation it is another term."""
    return (ord(pair[0]) << _CODE_BITS | ord(pair[1])) | (_TRANSLATED if translated else 0)


def character_terms(character: str) -> tuple[int, int]:
    """Return the half-open range of the terms that begin with the character: all places where it stands."""
    first = ord(character) << _CODE_BITS
    return first, first + (1 << _CODE_BITS)


def split_pairs(folded: str) -> list[str]:
    """Split folded text into its overlapping pairs of characters, in order."""
    return [folded[start : start + 2] for start in range(len(folded) - 1)]


def build_blocks(documents: Sequence[Document]) -> list[Block]:
    """Write the posting lists of at most ``SEGMENT_LIMIT`` documents, numbered from 0 as they come."""
    if len(documents) > SEGMENT_LIMIT:
        raise ValueError(f"A segment has at most {SEGMENT_LIMIT} documents, not {len(documents)}.")
    if not documents:
        return []
    keys = _sorted_keys(documents)
    # The lowest bits of a key are its document.
    numbers = keys.astype("<u2")
    keys >>= _DOCUMENT_BITS
    starts = _firsts(keys)
    return list(_blocks(keys[starts], starts, numbers))


def count_characters(documents: Sequence[Document]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the characters of the texts, sorted by code, and in how many texts each stands."""
    counts = np.zeros(1 << _CODE_BITS, np.uint32)
    for first in range(0, len(documents), _DOCUMENTS_AT_ONCE):
        texts = [each.text for each in documents[first : first + _DOCUMENTS_AT_ONCE]]
        codes, numbers = code_points(texts)
        pairs = (codes << _DOCUMENT_BITS | numbers)[codes > 0]
        pairs.sort()
        pairs = pairs[_is_first(pairs)] >> _DOCUMENT_BITS
        counts += np.bincount(pairs, minlength=len(counts)).astype(np.uint32)
    characters = np.flatnonzero(counts)
    return characters.astype(np.uint32), counts[characters]


def read_postings(data: bytes, term: int) -> Documents:
    """Return the documents that have the term, in order; empty where the block has no such term."""
    terms, ends, documents = _parse(data)
    place = int(terms.searchsorted(term))
    if place == len(terms) or terms[place] != term:
        return documents[:0]
    return documents[ends[place - 1] if place else 0 : ends[place]]


def read_range(data: bytes, first: int, last: int) -> Documents:
    """Return the documents that have a term from ``first`` up to but not including ``last``, repeated."""
    terms, ends, documents = _parse(data)
    start, stop = terms.searchsorted([first, last])
    if start == stop:
        return documents[:0]
    return documents[ends[start - 1] if start else 0 : ends[stop - 1]]


def code_points(texts: Sequence[str]) -> tuple[Terms, Terms]:
    """Return the code points of the texts, a separator after each, and the number of each one's text."""
    joined = [text + _SEPARATOR for text in texts]
    codes = np.frombuffer("".join(joined).encode("utf-32-le"), "<u4").astype(np.int64)
    return codes, np.repeat(np.arange(len(joined)), [len(text) for text in joined])


def _sorted_keys(documents: Sequence[Document]) -> Terms:
    """Return the key of each term in each document, its term and then the document, sorted and once each."""
    size = sum(len(each.text) + sum(map(len, each.names)) + len(each.translation) for each in documents)
    keys = np.empty(size, np.int64)
    filled = 0
    for first in range(0, len(documents), _DOCUMENTS_AT_ONCE):
        some = documents[first : first + _DOCUMENTS_AT_ONCE]
        own = _keys([_SEPARATOR.join((each.text, *each.names)) for each in some], first)
        translated = _keys([each.translation for each in some], first)
        translated += _TRANSLATED << _DOCUMENT_BITS
        for part in (own, translated):
            keys[filled : filled + len(part)] = part
            filled += len(part)
    keys = keys[:filled]
    keys.sort()
    return _without_repeats(keys)


def _keys(texts: Sequence[str], first: int) -> Terms:
    """Return the key of each occurrence; the texts are numbered from ``first``."""
    codes, numbers = code_points(texts)
    present = codes[:-1] > 0
    keys = codes[:-1][present]
    keys <<= _CODE_BITS
    keys |= codes[1:][present]
    keys <<= _DOCUMENT_BITS
    keys += numbers[:-1][present] + first
    return keys


def _without_repeats(keys: Terms) -> Terms:
    """Return the values of the sorted array once each, in the place of the array itself."""
    filled, last = 0, np.int64(-1)
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        part = keys[start : start + _KEYS_AT_ONCE]
        kept = part[np.diff(part, prepend=last) != 0]
        last = part[-1]
        keys[filled : filled + len(kept)] = kept
        filled += len(kept)
    return keys[:filled]


def _is_first(ordered: Terms) -> NDArray[np.bool_]:
    """Tell of each value of the sorted array whether it stands there first."""
    is_first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return is_first


def _firsts(ordered: Terms) -> Terms:
    """Return where each value of the sorted array stands first."""
    return np.flatnonzero(_is_first(ordered))


def _blocks(terms: Terms, starts: Terms, documents: Documents) -> Iterable[Block]:
    ends = np.append(starts[1:], len(documents))
    # Where a block begins depends on the bytes before it. A list is never divided: a long one makes its block large.
    before = starts * documents.itemsize + np.arange(len(terms)) * _ENTRY_BYTES
    firsts = _firsts(before // _BLOCK_BYTES)
    for first, last in zip(firsts, [*firsts[1:], len(terms)], strict=True):
        offset = starts[first]
        parts = (
            np.array([last - first], "<u4"),
            terms[first:last].astype("<i8"),
            (ends[first:last] - offset).astype("<u4"),
            documents[offset : ends[last - 1]],
        )
        yield Block(int(terms[first]), b"".join(part.tobytes() for part in parts))


def _parse(data: bytes) -> tuple[Terms, NDArray[np.uint32], Documents]:
    count = int.from_bytes(data[:4], "little")
    terms = np.frombuffer(data, "<i8", count, 4)
    ends = np.frombuffer(data, "<u4", count, 4 + 8 * count)
    return terms, ends, np.frombuffer(data, "<u2", -1, 4 + _ENTRY_BYTES * count)
