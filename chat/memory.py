"""Decides what a role remembers of a conversation: the last turns of the branch that ended with an answer."""

from chat.branches import path_to
from chat.models import Message
from chat.prompts import PastTurn

# Failed and empty turns are skipped; so many of them in a row are looked past.
_READ_FOR_EACH = 2


def remembered_turns(reply: Message, *, limit: int) -> list[PastTurn]:
    """Return the last ``limit`` answered questions on the way to ``reply``, oldest first."""
    if limit == 0 or reply.reply_to is None:
        return []
    path = path_to(reply.reply_to.parent_id, limit=2 * _READ_FOR_EACH * limit)
    messages = Message.objects.only("text", "status", "flag", "reply_to").in_bulk(path)
    turns = [
        PastTurn(messages[answer.reply_to_id].text, answer.text)
        for answer in (messages[key] for key in path)
        if answer.reply_to_id in messages and _counts(answer)
    ]
    return turns[:limit][::-1]


def _counts(answer: Message) -> bool:
    if answer.flag == Message.Flag.BLOCKED or not answer.text:
        return False
    return answer.status not in (Message.Status.STREAMING, Message.Status.FAILED)
