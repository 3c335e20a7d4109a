"""Decides how a reply that is being written in this process is shared with its viewers."""

import asyncio
from collections.abc import AsyncIterator

from chat import frames
from chat.services.replies import Piece
from chat.services.turns import Turn

COALESCE_SECONDS = 0.03


class LiveReply:
    """The growing reply: an append-only list of pieces that any number of viewers read at their own pace.

    The first delta is passed on at once, later ones are joined for up to 30 ms. A viewer holds no queue of ours.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.pieces: list[str] = []
        self.sources: list[frames.Frame] | None = None
        self.final: frames.Frame | None = None
        self.stopping = False
        self.interrupted = False
        self.reads_model = False
        self.closing = False
        self.ended = False
        self.flushed = 0
        self._pending: list[str] = []
        self._cut_timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    def set_sources(self, sources: list[frames.Frame]) -> None:
        """Show the viewers what the reply rests on."""
        self.sources = sources
        self._announce()

    def append(self, text: str) -> None:
        """Take a delta of the model; after a stop nothing more is taken."""
        if self.stopping or not text:
            return
        self._pending.append(text)
        if not self.pieces:
            self.cut()
        elif self._cut_timer is None:
            self._cut_timer = asyncio.get_running_loop().call_later(COALESCE_SECONDS, self.cut)

    def cut(self) -> None:
        """Turn what is pending into the next numbered piece."""
        if self._cut_timer is not None:
            self._cut_timer.cancel()
            self._cut_timer = None
        if self._pending:
            self.pieces.append("".join(self._pending))
            self._pending.clear()
            self._announce()

    def end(self, final: frames.Frame | None) -> None:
        """Let the viewers go, with the final frame; without one they turn to the record in the database."""
        self.final = final
        self.ended = True
        self._announce()

    @property
    def text(self) -> str:
        """The reply as far as it is written."""
        return "".join(self.pieces)

    def unflushed(self) -> list[Piece]:
        """Return the pieces that are not yet saved."""
        message_id = self.turn.message_id
        return [
            Piece(message_id, seq, text)
            for seq, text in enumerate(self.pieces[self.flushed :], start=self.flushed + 1)
        ]

    async def frames_after(self, last_seq: int) -> AsyncIterator[frames.Frame]:
        """Yield title and sources, every delta after ``last_seq`` and, at the end, the final frame if there is one."""
        message_id = self.turn.message_id
        sources_sent = False
        if self.turn.title and last_seq == 0:
            yield frames.title(self.turn.session_id, self.turn.title)
        while True:
            changed = self._changed
            if self.sources is not None and not sources_sent:
                sources_sent = True
                yield frames.sources(message_id, self.sources)
            while last_seq < len(self.pieces):
                last_seq += 1
                yield frames.delta(message_id, last_seq, self.pieces[last_seq - 1])
            if self.ended:
                if self.final is not None:
                    yield self.final
                return
            await changed.wait()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
