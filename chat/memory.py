"""Decides what a role remembers of a conversation: its window, the last turns that ended with an answer, and the summary.

The window are as many turns as the role remembers, but no more than surely fit beside the passages of a prompt. What
has fallen out of it, and the summary does not cover yet, is what the summary takes in next.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Left, Length

from chat.branches import path_to, stands_on_branch
from chat.labels import label_for
from chat.models import ConversationSummary, Message, Role, Session
from chat.prompts import PastTurn

# Failed and empty turns are skipped; so many of them in a row are looked past.
_READ_FOR_EACH = 2
# A prompt has room for passages and instructions beside the turns.
_WINDOW_SHARE = 2
# What one summary takes in at most; the rest waits for the next one.
_TURNS_AT_ONCE = 20
_CHARACTERS_AT_ONCE = 16_000
_QUESTION_CHARACTERS = 1000
_ANSWER_CHARACTERS = 3000


@dataclass(frozen=True)
class AnsweredTurn:
    """A question and its answer on a branch; ``size`` counts their characters, which are no fewer than their tokens."""

    question_id: uuid.UUID
    reply_id: uuid.UUID
    answered_at: datetime
    size: int


@dataclass(frozen=True)
class Unsummarised:
    """What a summary is to take in next: the summary so far, and the turns, oldest first, with their texts."""

    before: ConversationSummary | None
    so_far: str
    answered: tuple[AnsweredTurn, ...]
    turns: tuple[PastTurn, ...]


@dataclass(frozen=True)
class ToldSummary:
    """A summary as its reader sees it; in use on the branch that the reader sees, or lying by on another one."""

    text: str
    is_in_use: bool
    covers: uuid.UUID | None
    updated_at: datetime | None
    label: str


def remembered_turns(reply: Message, *, limit: int) -> list[PastTurn]:
    """Return the last ``limit`` answered questions on the way to ``reply``, oldest first."""
    if limit == 0 or reply.reply_to is None:
        return []
    path = path_to(reply.reply_to.parent_id, limit=2 * _READ_FOR_EACH * limit)
    messages = Message.objects.only("text", "status", "flag", "reply_to").in_bulk(path)
    turns = [
        PastTurn(messages[answer.reply_to_id].text, answer.text)
        for answer in (messages[key] for key in path)
        if answer.reply_to_id in messages and _counts(answer, messages[answer.reply_to_id], len(answer.text))
    ]
    return turns[:limit][::-1]


def summary_for(reply: Message, role: Role) -> str:
    """Return the summary that holds for a reply: what came before the window on its own branch."""
    if reply.reply_to is None or reply.reply_to.parent_id is None:
        return ""
    summary = summary_of(reply.session)
    if summary is None:
        return ""
    return summary.text if _is_in_use(summary, role, reply.reply_to.parent_id) else ""


def told_summary(session: Session) -> ToldSummary:
    """Return what the reader sees of the session's summary."""
    summary = summary_of(session)
    if summary is None or summary.covers_id is None or not summary.text:
        return ToldSummary("", is_in_use=False, covers=None, updated_at=None, label="")
    return ToldSummary(
        summary.text,
        is_in_use=_is_in_use(summary, session.role, session.leaf_id),
        covers=summary.covers_id,
        updated_at=summary.updated_at,
        label=label_for(summary.model),
    )


def summary_of(session: Session) -> ConversationSummary | None:
    """Return the session's summary, whichever branch it holds for."""
    summary: ConversationSummary | None = getattr(session, "summary", None)
    return summary


def unsummarised(session: Session) -> Unsummarised | None:
    """Return what has fallen out of the window on the branch that the reader sees and is in no summary; None if nothing.

    What the reader has erased does not come back; what a summary covers on another branch begins anew.
    """
    before = summary_of(session)
    path = path_to(session.leaf_id)
    holds = before is not None and before.covers_id in path
    if before and before.covers_id and holds:
        path = path[: path.index(before.covers_id)]
    erased_until = before.erased_until if before else None
    new = [
        turn
        for turn in fallen_out(session.role, path)
        if erased_until is None or turn.answered_at > erased_until
    ]
    chosen = _first_of(new)
    if not chosen:
        return None
    so_far = before.text if before and holds else ""
    return Unsummarised(before, so_far, tuple(chosen), tuple(_with_texts(chosen)))


def fallen_out(role: Role, path: Sequence[uuid.UUID]) -> list[AnsweredTurn]:
    """Return the turns of a path that have fallen out of the role's window, the newest first; none without a memory."""
    if not role.memory_turns:
        return []
    turns = _answered(path)
    room = role.prompt_budget_tokens // _WINDOW_SHARE
    for place, turn in enumerate(turns):
        room -= turn.size
        if place >= role.memory_turns or (place > 0 and room < 0):
            return turns[place:]
    return []


def _is_in_use(summary: ConversationSummary, role: Role, leaf_id: uuid.UUID | None) -> bool:
    """Tell whether a role that goes on from a reply is told the summary."""
    if not settings.CONVERSATION_SUMMARIES or not role.memory_turns or not summary.text:
        return False
    return summary.covers_id is not None and stands_on_branch(summary.covers_id, leaf_id)


def _answered(path: Sequence[uuid.UUID]) -> list[AnsweredTurn]:
    """Return the answered turns of a path, the newest first, without their texts."""
    rows = Message.objects.annotate(size=Length("text")).only("status", "flag", "reply_to", "created_at")
    messages = {message.id: message for message in rows.filter(id__in=path)}
    return [
        AnsweredTurn(question.id, answer.id, answer.created_at, _size(question) + _size(answer))
        for answer in (messages[key] for key in path if key in messages)
        if (question := messages.get(answer.reply_to_id)) and _counts(answer, question, _size(answer))  # type: ignore[arg-type]
    ]


def _first_of(turns: Sequence[AnsweredTurn]) -> list[AnsweredTurn]:
    """Return the oldest of the turns, oldest first, as many as a summary takes in at once; at least one."""
    chosen: list[AnsweredTurn] = []
    room = _CHARACTERS_AT_ONCE
    for turn in reversed(turns):
        room -= min(turn.size, _QUESTION_CHARACTERS + _ANSWER_CHARACTERS)
        if len(chosen) == _TURNS_AT_ONCE or (chosen and room < 0):
            break
        chosen.append(turn)
    return chosen


def _with_texts(turns: Sequence[AnsweredTurn]) -> Iterator[PastTurn]:
    questions = _opening(
        Message.objects.filter(id__in=[turn.question_id for turn in turns]), _QUESTION_CHARACTERS
    )
    answers = _opening(Message.objects.filter(id__in=[turn.reply_id for turn in turns]), _ANSWER_CHARACTERS)
    for turn in turns:
        if turn.question_id in questions and turn.reply_id in answers:
            yield PastTurn(questions[turn.question_id], answers[turn.reply_id])


def _opening(messages: QuerySet[Message], characters: int) -> dict[uuid.UUID, str]:
    return dict(messages.values_list("id", Left("text", characters)))


def _size(message: Message) -> int:
    size: int = message.size  # type: ignore[attr-defined]
    return size


def _counts(answer: Message, question: Message, size: int) -> bool:
    if Message.Flag.BLOCKED in (answer.flag, question.flag) or not size:
        return False
    return answer.status not in (Message.Status.STREAMING, Message.Status.FAILED)
