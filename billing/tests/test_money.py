"""Money is written and read as people expect, and survives the round trip."""

import random

import pytest

from billing.money import format_yuan, parse_yuan, yuan_text


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "¥0.00"),
        (10_000_000, "¥10.00"),
        (9_989_700, "¥9.98"),
        (9_999_999, "¥9.99"),
        (10_000, "¥0.01"),
        (10_001, "¥0.01"),
        (9_999, "¥0.009999"),
        (1_200, "¥0.0012"),
        (1, "¥0.000001"),
        (-18_000, "-¥0.01"),
        (-1_200, "-¥0.0012"),
        (-12_345_678, "-¥12.34"),
        (1_234_567_890_000_000, "¥1234567890.00"),
    ],
)
def test_an_amount_is_shown_in_fen_and_finer_only_below_one_fen(micros: int, text: str) -> None:
    assert format_yuan(micros) == text


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("12.50", 12_500_000),
        ("12.5", 12_500_000),
        (" 3 ", 3_000_000),
        ("+3", 3_000_000),
        ("-3", -3_000_000),
        ("-0.01", -10_000),
        ("0.000001", 1),
        ("007", 7_000_000),
        ("999999999.999999", 999_999_999_999_999),
    ],
)
def test_an_amount_typed_in_yuan_becomes_exact_micros(text: str, micros: int) -> None:
    assert parse_yuan(text) == micros


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".5", "5.", "1e3", "1,000", "¥5", "0.0000001", "1234567890", "--3", "NaN", "１２", "3 4"],
)
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_yuan(text)


def test_the_text_of_an_input_field_reads_back_as_the_same_amount() -> None:
    amounts = [random.Random(7).randint(-(10**14), 10**14) for _ in range(500)]

    read_back = [parse_yuan(yuan_text(amount)) for amount in amounts]

    assert read_back == amounts
    assert [yuan_text(200_000), yuan_text(2_000_000), yuan_text(-12_500_000)] == ["0.2", "2", "-12.5"]
