"""The only door to language models, for any server that speaks the OpenAI protocol.

Importing it is cheap: the SDK is loaded when the first client connects.
"""

from guoxue.llm.client import ChatModelClient
from guoxue.llm.completing import complete
from guoxue.llm.errors import (
    ModelBusy,
    ModelError,
    ModelRejected,
    ModelSilent,
    ModelTimeout,
    ModelUnavailable,
)
from guoxue.llm.messages import (
    ChatMessage,
    Completion,
    ReasoningDelta,
    ReplyEvent,
    StreamEnd,
    TextDelta,
    Usage,
)
from guoxue.llm.providers import OFFLINE_MODEL, Provider, context_tokens, default_model, provider_of
from guoxue.llm.tokens import bound_tokens, estimate_tokens

__all__ = [
    "OFFLINE_MODEL",
    "ChatMessage",
    "ChatModelClient",
    "Completion",
    "ModelBusy",
    "ModelError",
    "ModelRejected",
    "ModelSilent",
    "ModelTimeout",
    "ModelUnavailable",
    "Provider",
    "ReasoningDelta",
    "ReplyEvent",
    "StreamEnd",
    "TextDelta",
    "Usage",
    "bound_tokens",
    "complete",
    "context_tokens",
    "default_model",
    "estimate_tokens",
    "provider_of",
]
