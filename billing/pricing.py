"""Decides what tokens cost, in integers only: one ceiling per reply and no floating point anywhere."""

from dataclasses import dataclass
from typing import Protocol

TOKENS_PER_PRICE_UNIT = 1_000_000
_MOST_TOKENS = 2_147_483_647


class PriceVersion(Protocol):
    """What pricing needs to know of a price: micro-yuan per 1 000 000 tokens."""

    @property
    def input_price_micros(self) -> int: ...
    @property
    def cached_input_price_micros(self) -> int: ...
    @property
    def output_price_micros(self) -> int: ...


@dataclass(frozen=True)
class TokenUsage:
    """Tokens of one reply; ``cached_input_tokens`` is the part of ``input_tokens`` found in the cache."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0

    def clamped(self) -> "TokenUsage":
        """Return the nearest possible usage: nothing negative or past 2^31 - 1, no more cached than input."""
        input_tokens = _between(0, self.input_tokens, _MOST_TOKENS)
        return TokenUsage(
            input_tokens=input_tokens,
            output_tokens=_between(0, self.output_tokens, _MOST_TOKENS),
            cached_input_tokens=_between(0, self.cached_input_tokens, input_tokens),
        )


def cost_micros(price: PriceVersion, usage: TokenUsage) -> int:
    """Return ceil(Σ tokens·price / 1 000 000) in micro-yuan; cached input is charged at its own price."""
    total = (
        (usage.input_tokens - usage.cached_input_tokens) * price.input_price_micros
        + usage.cached_input_tokens * price.cached_input_price_micros
        + usage.output_tokens * price.output_price_micros
    )
    return -(-total // TOKENS_PER_PRICE_UNIT)


def affordable_output_tokens(
    price: PriceVersion, *, balance_micros: int, prompt_tokens: int, limit: int
) -> int:
    """Return the largest output, at most ``limit``, that ``balance_micros`` pays after an uncached prompt.

    0 when it does not even pay for the prompt. Since ceil(x) <= n is x <= n for an integer n, the largest
    output is found by one division, and ``cost_micros`` of it never exceeds the balance.
    """
    left = balance_micros * TOKENS_PER_PRICE_UNIT - prompt_tokens * price.input_price_micros
    if left < 0:
        return 0
    if price.output_price_micros == 0:
        return limit
    return min(limit, left // price.output_price_micros)


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))
