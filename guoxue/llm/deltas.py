"""Decides what the data of one event says: a piece of text, the end, the tokens counted, or an error."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import orjson

from guoxue.llm.errors import ModelBusy, ModelError, ModelRejected, ModelUnavailable
from guoxue.llm.messages import ReasoningDelta, TextDelta, Usage

Delta = TextDelta | ReasoningDelta
# No model has a larger context; a larger count is a provider's mistake.
MAX_COUNTED_TOKENS = 100_000_000
# DeepSeek's word for breaking off under load.
_BROKE_OFF = "insufficient_system_resource"
_LIMITED = {"429", "rate_limit_exceeded", "rate_limit_error", "too_many_requests"}
_REFUSED = {"400", "content_filter", "data_inspection_failed", "invalid_request_error"}


class ReplyReading:
    """Reads the events of one reply; its attributes hold what they have said so far."""

    def __init__(self) -> None:
        self.finish_reason = ""
        self.characters = 0
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """The tokens counted; a count of no output for a text is no count."""
        is_count = self._usage is not None and (self._usage.output_tokens or not self.characters)
        return self._usage if is_count else None

    def read(self, events: Sequence[bytes]) -> tuple[list[Delta], Exception | None]:
        """Return what the events say, neighbours of one kind as one, up to the first at fault, and its fault.

        That is a ModelError, or a ValueError when the event is not of the protocol.
        """
        deltas: list[Delta] = []
        try:
            for data in events:
                deltas += self._read_chunk(_load(data))
        except (ModelError, ValueError) as fault:
            return _joined(deltas), fault
        except (AttributeError, KeyError, TypeError) as error:
            return _joined(deltas), ValueError(f"an event of another form: {error}")
        return _joined(deltas), None

    def _read_chunk(self, chunk: Any) -> list[Delta]:
        if error := chunk.get("error"):
            raise _as_error(error)
        if usage := chunk.get("usage"):
            self._usage = _as_usage(usage)
        # Some servers send null where the protocol has a list or an object.
        choices = chunk.get("choices")
        return self._read_choice(choices[0]) if choices else []

    def _read_choice(self, choice: Any) -> list[Delta]:
        pieces: list[Delta] = []
        if delta := choice.get("delta"):
            if thought := _storable(delta.get("reasoning_content") or delta.get("reasoning")):
                pieces.append(ReasoningDelta(thought))
                self.characters += len(thought)
            if text := _storable(delta.get("content")):
                pieces.append(TextDelta(text))
                self.characters += len(text)
        if reason := choice.get("finish_reason"):
            if reason == _BROKE_OFF:
                raise ModelUnavailable
            self.finish_reason = str(reason)
        if usage := choice.get("usage"):  # Moonshot counts here.
            self._usage = _as_usage(usage)
        return pieces


def _joined(deltas: list[Delta]) -> list[Delta]:
    if len(deltas) < 2:
        return deltas
    return [kind("".join(delta.text for delta in same)) for kind, same in groupby(deltas, type)]


def _load(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        # Half a character, as bytes or as a lone surrogate, is no reason to lose the reply: the standard decoder
        # lets it pass, and _storable drops it.
        try:
            return json.loads(data.decode(errors="ignore"))
        except RecursionError as error:
            raise ValueError("an event nested too deep") from error


def _storable(text: object) -> str:
    """Drop what neither PostgreSQL nor JSON can carry: NUL, and surrogates of a character that was cut in two."""
    if not text:
        return ""
    if not isinstance(text, str):
        raise TypeError("a delta that is no text")
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode(errors="ignore").decode()


def _as_usage(usage: object) -> Usage | None:
    """Read usage defensively: counts are neither negative nor absurd, and cached input never exceeds input.

    A count without any input is none: every request has a prompt.
    """
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    input_tokens = _sane(usage.get("prompt_tokens"))
    if not input_tokens:
        return None
    return Usage(
        input_tokens=input_tokens,
        output_tokens=_sane(usage.get("completion_tokens")),
        cached_input_tokens=min(_sane(cached or usage.get("prompt_cache_hit_tokens")), input_tokens),
    )


def _sane(count: object) -> int:
    return int(min(max(0, count), MAX_COUNTED_TOKENS)) if isinstance(count, int | float) else 0


def _as_error(error: object) -> ModelError:
    """Name the error that a provider reports within a stream that had begun well."""
    words = {str(error.get(key)) for key in ("code", "type", "status")} if isinstance(error, dict) else set()
    if words & _LIMITED:
        return ModelBusy()
    if words & _REFUSED:
        return ModelRejected(blames_request=True)
    return ModelUnavailable()
