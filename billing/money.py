"""Decides how money is written and read: integer micro-yuan inside, yuan with a point outside."""

import re

MICROS_PER_YUAN = 1_000_000
MICROS_PER_FEN = 10_000

_YUAN = re.compile(r"(?P<sign>[+-]?)(?P<yuan>[0-9]{1,9})(?:\.(?P<fraction>[0-9]{1,6}))?", re.ASCII)


def format_yuan(micros: int) -> str:
    """Return ``¥9.98``: whole fen, rounded towards zero; less than a fen keeps its decimals (``¥0.0012``)."""
    sign = "-" if micros < 0 else ""
    yuan, fraction = divmod(abs(micros), MICROS_PER_YUAN)
    if 0 < abs(micros) < MICROS_PER_FEN:
        return f"{sign}¥0." + f"{fraction:06d}".rstrip("0")
    return f"{sign}¥{yuan}.{fraction // MICROS_PER_FEN:02d}"


def yuan_text(micros: int) -> str:
    """Return the exact amount as an input field shows it, without trailing zeros: ``2``, ``12.5``."""
    sign = "-" if micros < 0 else ""
    yuan, fraction = divmod(abs(micros), MICROS_PER_YUAN)
    decimals = f"{fraction:06d}".rstrip("0")
    return f"{sign}{yuan}" + (f".{decimals}" if decimals else "")


def parse_yuan(text: str) -> int:
    """Return the micro-yuan of what was typed in yuan, such as ``12.50`` or ``-3``; else raise ValueError."""
    match = _YUAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount in yuan: {text!r}")
    fraction = (match["fraction"] or "").ljust(6, "0")
    micros = int(match["yuan"]) * MICROS_PER_YUAN + int(fraction)
    return -micros if match["sign"] == "-" else micros
