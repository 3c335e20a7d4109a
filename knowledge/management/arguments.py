"""Decides what a number must be to be an argument of a command."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Read a whole number above zero; raises ``ArgumentTypeError`` for anything else."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise ArgumentTypeError("应为正整数。")
    return number
