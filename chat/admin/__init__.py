"""The admin of the conversation, one file for each thing that operators look after."""

from chat.admin import conversations, judgements, moderation, own_roles, roles

__all__ = ["conversations", "judgements", "moderation", "own_roles", "roles"]
