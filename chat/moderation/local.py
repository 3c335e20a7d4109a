"""Decides what the operators' words say of a text."""

from collections.abc import Sequence

from chat.moderation.judging import PASSED, Direction, Judgement, Verdict
from chat.moderation.words import Hit, WordList

MODERATOR = "words"
_AROUND = 40


class WordModerator:
    """Judges by the word list; always there, and no network."""

    name = MODERATOR

    def __init__(self, words: WordList) -> None:
        self._words = words

    def judge(self, text: str, direction: Direction) -> Judgement:
        """Judge the text by the first of its words that blocks, else by the first that flags."""
        return judge_hits(text, self._words.find(text))


def judge_hits(text: str, hits: Sequence[Hit]) -> Judgement:
    """Return the judgement that follows from the words found; its label is the word, its excerpt the place."""
    if not hits:
        return PASSED
    hit = next((hit for hit in hits if hit.blocks), hits[0])
    return Judgement(
        verdict=Verdict.RISKY if hit.blocks else Verdict.REVIEW,
        moderator=MODERATOR,
        label=hit.word.text,
        excerpt=text[max(0, hit.start - _AROUND) : hit.end + _AROUND],
    )
