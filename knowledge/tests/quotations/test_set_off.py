"""Lines that a reply sets off are quotations: block quotes, verse, a classical line by itself."""

import pytest

from knowledge.quotations.finding import find_quotations


def found_in(reply: str) -> list[tuple[str, str]]:
    return [(quotation.kind, quotation.text) for quotation in find_quotations(reply)]


def test_block_quote_has_a_quotation_in_every_paragraph() -> None:
    reply = "> 床前明月光，疑是地上霜。\n> 举头望明月，低头思故乡。\n>\n> 白日依山尽，黄河入海流。\n\n后文"

    assert found_in(reply) == [
        ("block", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
        ("block", "白日依山尽，黄河入海流。"),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        "> 床前明月光，疑是地上霜。\n> ——李白《静夜思》\n",
        "> 床前明月光，疑是地上霜。\n>\n> （李白《静夜思》）\n",
        "> **静夜思**\n> 李白\n> 床前明月光，疑是地上霜。\n",
        "> 【原文】床前明月光，疑是地上霜。\n> 【译文】明亮的月光洒在床前。\n",
        "> **原文：**\n> 床前明月光，疑是地上霜。\n",
        ">> 床前明月光，疑是地上霜。\n>> -- 李白\n",
        "> 床前明月光，疑是地上霜。<br>\n",
    ],
)
def test_what_only_introduces_or_explains_a_block_quote_is_no_part_of_it(reply: str) -> None:
    assert found_in(reply) == [("block", "床前明月光，疑是地上霜。")]


def test_line_that_quotes_a_book_is_not_taken_for_the_name_of_a_source() -> None:
    assert found_in("> 《诗》云：缗蛮黄鸟，止于丘隅。\n") == [("block", "《诗》云：缗蛮黄鸟，止于丘隅。")]


@pytest.mark.parametrize(
    "reply",
    [
        "全诗如下：\n\n床前明月光，\n疑是地上霜。\n\n真好。",
        "- 床前明月光，\n- 疑是地上霜。",
        "1. 床前明月光，\n2. 疑是地上霜。",
        "　　床前明月光，\n　　疑是地上霜。",
        "*床前明月光，*\n*疑是地上霜。*",
        "静夜思\n李白\n床前明月光，\n疑是地上霜。",
        "床前明月光，  \n疑是地上霜。  \n",
        "床前明月光，<br>\n疑是地上霜。",
        "今天我们读诗：\n床前明月光，\n疑是地上霜。\n是不是也会想家？",
    ],
)
def test_lines_of_verse_are_a_quotation(reply: str) -> None:
    assert found_in(reply) == [("verse", "床前明月光，\n疑是地上霜。")]


def test_verse_needs_no_punctuation_if_its_lines_are_equal() -> None:
    assert found_in("白日依山尽\n黄河入海流\n") == [("verse", "白日依山尽\n黄河入海流")]


@pytest.mark.parametrize(
    "reply",
    [
        "我今天学习了很多，\n觉得非常快乐。",
        "第一点\n第二个要点",
        "# 床前明月光\n## 疑是地上霜",
        "孔子\n老子",
        "译文：明月照床前，\n译文：疑是地上霜。",
    ],
)
def test_other_lines_are_no_verse(reply: str) -> None:
    assert found_in(reply) == []


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("学而时习之，不亦说乎？", [("line", "学而时习之，不亦说乎？")]),
        ("如下：\n\n学而时习之，不亦说乎？——《论语》\n\n很好。", [("line", "学而时习之，不亦说乎？")]),
        ("上善若水", [("line", "上善若水")]),
        ("如下：\n\n上善若水\n\n很好。", []),
        ("我们应该经常复习，这样很好。", []),
    ],
)
def test_classical_line_by_itself_may_be_one(reply: str, expected: list[tuple[str, str]]) -> None:
    assert found_in(reply) == expected


def test_positions_are_those_of_the_reply() -> None:
    reply = "读：\n\n- 床前明月光，\n- 疑是地上霜。\n"

    (verse,) = find_quotations(reply)

    assert reply[verse.start : verse.end] == "床前明月光，\n- 疑是地上霜。"
    assert [reply[line.start : line.end] for line in verse.inner] == ["床前明月光，", "疑是地上霜。"]
