"""Decides what a reader sees of the past: one page of a branch in one statement, and each message as JSON.

A history is read far more often than it is written, so its rows do not become models: the database's JSON passes
through as it is.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.utils import timezone

from accounts.models import User
from billing.money import format_yuan
from chat import labels
from chat.branches import path_to
from chat.models import Message
from chat.notices import notice_of

Payload = dict[str, Any]
_EMPTY = orjson.Fragment("[]")

# From the given message, or from the end of the branch that the reader sees, upward.
_BRANCH = """
    WITH RECURSIVE path (id, up, depth) AS (
        SELECT message.id, coalesce(message.reply_to_id, message.parent_id), 1
        FROM chat_session AS session
        JOIN chat_message AS message ON message.id = coalesce(%(start)s, session.leaf_id)
        WHERE session.id = %(session)s AND session.owner_id = %(owner)s AND message.session_id = session.id
        UNION ALL
        SELECT message.id, coalesce(message.reply_to_id, message.parent_id), path.depth + 1
        FROM path JOIN chat_message AS message ON message.id = path.up
        WHERE path.depth < %(limit)s
    )
"""
_ONE = """
    WITH path (id, up, depth) AS (
        SELECT id, coalesce(reply_to_id, parent_id), 1 FROM chat_message
        WHERE id = %(message)s AND owner_id = %(owner)s
    )
"""
# Versions of a reply answer the same question, versions of a question follow the same reply or begin the session.
_MESSAGES = """
    SELECT message.id::text, message.session_id::text, message.author, message.status, message.text, message.html,
        message.reasoning, message.client_message_id::text, message.reply_to_id::text, message.parent_id::text,
        message.continues_id::text, coalesce(role.name, ''), message.model, message.sources, message.quotes,
        message.suggestions, message.flag, message.notice, message.input_tokens, message.cached_input_tokens,
        message.output_tokens, message.usage_estimated, message.cost_micros, message.error_code,
        message.error_message, message.created_at, message.finished_at,
        feedback.value, feedback.reasons, feedback.comment,
        CASE
            WHEN message.reply_to_id IS NOT NULL THEN ARRAY(
                SELECT version.id::text FROM chat_message AS version
                WHERE version.reply_to_id = message.reply_to_id ORDER BY version.created_at, version.id)
            WHEN message.parent_id IS NOT NULL THEN ARRAY(
                SELECT version.id::text FROM chat_message AS version
                WHERE version.parent_id = message.parent_id ORDER BY version.created_at, version.id)
            ELSE ARRAY(
                SELECT version.id::text FROM chat_message AS version
                WHERE version.session_id = message.session_id
                    AND version.parent_id IS NULL AND version.reply_to_id IS NULL
                ORDER BY version.created_at, version.id)
        END,
        path.up, session.leaf_id = message.id
    FROM path
    JOIN chat_message AS message ON message.id = path.id
    JOIN chat_session AS session ON session.id = message.session_id
    LEFT JOIN chat_role AS role ON role.id = message.role_id
    LEFT JOIN chat_feedback AS feedback ON feedback.message_id = message.id
    ORDER BY path.depth
