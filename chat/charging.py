"""Decides what a reader pays for a reply, by how it ended."""

from billing.pricing import TokenUsage
from chat.models import Message
from guoxue import llm

FREE_BELOW_OUTPUT_TOKENS = 20


def chargeable_usage(
    *, status: str, reported: llm.Usage | None, prompt_tokens: int, text: str, written_before: int = 0
) -> tuple[TokenUsage | None, bool]:
    """Return the usage to settle and whether it is an estimate; no usage means that the hold is released.

    A completed or stopped reply costs what the provider counted, else prompt and text by estimate. A reply that
    broke off costs prompt and saved text by estimate, and nothing when less than 20 tokens had been written.
    The first ``written_before`` characters of the text belong to the reply that this one continues, and were paid.
    """
    text = text[written_before:]
    if reported is not None and status in (Message.Status.COMPLETED, Message.Status.STOPPED):
        usage = TokenUsage(
            input_tokens=reported.input_tokens,
            output_tokens=reported.output_tokens,
            cached_input_tokens=reported.cached_input_tokens,
        )
        return usage, False
    output_tokens = llm.estimate_tokens(text)
    broke_off = status in (Message.Status.FAILED, Message.Status.INTERRUPTED)
    if not text or (broke_off and output_tokens < FREE_BELOW_OUTPUT_TOKENS):
        return None, True
    return TokenUsage(input_tokens=prompt_tokens, output_tokens=output_tokens), True
