"""Lets tests of the memory say what was summarised, and what the next reply starts from."""

from chat.models import ConversationSummary, Session
from chat.queries import ReplyContext, reply_context
from chat.tests.talking import Talk
from guoxue.tests.scripted_model import ScriptedModel


def told(model: ScriptedModel, place: int = -1) -> str:
    """What the model was given to summarise."""
    content: str = model.requests[place]["messages"][-1]["content"]
    return content


def summary_of(session: Session) -> ConversationSummary:
    return ConversationSummary.objects.get(session=session)


def context_of(talk: Talk) -> ReplyContext:
    """What a reply to the next question starts from."""
    reply = talk.leave_streaming("现在的问题")
    context = reply_context(reply)
    talk.answer_streaming(reply, "答", "failed")
    return context