"""
_PAGE = _BRANCH + _MESSAGES
_SINGLE = _ONE + _MESSAGES


class _Row(NamedTuple):
    """A message as ``_MESSAGES`` reads it: ids as text, JSON as it is written."""

    id: str
    session_id: str
    author: str
    status: str
    text: str
    html: str
    reasoning: str
    client_message_id: str | None
    reply_to: str | None
    parent: str | None
    continues: str | None
    role_name: str
    model: str
    sources: str
    quotes: str
    suggestions: str
    flag: str
    notice: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    usage_estimated: bool
    cost_micros: int
    error_code: str
    error_message: str
    created_at: datetime
    finished_at: datetime | None
    feedback_value: str | None
    feedback_reasons: list[str] | None
    feedback_comment: str | None
    versions: list[str]
    up: uuid.UUID | None
    is_leaf: bool | None


class Page(NamedTuple):
    """Some messages of a branch, the newest first; where the older page begins, and before what the newer one ends."""

    messages: list[Payload]
    older: uuid.UUID | None
    newer: uuid.UUID | None


def branch_page(user: User, session_id: uuid.UUID, *, start: uuid.UUID | None, limit: int) -> Page:
    """Read a page of one's own session from ``start`` upward, or from the end of the branch that the reader sees.

    It is empty if the session is somebody else's, too.
    """
    parameters = {"owner": user.pk, "session": session_id, "start": start, "limit": limit}
    rows = _rows(_PAGE, parameters)
    if not rows:
        return Page([], None, None)
    newer = None if start is None or rows[0].is_leaf else uuid.UUID(rows[0].id)
    return Page([_payload(row) for row in rows], rows[-1].up, newer)


def newer_start(leaf_id: uuid.UUID | None, before: uuid.UUID, *, limit: int) -> tuple[uuid.UUID | None, int]:
    """Return where the page begins that ends just before ``before``, and how many messages it has.

    The reader may have gone to a branch without ``before``: then it is the newest page.
    """
    path = path_to(leaf_id)
    place = path.index(before) if before in path else 0
    return (path[max(0, place - limit)], min(place, limit)) if place else (None, limit)


def message_payload(user: User, message_id: uuid.UUID) -> Payload | None:
    """Read one message of the user's own as JSON; None if there is none."""
    rows = _rows(_SINGLE, {"owner": user.pk, "message": message_id})
    return _payload(rows[0]) if rows else None


def _rows(statement: str, parameters: Mapping[str, Any]) -> Sequence[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(map(_Row._make, cursor.fetchall()))


def _payload(row: _Row) -> Payload:
    is_reply = row.author == Message.Author.ASSISTANT.value
    # What was blocked stays with the operators.
    hidden = is_reply and row.flag == Message.Flag.BLOCKED.value
    return {
        "id": row.id,
        "session_id": row.session_id,
        "author": row.author,
        "status": row.status,
        "text": "" if hidden else row.text,
        "html": "" if hidden else row.html,
        "reasoning": "" if hidden else row.reasoning,
        "client_message_id": row.client_message_id,
        "reply_to": row.reply_to,
        "parent": row.parent,
        "continues": row.continues,
        "versions": row.versions,
        "version_index": row.versions.index(row.id),
        "role_name": row.role_name,
        "model": row.model,
        "sources": _EMPTY if hidden else orjson.Fragment(row.sources),
        "quotes": _EMPTY if hidden else orjson.Fragment(row.quotes),
        "suggestions": _EMPTY if hidden else orjson.Fragment(row.suggestions),
        "flag": row.flag,
        "notice": _notice(row),
        "input_tokens": row.input_tokens,
        "cached_input_tokens": row.cached_input_tokens,
        "output_tokens": row.output_tokens,
        "usage_estimated": row.usage_estimated,
        "cost_micros": row.cost_micros,
        "cost": format_yuan(row.cost_micros),
        "error": {"code": row.error_code, "message": row.error_message} if row.error_code else None,
        "feedback": _feedback(row),
        "ai_generated": is_reply,
        "label": labels.label_for(row.model) if is_reply else "",
        "content_id": row.id if is_reply else "",
        "created_at": timezone.localtime(row.created_at),
        "finished_at": timezone.localtime(row.finished_at) if row.finished_at else None,
    }


def _notice(row: _Row) -> Payload | None:
    told = notice_of(row.notice, row.role_name)
    return told.payload if told else None


def _feedback(row: _Row) -> Payload | None:
    if row.feedback_value is None:
        return None
    return {
        "value": row.feedback_value,
        "reasons": row.feedback_reasons,
        "comment": row.feedback_comment,
    }
