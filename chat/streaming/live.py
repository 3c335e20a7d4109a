"""Decides how a reply that is being written in this process is shared with its viewers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from chat import frames
from chat.services.replies import Piece
from chat.services.turns import Turn
from chat.streaming.pieces import Pieces


class LiveReply:
    """The growing reply: an append-only list of pieces that any number of viewers read at their own pace.

    A viewer holds no queue of ours.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.pieces = Pieces()
        self.sources: list[frames.Frame] | None = None
        self.final: frames.Frame | None = None
        self.stopping = False
        self.interrupted = False
        self.reads_model = False
        self.closing = False
        self.ended = False
        self.flushed = 0
        self.written = 0
        self.thoughts = Pieces()
        self.retracted = False
        self.look_last: Callable[[], Awaitable[None]] | None = None
        self._changed = asyncio.Event()

    def set_sources(self, sources: list[frames.Frame]) -> None:
        """Show the viewers what the reply rests on."""
        self.sources = sources
        self._announce()

    def begin_with(self, text: str) -> None:
        """Take what an earlier reply has written already; ``written`` is how much of the text that is."""
        self.written = len(text)
        self.append(text)

    def append(self, text: str) -> None:
        """Take what the model has written since; after a stop nothing more is taken."""
        self._take(text, self.pieces)

    def think(self, text: str) -> None:
        """Take what the model thinks before it answers; it is shown apart and no part of the reply."""
        self._take(text, self.thoughts)

    def _take(self, text: str, pieces: Pieces) -> None:
        if self.stopping or not text:
            return
        pieces.append(text)
        self._announce()

    def retract(self) -> None:
        """Take back what was written: viewers are told, and nothing of it is kept."""
        self.retracted = True
        self.pieces.clear()
        self.thoughts.clear()
        self._announce()

    def end(self, final: frames.Frame | None) -> None:
        """Let the viewers go, with the final frame; without one they turn to the record in the database."""
        self.final = final
        self.ended = True
        self._announce()

    @property
    def text(self) -> str:
        """The reply as far as it is written."""
        return str(self.pieces)

    @property
    def reasoning(self) -> str:
        """What the model has thought so far."""
        return str(self.thoughts)

    def unflushed(self) -> list[Piece]:
        """Return the pieces that are not yet saved."""
        message_id = self.turn.message_id
        return [
            Piece(message_id, number + 1, self.pieces[number])
            for number in range(self.flushed, len(self.pieces))
        ]

    async def frames_after(self, last_seq: int) -> AsyncIterator[frames.Frame]:
        """Yield title, notice and sources, every delta after ``last_seq`` and, at the end, the final frame if there is one."""
        message_id = self.turn.message_id
        sources_sent = retraction_sent = False
        thoughts_sent = 0
        if self.turn.title and last_seq == 0:
            yield frames.title(self.turn.session_id, self.turn.title)
        if self.turn.notice and last_seq == 0:
            yield frames.notice(message_id, self.turn.notice)
        while True:
            changed = self._changed
            if self.sources is not None and not sources_sent:
                sources_sent = True
                yield frames.sources(message_id, self.sources)
            while thoughts_sent < len(self.thoughts):
                thoughts_sent += 1
                yield frames.reasoning(message_id, thoughts_sent, self.thoughts[thoughts_sent - 1])
            while last_seq < len(self.pieces):
                last_seq += 1
                yield frames.delta(message_id, last_seq, self.pieces[last_seq - 1])
            if self.retracted and not retraction_sent:
                retraction_sent = True
                yield frames.retract(message_id)
            if self.ended:
                if self.final is not None:
                    yield self.final
                return
            await changed.wait()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
