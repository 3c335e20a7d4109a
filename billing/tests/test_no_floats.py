"""No floating point and no true division anywhere in billing: a fraction of a micro-yuan must not exist."""

import io
import tokenize
from pathlib import Path

import pytest

BILLING = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for path in BILLING.rglob("*.py") if "tests" not in path.parts)


def _offences(source: str) -> list[str]:
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_float = token.type == tokenize.NUMBER and not token.string.lower().startswith("0x")
        is_float = is_float and any(mark in token.string.lower() for mark in ".ej")
        is_name = token.type == tokenize.NAME and token.string in {
            "float",
            "Decimal",
            "FloatField",
            "DecimalField",
        }
        is_division = token.type == tokenize.OP and token.string in {"/", "/="}
        if is_float or is_name or is_division:
            found.append(f"line {token.start[0]}: {token.string}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(BILLING)))
def test_billing_knows_no_floating_point(path: Path) -> None:
    assert _offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line", ["x = 0.5", "x = 1e6", "x = float(y)", "x = a / b", "x = Decimal(1)", "x /= 2"]
)
def test_the_search_finds_each_kind_of_offence(line: str) -> None:
    assert len(_offences(line)) == 1


def test_the_search_covers_the_modules_of_money() -> None:
    names = {path.name for path in SOURCES}

    assert {"services.py", "pricing.py", "money.py", "wallets.py", "audit.py", "forms.py"} <= names
