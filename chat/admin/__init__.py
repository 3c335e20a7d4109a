"""The admin of the conversation, one file for each thing that operators look after."""

from chat.admin import background, conversations, exports, judgements, moderation, own_roles, roles

__all__ = ["background", "conversations", "exports", "judgements", "moderation", "own_roles", "roles"]
