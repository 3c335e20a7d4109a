"""Decides which messages belong together: the path from the first question to a reply, and what lies beside it."""

import uuid

from django.db import connection

from chat.models import Message

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


_STANDS_ON = """
    WITH RECURSIVE path (id, up, depth) AS (
        SELECT id, coalesce(reply_to_id, parent_id), 0 FROM chat_message WHERE id = %(leaf)s
        UNION ALL
        SELECT message.id, coalesce(message.reply_to_id, message.parent_id), path.depth + 1
        FROM chat_message AS message JOIN path ON message.id = path.up
        WHERE path.id <> %(message)s AND path.depth < %(limit)s
    )
    SELECT EXISTS (SELECT 1 FROM path WHERE id = %(message)s)
"""


def stands_on_branch(message_id: uuid.UUID, leaf_id: uuid.UUID | None) -> bool:
    """Tell whether the branch to ``leaf_id`` goes through the message; the nearer it is, the cheaper."""
    if leaf_id is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_STANDS_ON, {"message": message_id, "leaf": leaf_id, "limit": MAX_PATH})
        (found,) = cursor.fetchone()
    return bool(found)


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
