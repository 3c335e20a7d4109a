from chat.grounding import Source
from chat.offline import NOTHING_FOUND, compose_answer


def source(n: int, passage_id: int, text: str, **fields) -> Source:
    return Source(n, passage_id, "论语", "为政", "《论语·为政》", text, 1.0, **fields)


def test_an_exact_hit_is_quoted_with_what_stands_around_it():
    sources = [
        source(1, 50, "子曰：“学而不思则罔，思而不学则殆。”", exact=True),
        source(2, 60, "别的"),
        source(3, 99, "上一章", context="before"),
        source(4, 51, "下一章", context="after"),
    ]

    answer = compose_answer(sources)

    assert answer.startswith("这句话出自《论语·为政》[1]，原文是：\n\n> 子曰：“学而不思则罔")
    assert answer.index("上文：\n\n> 上一章 [3]") < answer.index("下文：\n\n> 下一章 [4]")
    assert "别的" not in answer


def test_without_an_exact_hit_the_best_passages_are_quoted():
    answer = compose_answer([source(n, n, f"原文{n}") for n in range(1, 6)])

    assert answer.startswith("与您的问题最相近的原文：")
    assert [f"原文{n}" in answer for n in range(1, 6)] == [True, True, True, False, False]


def test_lines_of_verse_stay_lines_of_one_quotation():
    answer = compose_answer([source(1, 1, "床前明月光，\n疑是地上霜。")])

    assert "> 床前明月光，\n> 疑是地上霜。" in answer


def test_without_passages_the_answer_says_what_to_do():
    assert compose_answer([]) == NOTHING_FOUND
