"""Tables become records by the names of their columns; a row that does not fit is refused alone."""

from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import Format
from knowledge.tests.corpus import write
from knowledge.tests.documents import places, read


def test_columns_are_the_fields_of_the_record(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "诗文.csv",
        "work,chapter,section,title,author,dynasty,text,translation,category\n"
        "论语,学而,,,,,学而时习之。,学了要按时温习。,经部\n"
        '唐诗,,,静夜思,李白,唐,"床前明月光，\n疑是地上霜。",,集部\n',
    )

    records, refusals = read(path)

    assert refusals == []
    assert [record.text for record in records] == ["学而时习之。", "床前明月光，\n疑是地上霜。"]
    assert [record.translation for record in records] == ["学了要按时温习。", ""]
    assert [(record.work.title, record.work.category) for record in records] == [
        ("论语", "经部"),
        ("唐诗", "集部"),
    ]
    assert places(records) == [("学而",), ("静夜思",)]
    assert (records[1].headings[0].author, records[1].headings[0].dynasty) == ("李白", "唐")
    assert [record.line for record in records] == [2, 3]


def test_columns_may_have_chinese_names_and_be_divided_by_tabs(tmp_path: Path) -> None:
    path = write(
        tmp_path, "孟子.tsv", "篇\t原文\t译文\n梁惠王上\t王何必曰利？\t大王何必说利？\n".encode("gb18030")
    )

    records, _refusals = read(path)

    assert (records[0].work.title, places(records)[0]) == ("孟子", ("梁惠王上",))
    assert (records[0].text, records[0].translation) == ("王何必曰利？", "大王何必说利？")


def test_notes_become_commentary(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "text,注释\n学而时习之,时：按时\n")

    records, _refusals = read(path)

    assert [(record.kind, record.text) for record in records] == [
        ("root", "学而时习之"),
        ("commentary", "时：按时"),
    ]


def test_unfit_rows_are_refused_with_their_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "x.csv",
        'text,work\n天地,书\n\n多了,一格,呢\n少了\nlatin,书\n,书\n"引号"没有成对,书\n玄黄,书\n',
    )

    records, refusals = read(path)

    assert [record.line for record in records] == [2, 9]
    assert [(refusal.line, refusal.reason[:8]) for refusal in refusals] == [
        (4, "这一行有 3 列"),
        (5, "这一行有 1 列"),
        (6, "没有汉字。"),
        (7, "没有文字：tex"),
        (8, "表格的这一行有误"),
    ]


@pytest.mark.parametrize("after", ["宇宙\n洪荒\n", '"宇宙"\n洪荒\n'])
def test_quote_that_never_closes_takes_no_row_with_it(tmp_path: Path, after: str) -> None:
    path = write(tmp_path, "x.csv", f'text\n天地\n"玄黄\n{after}')

    records, refusals = read(path)

    assert [(record.text, record.line) for record in records] == [("天地", 2), ("宇宙", 4), ("洪荒", 5)]
    assert [refusal.line for refusal in refusals] == [3]


def test_row_of_several_lines_that_does_not_fit_names_them_all(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", 'text,work\n"天地\n玄黄",书,多\n宇宙,书\n')

    records, refusals = read(path)

    assert [(record.text, record.line) for record in records] == [("宇宙", 4)]
    assert [refusal.line for refusal in refusals] == [2]
    assert "到第 3 行为止" in refusals[0].reason


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusFileRefused, match="同名：text"):
        read(write(tmp_path, "x.csv", "text,备注,备注,text\n天地,,,玄黄\n"))


def test_columns_that_mean_nothing_may_have_one_name(tmp_path: Path) -> None:
    records, _refusals = read(write(tmp_path, "x.csv", "text,,\n天地,,\n"))

    assert [record.text for record in records] == ["天地"]


@pytest.mark.parametrize("content", ["text\n天地" + "玄黄" * 50, "text" + " " * 101 + "\n天地"])
def test_line_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch, content: str) -> None:
    monkeypatch.setattr("knowledge.formats.corpus_file.MAX_LINE_CHARACTERS", 100)

    with pytest.raises(CorpusFileRefused, match="超过 100 字"):
        read(write(tmp_path, "x.csv", content))


@pytest.mark.parametrize("content", ["not,text_at_all\n1,2\n", "", "天地玄黄\n"])
def test_table_without_a_column_of_texts_is_refused(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, "x.csv", content)

    with pytest.raises(CorpusFileRefused, match="text"):
        read(path)


def test_format_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", "text,work\n天地玄黄,千字文\n")

    records, _refusals = read(path, format=Format.TABLE)

    assert (records[0].work.title, records[0].text) == ("千字文", "天地玄黄")
