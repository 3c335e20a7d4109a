"""Decides which passages of the corpus a word list would hit: every one of them is a false alarm."""

from collections.abc import Iterator
from dataclasses import dataclass

from chat.moderation.words import Word, WordList, skeleton_of
from knowledge.folding import fold
from knowledge.models import Passage

_BATCH = 2000
_AROUND = 12


@dataclass(frozen=True)
class CorpusHit:
    """A passage that has a listed word: where it stands, and the words around."""

    word: Word
    blocks: bool
    passage_id: int
    citation: str
    excerpt: str


def find_in_corpus(words: WordList) -> Iterator[CorpusHit]:
    """Go through every stored passage and its translation; yields each word once for a passage."""
    rows = Passage.objects.values_list("id", "text", "translation").order_by()
    for passage_id, *texts in rows.iterator(chunk_size=_BATCH):
        yield from _hits(words, passage_id, texts)


def find_one_in_corpus(word: Word, *, limit: int) -> list[CorpusHit]:
    """Return up to ``limit`` passages that have the word, by the folded text: quick enough to wait for."""
    folded = fold(word.text)
    # With a letter or digit in it no folded text has it, and the classics hardly.
    if folded != skeleton_of(word.text):
        return []
    words = WordList([word])
    found: list[CorpusHit] = []
    rows = Passage.objects.filter(folded__contains=folded).values_list("id", "text").order_by("id")
    for passage_id, text in rows.iterator(chunk_size=_BATCH):
        found.extend(_hits(words, passage_id, [text]))
        if len(found) >= limit:
            break
    return found[:limit]


def _hits(words: WordList, passage_id: int, texts: list[str]) -> Iterator[CorpusHit]:
    hits = {hit.word: (text, hit) for text in texts for hit in words.find(text)}
    if not hits:
        return
    citation = Passage.objects.located().get(id=passage_id).citation
    for word, (text, hit) in hits.items():
        excerpt = " ".join(text[max(0, hit.start - _AROUND) : hit.end + _AROUND].split())
        yield CorpusHit(word, hit.blocks, passage_id, citation, excerpt)
