"""Decides what a role remembers of a conversation: the last turns that ended with an answer."""

from chat.models import Message
from chat.prompts import PastTurn


def remembered_turns(reply: Message, *, limit: int) -> list[PastTurn]:
    """Return the last ``limit`` answered questions before ``reply``, oldest first; of versions the newest counts."""
    if limit == 0 or reply.reply_to is None:
        return []
    questions = list(
        Message.objects.filter(
            session_id=reply.session_id,
            author=Message.Author.READER,
            created_at__lt=reply.reply_to.created_at,
        ).order_by("-created_at")[: limit * 2]
    )
    answers = {
        answer.reply_to_id: answer.text
        for answer in Message.objects.filter(reply_to__in=questions)
        .exclude(text="")
        .exclude(status__in=(Message.Status.STREAMING, Message.Status.FAILED))
        .order_by("created_at")
    }
    turns = [
        PastTurn(question.text, answers[question.id])
        for question in reversed(questions)
        if question.id in answers
    ]
    return turns[-limit:]
