"""Decides what of a model's words goes on to the viewers: made safe, and judged, by the word list before it is shown."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from chat.errors import InstructionsLeaked, ReplyRetracted
from chat.moderation.judging import Direction, Judgement
from chat.moderation.windows import OutputWindows
from chat.safe_output import SafeOutput
from chat.services.moderation import record_judgements
from guoxue.bridge import in_thread

# So long a reply that was cut short waits for what moderators say of its end.
LAST_LOOK_SECONDS = 5.0


class Screen:
    """Stands between one text of a model and its viewers; the text that passes is the one that is kept.

    Raises InstructionsLeaked where the model recites its instructions, and ReplyRetracted where moderation does not
    let pass what it wrote: then what was shown is taken back.
    """

    def __init__(self, canary: str, check: OutputWindows, *, user: User, message_id: UUID) -> None:
        self._safe = SafeOutput(canary)
        self._check = check
        self._user = user
        self._message_id = message_id
        self._asked: str | None = None

    async def pass_on(self, delta: str) -> str:
        """Take the next piece and return what may be shown now."""
        return await self._judged(self._safe.feed(delta))

    async def begin_with(self, written: str) -> None:
        """Take what an earlier reply has written; its words flag, and may block, this reply too."""
        await self._consider(self._check.feed(written))

    async def finish(self) -> str:
        """Return what was kept back of a text that has ended, once all of it is judged."""
        rest = await self._judged(self._safe.finish())
        await self._judge_end()
        return rest

    async def look_last(self) -> None:
        """Judge the end of a text that was cut short, of which nothing more is shown.

        Somebody waits for the reply to end, be it the process that is to stop: a moderator that takes too long has
        not answered.
        """
        try:
            async with asyncio.timeout(LAST_LOOK_SECONDS):
                await self._judge_end()
        except TimeoutError:
            await self._consider(self._check.unanswered(self._asked or ""))

    async def _judge_end(self) -> None:
        await self._consider(self._check.finish())
        await self._ask_remotely(is_last=True)

    async def _judged(self, text: str) -> str:
        if text:
            await self._consider(self._check.feed(text))
            await self._ask_remotely()
        if self._safe.leaked:
            raise InstructionsLeaked
        return text

    async def _ask_remotely(self, *, is_last: bool = False) -> None:
        while (window := self._asked or self._check.due(is_last=is_last)) is not None:
            # One whose judgement was not waited for, as the reply was stopped, is asked about again.
            self._asked = window
            judgement = await in_thread(self._check.judge_remotely, window)
            self._asked = None
            await self._consider(judgement)

    async def _consider(self, judgement: Judgement | None) -> None:
        if judgement is None:
            return
        try:
            await in_thread(
                record_judgements,
                [judgement],
                direction=Direction.OUTPUT,
                user=self._user,
                message_id=self._message_id,
            )
        finally:
            # Such a text does not stand, whatever becomes of the record.
            if judgement.blocks:
                raise ReplyRetracted


@dataclass(frozen=True)
class Screens:
    """The screens of a reply's text and of its reasoning."""

    text: Screen
    reasoning: Screen

    async def look_last(self) -> None:
        """Judge the ends of what was cut short. Raises ReplyRetracted."""
        await asyncio.gather(self.text.look_last(), self.reasoning.look_last())


def open_screens(
    canary: str, checks: tuple[OutputWindows, OutputWindows], *, user: User, message_id: UUID
) -> Screens:
    """Return the screens of a reply that is about to be written; the checks are those of its text and its reasoning."""
    text, reasoning = (Screen(canary, check, user=user, message_id=message_id) for check in checks)
    return Screens(text, reasoning)
