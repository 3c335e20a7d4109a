"""The admin of the conversation, one file for each thing that operators look after."""

from chat.admin import background, conversations, judgements, moderation, own_roles, roles

__all__ = ["background", "conversations", "judgements", "moderation", "own_roles", "roles"]
