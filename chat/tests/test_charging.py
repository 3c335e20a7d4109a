import pytest

from billing.pricing import TokenUsage
from chat.charging import chargeable_usage
from guoxue.llm import Usage, estimate_tokens

LONG = "学而不思则罔" * 20


@pytest.mark.parametrize("status", ["completed", "stopped"])
def test_the_providers_count_is_what_counts(status):
    usage, estimated = chargeable_usage(
        status=status, reported=Usage(900, 80, 100), prompt_tokens=5000, text="任何"
    )

    assert usage == TokenUsage(input_tokens=900, output_tokens=80, cached_input_tokens=100)
    assert not estimated


@pytest.mark.parametrize("status", ["completed", "stopped", "failed", "interrupted"])
def test_without_a_count_prompt_and_text_are_estimated(status):
    usage, estimated = chargeable_usage(status=status, reported=None, prompt_tokens=700, text=LONG)

    assert usage == TokenUsage(input_tokens=700, output_tokens=estimate_tokens(LONG))
    assert estimated


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_reply_that_broke_off_early_is_free(status):
    usage, _ = chargeable_usage(status=status, reported=None, prompt_tokens=700, text="学而时习之")

    assert usage is None


@pytest.mark.parametrize("status", ["completed", "stopped", "failed", "interrupted"])
def test_a_reply_without_text_and_count_is_free(status):
    usage, _ = chargeable_usage(status=status, reported=None, prompt_tokens=700, text="")

    assert usage is None


def test_what_an_earlier_reply_has_written_is_not_paid_twice():
    usage, _ = chargeable_usage(
        status="interrupted",
        reported=None,
        prompt_tokens=700,
        text=LONG + LONG[:60],
        written_before=len(LONG),
    )

    assert usage == TokenUsage(input_tokens=700, output_tokens=estimate_tokens(LONG[:60]))


def test_a_continuation_that_adds_nothing_is_free():
    usage, _ = chargeable_usage(
        status="failed", reported=None, prompt_tokens=700, text=LONG, written_before=len(LONG)
    )

    assert usage is None
