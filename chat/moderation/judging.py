"""Decides what a judgement is, which of several counts, and what follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from django.conf import settings

from chat.models import Message, ModerationRecord

Direction = ModerationRecord.Direction
EXCERPT_CHARACTERS = 200


class Verdict(StrEnum):
    """What a moderator says of a text; ``unavailable`` is that it says nothing."""

    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Judgement:
    """What one moderator says of a text, and why; ``fails_open`` tells what an unavailable one is taken for."""

    verdict: Verdict
    moderator: str = ""
    label: str = ""
    trace_id: str = ""
    excerpt: str = ""
    fails_open: bool = True

    @property
    def blocks(self) -> bool:
        """Tell whether the text must not be shown: refuse what comes in, retract what has gone out."""
        return self.verdict == Verdict.RISKY or (self.verdict == Verdict.UNAVAILABLE and not self.fails_open)

    @property
    def flag(self) -> str:
        """How a message of this text is marked: blocked, for review (also where nobody judged it), or not at all."""
        if self.verdict == Verdict.PASS:
            return ""
        return Message.Flag.BLOCKED if self.blocks else Message.Flag.REVIEW


PASSED = Judgement(Verdict.PASS)


class Moderator(Protocol):
    """Whoever judges texts. It never raises because it cannot be reached: that too is a verdict."""

    name: str

    def judge(self, text: str, direction: Direction) -> Judgement:
        """Judge a text of any length."""


def judge_by_all(text: str, direction: Direction, moderators: Iterable[Moderator]) -> tuple[Judgement, ...]:
    """Ask one moderator after the other until one blocks; return what was no plain pass."""
    judgements: list[Judgement] = []
    for moderator in moderators:
        judgement = moderator.judge(text, direction)
        if judgement.verdict != Verdict.PASS:
            judgements.append(judgement)
        if judgement.blocks:
            break
    return tuple(judgements)


def unanswered(moderator: str, direction: Direction, *, label: str, excerpt: str) -> Judgement:
    """Return what follows when a moderator that should have judged a text does not answer."""
    return Judgement(
        verdict=Verdict.UNAVAILABLE,
        moderator=moderator,
        label=label,
        excerpt=excerpt[:EXCERPT_CHARACTERS],
        fails_open=fails_open(direction),
    )


def weightiest(judgements: Iterable[Judgement]) -> Judgement:
    """Return the judgement that counts: ``risky`` before any other that blocks, then ``review``; else a pass."""
    return max(judgements, key=_weight, default=PASSED)


def fails_open(direction: Direction) -> bool:
    """Tell whether a text goes through, flagged, when a moderator that should have judged it does not answer."""
    if direction == Direction.OUTPUT:
        return bool(settings.MODERATION_OUTPUT_FAILS_OPEN)
    return bool(settings.MODERATION_INPUT_FAILS_OPEN)


def _weight(judgement: Judgement) -> int:
    if judgement.verdict == Verdict.RISKY:
        return 4
    if judgement.blocks:
        return 3
    return {Verdict.REVIEW: 2, Verdict.UNAVAILABLE: 1}.get(judgement.verdict, 0)
