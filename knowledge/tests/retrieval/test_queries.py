"""A query is taken apart into what is quoted, what it is about, which books it names, and its kind."""

import pytest

from knowledge.retrieval.queries import MAX_QUERY_CHARACTERS, QueryKind, named_in, parse_query


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("『学而不思则罔』出自哪里，上下文是什么？", ("学而不思则罔",)),
        ("學而不思則罔", ("学而不思则罔",)),
        ("学而不思则罔出自哪里？", ("学而不思则罔",)),
        ("请问“温故而知新”是谁说的", ("温故而知新",)),
        ("春眠不觉晓，处处闻啼鸟", ("春眠不觉晓处处闻啼鸟",)),
        ("什么是“仁”？", ()),
        ("床前明月光，\n疑是地上霜。", ("床前明月光疑是地上霜",)),
        ("床前明月光\r\n  疑是地上霜 \u3000举头望明月", ("床前明月光疑是地上霜举头望明月",)),
        ("老子如何看待水？", ()),
        ("《论语》里怎么谈学习？", ()),
    ],
)
def test_line_is_what_a_reader_wants_to_see_literally(query: str, lines: tuple[str, ...]) -> None:
    assert parse_query(query).lines == lines


@pytest.mark.parametrize(
    ("query", "segments"),
    [
        ("“知之为知之”的意思是什么？", ("知之为知之",)),
        ("孫子說知己知彼是什麼意思", ("孙子说知己知彼",)),
        ("老子如何看待水", ("老子", "水")),
        ("《静夜思》的作者是谁？", ("静夜思", "的")),
        ("？？！", ()),
        ("hello", ()),
        ("什么是“仁”？", ("仁",)),
        ("“仁”", ("仁",)),
        ("「道」是什么意思", ("道",)),
        ("“礼”和“仁”", ("礼", "仁")),
        ("《论》里的“和”", ("和", "论", "里的")),
    ],
)
def test_question_words_are_not_searched_for(query: str, segments: tuple[str, ...]) -> None:
    assert parse_query(query).segments == segments


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("孔子怎么谈学习？", QueryKind.QUESTION),
        ("温故而知新", QueryKind.STATEMENT),
        ("學習之後時常溫習，不是很愉快嗎", QueryKind.QUESTION),
    ],
)
def test_kind_of_query_is_found_by_its_words(query: str, kind: QueryKind) -> None:
    assert parse_query(query).kind is kind


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("《論語》怎么说", True),
        ("《论语·为政》怎么说", True),
        ("论语里怎么说", True),
        ("《论》怎么说", True),
        ("无论怎么说", False),
        ("孟子怎么说", False),
    ],
)
def test_book_is_named_by_title_or_alias_in_either_script(query: str, expected: bool) -> None:
    assert named_in(parse_query(query), ["论语", "论"]) is expected


def test_only_the_beginning_of_an_endless_query_counts() -> None:
    parsed = parse_query("道" * 100_000)

    assert len(parsed.text) == MAX_QUERY_CHARACTERS
