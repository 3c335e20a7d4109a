"""The tables of the conversation, one file for each thing that they hold."""

from chat.models.conversations import Message, MessageQuerySet, ReplyChunk, Session, SessionQuerySet
from chat.models.roles import Role, RoleQuerySet

__all__ = [
    "Message",
    "MessageQuerySet",
    "ReplyChunk",
    "Role",
    "RoleQuerySet",
    "Session",
    "SessionQuerySet",
]
