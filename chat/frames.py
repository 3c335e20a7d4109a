"""Decides what the frames look like that the server sends, over the WebSocket or as events."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from billing.money import format_yuan
from chat import labels
from chat.models import Message
from chat.notices import Notice, notice_of
from guoxue.errors import ApplicationError

Frame = dict[str, Any]


def accepted(*, client_message_id: UUID, user_message_id: UUID, message_id: UUID) -> Frame:
    """The turn is saved and paid for; the reply is on its way."""
    return _frame(
        "accepted",
        client_message_id=str(client_message_id),
        user_message_id=str(user_message_id),
        message_id=str(message_id),
    )


def sources(message_id: UUID, items: Sequence[Mapping[str, Any]]) -> Frame:
    """The numbered passages under the reply."""
    return _frame("sources", message_id=str(message_id), sources=list(items))


def delta(message_id: UUID, seq: int, text: str) -> Frame:
    """One piece of the reply; ``seq`` counts without gaps from 1."""
    return _frame("delta", message_id=str(message_id), seq=seq, text=text)


def ai_response(message: Message, *, balance_micros: int) -> Frame:
    """The reply as it ended, with what its reader was told before it; nothing of one that is withheld."""
    shown = not message.is_withheld
    role_name = message.role.name if message.role else ""
    told = notice_of(message.notice, role_name)
    return _frame(
        "ai_response",
        message_id=str(message.id),
        status=message.status,
        message=message.text if shown else "",
        reasoning=message.reasoning if shown else "",
        html=message.html if shown else "",
        role_name=role_name,
        notice=told.payload if told else None,
        sources=message.sources if shown else [],
        quotes=message.quotes if shown else [],
        suggestions=message.suggestions if shown else [],
        usage={
            "input_tokens": message.input_tokens,
            "cached_input_tokens": message.cached_input_tokens,
            "output_tokens": message.output_tokens,
            "estimated": message.usage_estimated,
        },
        error=error_of(message),
        cost_micros=message.cost_micros,
        cost=format_yuan(message.cost_micros),
        balance_micros=balance_micros,
        balance=format_yuan(balance_micros),
        ai_generated=True,
        label=labels.label_of(message),
        content_id=labels.content_id_of(message),
        model=message.model,
        timestamp=message.finished_at.isoformat() if message.finished_at else None,
    )


def notice(message_id: UUID, told: Notice) -> Frame:
    """What the reader of a persona must be told before the reply."""
    return _frame("notice", message_id=str(message_id), **told.payload)


def title(session_id: UUID, text: str) -> Frame:
    """The session has got its title."""
    return _frame("title", session_id=str(session_id), title=text)


def suggestions(message_id: UUID, questions: Sequence[str]) -> Frame:
    """What the reader may ask next; it comes some time after the ``ai_response``."""
    return _frame("suggestions", message_id=str(message_id), suggestions=list(questions))


def error(
    problem: ApplicationError, *, message_id: str | None = None, client_message_id: str | None = None
) -> Frame:
    """A request was refused, and changed nothing."""
    data: Frame = {"error": problem.as_dict()}
    if message_id:
        data["message_id"] = message_id
    if client_message_id:
        data["client_message_id"] = client_message_id
    return _frame("error", **data)


def reasoning(message_id: UUID, seq: int, text: str) -> Frame:
    """A piece of what the model thinks before it answers; ``seq`` counts these alone, from 1."""
    return _frame("reasoning", message_id=str(message_id), seq=seq, text=text)


def retract(message_id: UUID) -> Frame:
    """What was shown of the reply is taken back."""
    return _frame("retract", message_id=str(message_id))


def queued(client_message_id: UUID, position: int) -> Frame:
    """The model is busy: so many requests, this one included, come before the next that is turned to."""
    return _frame("queued", client_message_id=str(client_message_id), position=position)


def pong() -> Frame:
    """The answer to a ping."""
    return _frame("pong")


def error_of(message: Message) -> Frame | None:
    """Return why a reply failed or broke off, in the shape of every error, or None."""
    if not message.error_code:
        return None
    return {"code": message.error_code, "message": message.error_message}


def _frame(kind: str, /, **data: Any) -> Frame:
    return {"type": kind, "data": data}
