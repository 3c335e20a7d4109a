"""The tables of the conversation, one file for each thing that they hold."""

from chat.models.acquaintances import Acquaintance
from chat.models.conversations import Message, MessageQuerySet, ReplyChunk, Session, SessionQuerySet
from chat.models.exports import Export, ExportQuerySet
from chat.models.judgements import Feedback, Report, ReportQuerySet
from chat.models.memory import Aftercare, AftercareQuerySet, BackgroundCall, ConversationSummary
from chat.models.moderation import ModerationRecord, SensitiveWord, WordListVersion
from chat.models.roles import OwnRole, Role, RoleQuerySet

__all__ = [
    "Acquaintance",
    "Aftercare",
    "AftercareQuerySet",
    "BackgroundCall",
    "ConversationSummary",
    "Export",
    "ExportQuerySet",
    "Feedback",
    "Message",
    "MessageQuerySet",
    "ModerationRecord",
    "OwnRole",
    "ReplyChunk",
    "Report",
    "ReportQuerySet",
    "Role",
    "RoleQuerySet",
    "SensitiveWord",
    "Session",
    "SessionQuerySet",
    "WordListVersion",
]
