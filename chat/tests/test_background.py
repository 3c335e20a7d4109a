import pytest

from chat.background import Words, clean_summary, read_words, words_request
from chat.prompts import PastTurn


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("标题：「学与思」。", "学与思"),
        ("**标题**：“论语”中的学", "论语中的学"),
        ("1. 标题: 《论语》中的学", "《论语》中的学"),
        ("标题：" + "长" * 20, "长" * 20),
        ("标题：" + "长" * 21, "长" * 19 + "…"),
        ("标题：看 https://evil.example/x 学", "看 （外链已略） 学"),
        ("标题：甲\n标题：乙", "甲"),
        ("好的，\n标题：甲", "甲"),
        ("学与思", ""),
        ("标题：「」", ""),
        ("", ""),
    ],
)
def test_title_is_one_short_line_without_quotation_marks(answer, title):
    assert read_words(answer, asked="一问") == Words(title, ())


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["追问：何谓学？", "追问：何谓学？", "追问：一问"], ["何谓学？"]),
        (["追问1：甲？", "- 追问：乙？", "3. **追问**：丙？", "追问：丁？"], ["甲？", "乙？", "丙？"]),
        (["追问：" + "长" * 31, "追问：" + "短" * 30], ["短" * 30]),
        (["追问：", "追问：见 <b>何</b>处？", "别的话"], ["见 何处？"]),
    ],
)
def test_suggestions_are_few_short_and_new(lines, kept):
    assert read_words("\n".join(lines), asked="一问") == Words("", tuple(kept))


def test_only_what_is_wanted_is_asked_for():
    turn = PastTurn("问" * 5000, "答" * 5000)

    title, both, suggestions = (
        words_request(turn, title=title, suggestions=suggestions)
        for title, suggestions in ((True, False), (True, True), (False, True))
    )

    assert [request.purpose for request in (title, both, suggestions)] == ["title", "title", "suggestions"]
    told = [request.messages[0].content for request in (title, both, suggestions)]
    assert [("标题：" in text, text.count("追问：")) for text in told] == [(True, 0), (True, 3), (False, 3)]
    assert all(len(request.messages[1].content) < 2300 for request in (title, both, suggestions))


def test_summary_without_the_end_of_a_sentence_is_cut_where_it_must():
    assert clean_summary("字" * 900) == "字" * 800
