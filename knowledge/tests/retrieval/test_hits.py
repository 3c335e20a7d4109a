"""What is shown of a hit: the same text once, and what the query has of it marked in the text as written."""

import pytest

from knowledge.retrieval.hits import find_matches


def marked(text: str, *segments: str) -> list[str]:
    return [text[start:end] for start, end in find_matches(text, segments)]


@pytest.mark.parametrize(
    ("text", "segments", "expected"),
    [
        ("子曰：“学而不思则罔。”", ("学而不思",), ["学而不思"]),
        ("學而不思則罔", ("学而不思则罔",), ["學而不思則罔"]),
        ("学而不思，则罔；思而不学", ("不思则罔",), ["不思，则罔"]),
        ("上善若水。水善利万物", ("水",), ["水。水"]),
        ("上善若水", ("水火",), []),
        ("学而时习之", ("习之学而",), ["学而", "习之"]),
        ("", ("学而",), []),
    ],
)
def test_stretches_of_the_text_are_marked(text: str, segments: tuple[str, ...], expected: list[str]) -> None:
    assert marked(text, *segments) == expected
