"""Decides which messages belong together: the path from the first question to a reply, and what lies beside it."""

import uuid
from collections.abc import Collection, Sequence

from django.db import connection
from django.db.models import QuerySet

from chat.models import Message, Session

# Each step leads from a reply to its question, or from a question to the reply that it follows.
_PATH = """
    WITH RECURSIVE path (id, up, depth) AS (
        SELECT id, coalesce(reply_to_id, parent_id), 0 FROM chat_message WHERE id = %(leaf)s
        UNION ALL
        SELECT message.id, coalesce(message.reply_to_id, message.parent_id), path.depth + 1
        FROM chat_message AS message JOIN path ON message.id = path.up
        WHERE path.depth < %(limit)s
    )
    SELECT id FROM path ORDER BY depth
"""
# Enough for any conversation; a longer one is read in parts.
MAX_PATH = 20_000


def path_to(leaf_id: uuid.UUID | None, *, limit: int = MAX_PATH) -> list[uuid.UUID]:
    """Return the ids of a message and of those that lead to it, the newest first; at most ``limit`` of them."""
    if leaf_id is None or limit < 1:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_PATH, {"leaf": leaf_id, "limit": limit - 1})
        return [key for (key,) in cursor.fetchall()]


# From a message down to the end of its newest branch.
_NEWEST_BELOW = """
    WITH RECURSIVE down (id, author, depth) AS (
        SELECT id, author, 0 FROM chat_message WHERE id = %(start)s
        UNION ALL
        SELECT newest.id, newest.author, down.depth + 1
        FROM down CROSS JOIN LATERAL (
            SELECT id, author FROM chat_message
            WHERE reply_to_id = down.id OR parent_id = down.id
            ORDER BY created_at DESC LIMIT 1
        ) AS newest
        WHERE down.depth < %(limit)s
    )
    SELECT id FROM down WHERE author = 'assistant' ORDER BY depth DESC LIMIT 1
"""


def leaf_below(message: Message) -> uuid.UUID | None:
    """Return the last reply of the newest branch that goes through the message; None if it has none."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_BELOW, {"start": message.id, "limit": MAX_PATH})
        row = cursor.fetchone()
    return row[0] if row else None


def shown_messages(session: Session) -> QuerySet[Message]:
    """Return the messages of the branch that the reader sees."""
    return Message.objects.filter(id__in=path_to(session.leaf_id))


def versions_of(messages: Sequence[Message]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Return for each message the ids of its versions, itself included, the oldest first.

    Versions of a reply answer the same question, versions of a question follow the same reply.
    """
    replies = {message.reply_to_id for message in messages if message.reply_to_id}
    questions = [message for message in messages if not message.reply_to_id]
    siblings = _grouped("reply_to_id", replies) | _grouped(
        "parent_id", {question.parent_id for question in questions if question.parent_id}
    )
    firsts = {question.session_id for question in questions if not question.parent_id}
    for session_id in firsts:
        first = Message.objects.filter(session_id=session_id, parent=None, reply_to=None)
        siblings[session_id] = list(first.order_by("created_at", "id").values_list("id", flat=True))
    return {
        message.id: siblings[message.reply_to_id or message.parent_id or message.session_id]
        for message in messages
    }


def _grouped(column: str, keys: Collection[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    groups: dict[uuid.UUID, list[uuid.UUID]] = {}
    if keys:
        rows = Message.objects.filter(**{f"{column}__in": keys}).order_by("created_at", "id")
        for key, message_id in rows.values_list(column, "id"):
            groups.setdefault(key, []).append(message_id)
    return groups
