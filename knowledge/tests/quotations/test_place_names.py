"""Names of the same place are the same, however an edition numbers and counts them."""

import pytest

from knowledge.quotations.place_names import PlaceName, read_place_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("为政", PlaceName("为政")),
        ("為政篇", PlaceName("为政")),
        ("为政第二", PlaceName("为政", 2)),
        ("学而篇第一", PlaceName("学而", 1)),
        ("第八章", PlaceName("", 8)),
        ("第8章", PlaceName("", 8)),
        ("八章", PlaceName("", 8)),
        ("卷四十七", PlaceName("", 47)),
        ("第108回", PlaceName("", 108)),
        ("第一百二十回", PlaceName("", 120)),
        ("传第九章", PlaceName("传", 9)),
        ("其一", PlaceName("其", 1)),
        ("七月", PlaceName("七月")),
        ("……", PlaceName("")),
    ],
)
def test_name_is_taken_apart(name: str, expected: PlaceName) -> None:
    assert read_place_name(name) == expected


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("为政第二", "为政篇", True),
        ("第二篇", "为政第二", True),
        ("第8章", "第八章", True),
        ("第九章", "第八章", False),
        ("传第三章", "传第九章", False),
        ("梁惠王", "梁惠王上", True),
        ("梁惠王下", "梁惠王上", False),
        ("学而", "为政", False),
        ("第八章", "为政", False),
    ],
)
def test_names_are_the_same_where_all_that_both_tell_agrees(name: str, other: str, same: bool) -> None:
    assert read_place_name(name).is_same(read_place_name(other)) is same
    assert read_place_name(other).is_same(read_place_name(name)) is same
