"""A quotation is laid along its source where it takes the fewest edits, and the differences are those a reader sees."""

import pytest

from knowledge.quotations.alignment import Alignment, Difference, align, find_differences

SOURCE = "子曰学而不思则罔思而不学则殆"
EDGES = frozenset((0, 2, 8, 14))


def lay(quoted: str, source: str = SOURCE, edges: frozenset[int] = EDGES, most: int = 3) -> Alignment | None:
    return align(quoted, source, lambda: edges, most_edits=most)


@pytest.mark.parametrize(
    ("quoted", "alignment"),
    [
        ("学而不思则惘", Alignment(2, 8, 1, True)),
        ("学而思则罔思而不学则殆", Alignment(2, 14, 1, True)),
        ("学而不思则罔也", Alignment(2, 8, 1, True)),
        ("不学而思则罔", Alignment(2, 8, 2, True)),
        ("学而不思罔则", Alignment(2, 8, 1, True)),
        ("而不思则惘", Alignment(3, 8, 1, False)),
        ("窗前明月光", None),
    ],
)
def test_quotation_is_laid_where_it_takes_the_fewest_edits(quoted: str, alignment: Alignment | None) -> None:
    assert lay(quoted) == alignment


def test_more_edits_than_allowed_are_none() -> None:
    assert lay("学而不思则惘", most=0) is None
    assert lay("学而不思则惘", source="学而") is None


def test_long_quotation_is_found_with_characters_missing_at_both_ends() -> None:
    source = "".join(chr(0x4E00 + number) for number in range(400))
    quoted = source[100:130] + source[132:200] + "也" + source[200:260]

    found = lay(quoted, source, frozenset(), most=5)

    assert found == Alignment(100, 260, 3, False)


@pytest.mark.parametrize(
    ("quoted", "source", "differences"),
    [
        ("床前看月光", "床前明月光", (Difference("看", "明"),)),
        ("床前月光", "床前明月光", (Difference("", "明"),)),
        ("床前的明月光", "床前明月光", (Difference("的", ""),)),
        ("床明前月光", "床前明月光", (Difference("明前", "前明"),)),
        ("窗前看月光", "床前明月光", (Difference("窗", "床"), Difference("看", "明"))),
        ("床前明月光", "床前明月光", ()),
    ],
)
def test_differences_are_given_in_order(
    quoted: str, source: str, differences: tuple[Difference, ...]
) -> None:
    assert find_differences(quoted, source) == differences
