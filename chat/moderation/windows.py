"""Decides in which pieces a growing or a long text is judged, so that nothing hides at the edge of a piece."""

from collections.abc import Iterator, Sequence
from io import StringIO

from chat.moderation.judging import Direction, Judgement, Moderator, judge_by_all, unanswered, weightiest
from chat.moderation.local import judge_hits
from chat.moderation.words import MAX_GAP, Hit, WordList, is_latin, skeleton_of

# A remote moderator is asked when so much is new and a sentence ends, or, without an end, when twice as much is.
WINDOW_CHARACTERS = 300
OVERLAP_CHARACTERS = 50
_ENDS = frozenset("。！？；…\n!?;")


def split_windows(text: str, size: int) -> Iterator[str]:
    """Yield the text in pieces of at most ``size`` characters, each beginning with the end of the one before."""
    start = 0
    while start == 0 or start + OVERLAP_CHARACTERS < len(text):
        yield text[start : start + size]
        start += size - OVERLAP_CHARACTERS


class OutputWindows:
    """The check of one reply while it is written; belongs to one reply, and is no thread's property.

    ``feed`` every delta before it is shown: it costs some microseconds and no I/O, and finds a listed word with its
    last character, whatever the deltas cut it into. ``due`` returns text that the remote moderators have not seen, for
    ``judge_remotely`` in a thread. When a judgement ``blocks``, nothing more is shown and what was shown is retracted.
    """

    def __init__(self, words: WordList, remote: tuple[Moderator, ...] = ()) -> None:
        self._words = words
        self._remote = remote
        self._text = StringIO()
        self._skeleton_tail = ""
        self._tail = ""
        self._reported: set[str] = set()
        self._unseen = ""
        self._before_unseen = ""
        # Long enough for the longest word, spaced out as far as it may be.
        self._tail_characters = (words.longest + 1) * (MAX_GAP + 1) * 2

    def feed(self, delta: str) -> Judgement | None:
        """Take the next piece of the reply; return what the words say of it if that is new and no pass."""
        self._text.write(delta)
        if self._remote:
            self._unseen += delta
        skeleton = self._skeleton_tail + skeleton_of(delta)
        before, text = self._tail, self._tail + delta
        self._tail = text[-self._tail_characters :]
        self._skeleton_tail = skeleton[-self._words.longest :]
        if not self._words.touches(skeleton):
            return None
        # Of what ends earlier an earlier delta has told; a Latin word at the very end may go on with the next one.
        hits = [hit for hit in self._words.find(text) if hit.end >= len(before) and not _may_go_on(text, hit)]
        return self._judge(text, hits)

    def finish(self) -> Judgement | None:
        """Judge the whole reply once more by the words: one may be stretched out further than ``feed`` looks back."""
        text = self._text.getvalue()
        return self._judge(text, self._words.find(text))

    def due(self, *, is_last: bool = False) -> str | None:
        """Return the next window for the remote moderators, with the text before it, once it is long enough."""
        if not self._unseen.strip() or not (is_last or len(self._unseen) >= WINDOW_CHARACTERS):
            return None
        limit = 2 * WINDOW_CHARACTERS
        end = len(self._unseen) if is_last else _last_end(self._unseen[:limit])
        if end < WINDOW_CHARACTERS and not is_last:
            if len(self._unseen) < limit:
                return None
            end = limit
        window = self._before_unseen + self._unseen[:end]
        self._before_unseen = window[-OVERLAP_CHARACTERS:]
        self._unseen = self._unseen[end:]
        return window

    def judge_remotely(self, window: str) -> Judgement:
        """Ask the remote moderators about a window; this waits for the network."""
        return weightiest(judge_by_all(window, Direction.OUTPUT, self._remote))

    def unanswered(self, window: str) -> Judgement:
        """Return what follows when the remote moderators take too long over a window."""
        names = "、".join(moderator.name for moderator in self._remote)
        return unanswered(names, Direction.OUTPUT, label="timeout", excerpt=window)

    def _judge(self, text: str, hits: Sequence[Hit]) -> Judgement | None:
        new = [hit for hit in hits if hit.blocks or hit.word.text not in self._reported]
        self._reported.update(hit.word.text for hit in new)
        return judge_hits(text, new) if new else None


def _may_go_on(text: str, hit: Hit) -> bool:
    return hit.end == len(text) and is_latin(text[-1])


def _last_end(text: str) -> int:
    """Return how far the last whole sentence reaches; 0 when none ends."""
    return max((place + 1 for place, character in enumerate(text) if character in _ENDS), default=0)
