"""Decides what of a model's words goes on to the viewers: made safe, and judged, by the word list before it is shown."""

from uuid import UUID

from accounts.models import User
from chat.errors import InstructionsLeaked, ReplyRetracted
from chat.moderation.judging import Direction, Judgement
from chat.moderation.panel import open_output_check
from chat.moderation.windows import OutputWindows
from chat.safe_output import SafeOutput
from chat.services.moderation import record_judgements
from guoxue.bridge import in_thread


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

    async def pass_on(self, delta: str) -> str:
        """Take the next piece and return what may be shown now."""
        return await self._judged(self._safe.feed(delta))

    async def finish(self) -> str:
        """Return what was kept back of a text that has ended, once all of it is judged."""
        rest = await self._judged(self._safe.finish())
        await self._consider(self._check.finish())
        await self._ask_remotely(is_last=True)
        return rest

    async def _judged(self, text: str) -> str:
        if text:
            await self._consider(self._check.feed(text))
            await self._ask_remotely()
        if self._safe.leaked:
            raise InstructionsLeaked
        return text

    async def _ask_remotely(self, *, is_last: bool = False) -> None:
        while (window := self._check.due(is_last=is_last)) is not None:
            await self._consider(await in_thread(self._check.judge_remotely, window))

    async def _consider(self, judgement: Judgement | None) -> None:
        if judgement is None:
            return
        await in_thread(
            record_judgements,
            [judgement],
            direction=Direction.OUTPUT,
            user=self._user,
            message_id=self._message_id,
        )
        if judgement.blocks:
            raise ReplyRetracted


async def open_screens(canary: str, *, user: User, message_id: UUID, written: str) -> tuple[Screen, Screen]:
    """Return the screens of a reply's text, which goes on after what is ``written``, and of its reasoning."""
    text, reasoning = await in_thread(_open_checks, user)
    if written:
        text.feed(written)
    return (
        Screen(canary, text, user=user, message_id=message_id),
        Screen(canary, reasoning, user=user, message_id=message_id),
    )


def _open_checks(user: User) -> tuple[OutputWindows, OutputWindows]:
    return open_output_check(user=user), open_output_check(user=user)
