"""Decides what goes to a model and what comes back, as values."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them; ``cached_input_tokens`` are part of ``input_tokens``."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply's text, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what the model thinks before it answers, never empty; no part of the reply's text."""

    text: str


@dataclass(frozen=True)
class StreamEnd:
    """The provider's last word; ``usage`` is None when it gave none.

    ``model`` is the one that answered: another than was asked when a fallback stepped in.
    """

    finish_reason: str
    usage: Usage | None
    model: str = ""


ReplyEvent = TextDelta | ReasoningDelta | StreamEnd


@dataclass(frozen=True)
class Completion:
    """A whole answer; ``finish_reason`` is "length" when it was cut off at its limit."""

    text: str
    usage: Usage | None
    finish_reason: str
    model: str


@dataclass(frozen=True)
class ChatRequest:
    """What is asked of whichever model answers."""

    messages: tuple[ChatMessage, ...]
    max_tokens: int
    temperature: float
