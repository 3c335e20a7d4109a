"""Cost is one exact ceiling, and the affordable output is the largest that the balance pays."""

import random
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import pytest

from billing.pricing import TokenUsage, affordable_output_tokens, cost_micros


@dataclass(frozen=True)
class ListPrice:
    input_price_micros: int
    cached_input_price_micros: int
    output_price_micros: int


DEEPSEEK = ListPrice(2_000_000, 200_000, 3_000_000)
FREE = ListPrice(0, 0, 0)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (TokenUsage(0, 0), 0),
        (TokenUsage(1_000_000, 0), 2_000_000),
        (TokenUsage(1_000_000, 0, cached_input_tokens=1_000_000), 200_000),
        (TokenUsage(0, 1_000_000), 3_000_000),
        (TokenUsage(5000, 700, cached_input_tokens=1000), 8_000 + 200 + 2_100),
        (TokenUsage(1, 0), 2),
        (TokenUsage(1, 0, cached_input_tokens=1), 1),
        (TokenUsage(4, 0, cached_input_tokens=4), 1),
        (TokenUsage(6, 0, cached_input_tokens=6), 2),
    ],
)
def test_cost_is_the_sum_of_its_parts_rounded_up_once(usage: TokenUsage, cost: int) -> None:
    assert cost_micros(DEEPSEEK, usage) == cost


def test_a_free_model_costs_nothing() -> None:
    assert cost_micros(FREE, TokenUsage(10**6, 10**6, 10**5)) == 0


def test_cost_equals_the_ceiling_of_the_exact_fraction() -> None:
    dice = random.Random(20250929)
    for _ in range(2000):
        price = ListPrice(*(dice.choice([0, 1, 7, dice.randint(0, 10**8)]) for _ in range(3)))
        cached = dice.randint(0, 5000)
        usage = TokenUsage(cached + dice.randint(0, 100_000), dice.randint(0, 10_000), cached)

        exact = (
            Fraction(usage.input_tokens - cached) * price.input_price_micros
            + Fraction(cached) * price.cached_input_price_micros
            + Fraction(usage.output_tokens) * price.output_price_micros
        ) / 1_000_000

        assert cost_micros(price, usage) == ceil(exact)


def test_the_affordable_output_is_the_largest_that_the_balance_pays() -> None:
    dice = random.Random(256)
    for _ in range(3000):
        price = ListPrice(dice.randint(0, 10**7), 0, dice.choice([0, 1, dice.randint(1, 10**7)]))
        balance, prompt, limit = dice.randint(0, 50_000), dice.randint(0, 5000), dice.randint(1, 4000)

        granted = affordable_output_tokens(price, balance_micros=balance, prompt_tokens=prompt, limit=limit)

        assert 0 <= granted <= limit
        if granted:
            assert cost_micros(price, TokenUsage(prompt, granted)) <= balance
        if granted < limit:
            assert cost_micros(price, TokenUsage(prompt, granted + 1)) > balance


def test_a_prompt_beyond_the_balance_leaves_no_output() -> None:
    granted = affordable_output_tokens(DEEPSEEK, balance_micros=1_999, prompt_tokens=1000, limit=500)

    assert granted == 0


@pytest.mark.parametrize(
    ("usage", "clamped"),
    [
        (TokenUsage(10, 20, 5), TokenUsage(10, 20, 5)),
        (TokenUsage(-1, -2, -3), TokenUsage(0, 0, 0)),
        (TokenUsage(10, 20, 99), TokenUsage(10, 20, 10)),
        (TokenUsage(10**12, 10**12, 10**12), TokenUsage(2**31 - 1, 2**31 - 1, 2**31 - 1)),
    ],
)
def test_an_impossible_usage_is_clamped_to_the_nearest_possible_one(
    usage: TokenUsage, clamped: TokenUsage
) -> None:
    assert usage.clamped() == clamped
