"""Decides what of a conversation leaves the service: the branch that its reader sees, without what is withheld."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from chat.branches import path_to
from chat.labels import content_id_of, label_of
from chat.models import Message, Session

_AT_ONCE = 50
_WITHHELD = "这条内容未通过审核，没有导出。"
_UNFINISHED = "这条回复还在生成，没有导出。"
_ENDINGS = {
    Message.Status.STOPPED: "回复已由读者停止。",
    Message.Status.INTERRUPTED: "回复中途断开。",
}


@dataclass(frozen=True)
class Utterance:
    """A message as it is exported; ``note`` says in words what is missing of it, or how it ended."""

    id: uuid.UUID
    is_reply: bool
    status: str
    role_name: str
    text: str
    note: str
    created_at: datetime
    finished_at: datetime | None
    model: str = ""
    label: str = ""
    content_id: str = ""
    reasoning: str = ""
    sources: tuple[dict[str, Any], ...] = ()
    quotes: tuple[dict[str, Any], ...] = ()
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    usage_estimated: bool = False
    cost_micros: int = 0


@dataclass(frozen=True)
class Conversation:
    """A session as it is exported; its messages are read while they are asked for."""

    id: uuid.UUID
    title: str
    role_name: str
    created_at: datetime
    last_message_at: datetime
    leaf_id: uuid.UUID

    def utterances(self) -> Iterator[Utterance]:
        """Yield the messages of the shown branch, the first question first, some at a time."""
        path = path_to(self.leaf_id)[::-1]
        for start in range(0, len(path), _AT_ONCE):
            wanted = path[start : start + _AT_ONCE]
            messages = _messages(wanted)
            yield from (_utterance(messages[key]) for key in wanted if key in messages)


def conversation(owner_id: uuid.UUID, session_id: uuid.UUID) -> Conversation | None:
    """Return the owner's session; None if it was deleted, or emptied, since it was chosen."""
    session = Session.objects.select_related("role").filter(id=session_id, owner_id=owner_id).first()
    if session is None or session.leaf_id is None:
        return None
    return Conversation(
        session.id,
        session.title or "未命名的对话",
        session.role.name,
        timezone.localtime(session.created_at),
        timezone.localtime(session.last_message_at),
        session.leaf_id,
    )


def _messages(wanted: list[uuid.UUID]) -> dict[uuid.UUID, Message]:
    unused = ("folded", "html", "suggestions", "prompt_tokens", "lease_token", "client_message_id")
    return Message.objects.select_related("role").defer(*unused).in_bulk(wanted)


def _utterance(message: Message) -> Utterance:
    """Say of a message what may be said; this is the one place where text is held back."""
    is_reply = message.author == Message.Author.ASSISTANT
    name = message.role.name if is_reply and message.role else "我"
    ended = timezone.localtime(message.finished_at) if message.finished_at else None
    times = (timezone.localtime(message.created_at), ended)
    if message.flag == Message.Flag.BLOCKED:
        return Utterance(message.id, is_reply, message.status, name, "", _WITHHELD, *times)
    if message.status == Message.Status.STREAMING:
        return Utterance(message.id, is_reply, message.status, name, "", _UNFINISHED, *times)
    note = message.error_message or _ENDINGS.get(Message.Status(message.status), "")
    if not is_reply:
        return Utterance(message.id, is_reply, message.status, name, message.text, note, *times)
    return Utterance(
        message.id,
        is_reply,
        message.status,
        name,
        message.text,
        note,
        *times,
        model=message.model,
        label=label_of(message),
        content_id=content_id_of(message),
        reasoning=message.reasoning,
        sources=tuple(message.sources),
        quotes=tuple(message.quotes),
        input_tokens=message.input_tokens,
        cached_input_tokens=message.cached_input_tokens,
        output_tokens=message.output_tokens,
        usage_estimated=message.usage_estimated,
        cost_micros=message.cost_micros,
    )
