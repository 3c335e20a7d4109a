"""Plain text is read as it is laid out: by blank lines, by lines, by indentations, by broken lines."""

from pathlib import Path

import pytest

from knowledge.outlining.outline import outline_works
from knowledge.outlining.records import Refusal
from knowledge.tests.corpus import write
from knowledge.tests.documents import places, read

LONG = "黄帝者，少典之子，姓公孙，名曰轩辕。生而神灵，弱而能言，幼而徇齐，长而敦敏，成而聪明。"


def texts_of(path: Path) -> list[str]:
    records, refusals = read(path)
    assert refusals == []
    return [record.text for record in records]


def test_header_names_the_work(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", f"书名：史记\n作者：司马迁\n朝代：西汉\n\n卷一 五帝本纪第一\n{LONG}\n")

    (record,), _refusals = read(path)

    assert (record.work.title, record.work.author, record.work.dynasty) == ("史记", "司马迁", "西汉")
    assert (places([record])[0], record.line) == (("卷一 五帝本纪第一",), 6)


def test_title_line_in_book_marks_names_the_work_and_its_author(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", f"　　《史记》　作者：司马迁\n　　{LONG}\n")

    (record,), _refusals = read(path)

    assert (record.work.title, record.work.author, record.text) == ("史记", "司马迁", LONG)


def test_first_line_that_repeats_the_files_name_is_its_title(tmp_path: Path) -> None:
    path = write(tmp_path, "史记.txt", f"史記\n\n{LONG}\n")

    assert texts_of(path) == [LONG]


def test_table_of_contents_leaves_no_sections_and_lines_of_prose_are_paragraphs(tmp_path: Path) -> None:
    contents = "卷一 五帝本纪第一\n卷二 夏本纪第二\n"
    path = write(
        tmp_path,
        "史记.txt",
        f"史记\n\n{contents}\n\n卷一 五帝本纪第一\n{LONG}\n{LONG}\n卷二 夏本纪第二\n{LONG}\n",
    )

    records, _refusals = read(path)

    assert [record.text for record in records] == [LONG] * 3
    assert places(records) == [("卷一 五帝本纪第一",)] * 2 + [("卷二 夏本纪第二",)]


def test_lines_of_prose_are_paragraphs_even_between_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", f"{LONG}\n{LONG}\n\n{LONG}\n{LONG}\n")

    assert texts_of(path) == [LONG] * 4


def test_indentation_begins_a_paragraph_and_broken_lines_are_rejoined(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "x.txt",
        "　　第一回　宴桃园\n\n"
        "　　话说天下大势分久必合合久必分周末七国分争并入于\n秦及秦灭之后楚汉分争又并入于汉汉朝自高祖斩白蛇而\n"
        "起义一统天下后来光武中兴传至献帝遂分为三国。\n　　推其致乱之由殆始于桓灵二帝桓帝禁锢善类崇信宦官\n及桓帝崩。\n",
    )

    records, _refusals = read(path)

    assert [(record.line, len(record.text), record.text[:4]) for record in records] == [
        (3, 69, "话说天下"),
        (6, 28, "推其致乱"),
    ]
    assert places(records) == [("第一回 宴桃园",)] * 2


def test_broken_lines_without_indentation_are_rejoined_between_blank_lines(tmp_path: Path) -> None:
    lines = [
        "道可道非常道名可名非常名无名天地之始有名",
        "万物之母故常无欲以观其妙常有欲以观其徼此",
        "两者同出而异名同谓之玄玄之又玄众妙之门。",
    ]
    path = write(tmp_path, "x.txt", "\n".join(lines) + "\n\n" + "\n".join(lines) + "\n")

    assert texts_of(path) == ["".join(lines)] * 2


def test_short_lines_without_punctuation_before_long_ones_are_headings(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", f"　　秦论\n　　{LONG}\n　　楚汉论\n　　{LONG}\n　　{LONG}\n")

    records, _refusals = read(path)

    assert places(records) == [("秦论",), ("楚汉论",), ("楚汉论",)]


def test_verse_without_punctuation_has_no_headings(tmp_path: Path) -> None:
    lines = ["天地玄黄", "宇宙洪荒", "日月盈昃", "辰宿列张"]

    assert texts_of(write(tmp_path, "x.txt", "\n".join(lines))) == lines


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["卷上", "第一章 甲"], ("卷上", "第一章 甲")),
        (["第一篇", "第一章", "第二节 乙"], ("第一篇", "第一章", "第二节 乙")),
        (["第一章", "第二章"], ("第二章",)),
        (["○第一套〖胜战计〗"], ("第一套〖胜战计〗",)),
        (["何博士备论卷上　　　　宋　何去非　撰"], ("何博士备论卷上 宋 何去非 撰",)),
        (["卷第十二", "第3回 丙"], ("卷第十二", "第3回 丙")),
    ],
)
def test_headings_nest_by_their_kind(tmp_path: Path, lines: list[str], place: tuple[str, ...]) -> None:
    path = write(tmp_path, "x.txt", "\n\n".join([*lines, "天地玄黄。"]))

    records, _refusals = read(path)

    assert places(records) == [place]


@pytest.mark.parametrize(
    "line", ["卷上", "卷上之一", "卷中第二", "卷下 列传", "卷上·总论", "卷第十二", "卷一百三"]
)
def test_rolls_are_headings(tmp_path: Path, line: str) -> None:
    records, _refusals = read(write(tmp_path, "x.txt", f"{line}\n\n天地玄黄。\n"))

    assert places(records) == [(line,)]


def test_line_of_verse_about_a_curtain_is_no_heading(tmp_path: Path) -> None:
    lines = ["春风十里扬州路", "卷上珠帘总不如"]

    assert texts_of(write(tmp_path, "x.txt", "\n".join(lines))) == lines


def test_heading_without_text_is_reported_unless_it_comes_again(tmp_path: Path) -> None:
    contents = "卷一 五帝本纪……1\n卷二 夏本纪……20\n"
    body = f"卷一 五帝本纪\n第一节\n{LONG}\n卷二　夏本纪\n{LONG}\n卷二 尚书\n"
    path = write(tmp_path, "x.txt", contents + body)

    records, refusals = read(path)

    assert places(records) == [("卷一 五帝本纪", "第一节"), ("卷二 夏本纪",)]
    assert refusals == [Refusal("x.txt", 8, "这一行被当作篇名，其下没有文字。")]


def passages_of(path: Path) -> list[str]:
    records, _refusals = read(path)
    return [passage.text for passage in next(outline_works(records)).passages]


@pytest.mark.parametrize("marks", ["，。", "。。", ["", ""], [" ", " "]])
def test_poem_in_half_lines_is_one_passage(tmp_path: Path, marks: str) -> None:
    halves = ["床前明月光", "疑是地上霜", "举头望明月", "低头思故乡"]
    poem = [half + marks[number % 2] for number, half in enumerate(halves)]
    path = write(tmp_path, "x.txt", "\n".join(["静夜思", *poem, "登鹳雀楼", *poem]))

    records, _refusals = read(path)

    whole = "\n".join(map(str.strip, poem))
    assert [record.text for record in records] == [
        "静夜思",
        *whole.split("\n"),
        "登鹳雀楼",
        *whole.split("\n"),
    ]
    assert passages_of(path) == ["静夜思", whole, "登鹳雀楼", whole]


def test_poems_between_blank_lines_are_passages_of_their_own(tmp_path: Path) -> None:
    poem = "　　床前明月光。\n　　疑是地上霜。\n　　举头望明月。\n　　低头思故乡。\n"

    passages = passages_of(write(tmp_path, "x.txt", f"{poem}\n{poem}"))

    assert passages == ["床前明月光。\n疑是地上霜。\n举头望明月。\n低头思故乡。"] * 2


@pytest.mark.parametrize("mark", ["。", ""])
def test_poem_in_half_lines_that_does_not_fit_is_cut_between_couplets(tmp_path: Path, mark: str) -> None:
    lines = [f"天地玄黄{chr(0x4E00 + number)}{mark}" for number in range(170)]

    passages = passages_of(write(tmp_path, "x.txt", "\n".join(lines)))

    assert "".join(passages) == "\n".join(lines)
    assert len(passages) > 2
    assert {len(passage.strip().split("\n")) % 2 for passage in passages} == {0}


def test_couplet_in_two_lines_among_prose_is_one_passage(tmp_path: Path) -> None:
    lines = [LONG, "床前明月光，", "疑是地上霜。", LONG, "春眠不觉晓。", "处处闻啼鸟。", LONG]

    passages = passages_of(write(tmp_path, "x.txt", "\n".join(lines)))

    assert passages == [LONG, "床前明月光，\n疑是地上霜。", LONG, "春眠不觉晓。", "处处闻啼鸟。", LONG]


def test_nothing_goes_on_across_a_heading(tmp_path: Path) -> None:
    records, _refusals = read(write(tmp_path, "x.txt", "床前明月光，\n第二回\n疑是地上霜。\n"))

    assert [record.goes_on for record in records] == [False, False]


@pytest.mark.parametrize("line", ["读书破万卷下笔如有神", "第一章是这样开始的，很久以前", "卷上珠帘总不如。"])
def test_sentences_are_no_headings(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, "x.txt", f"天地玄黄。\n\n{line}字\n\n宇宙洪荒。\n")

    assert len(texts_of(path)) == 3


def test_note_marks_leave_the_text_and_notes_are_commentary(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "x.txt",
        "学而时习之〔一〕，不亦说乎[2]？①\n\n〔一〕　时：按时。\n[2] 说：悦。\n\n（一）其次。\n",
    )

    records, _refusals = read(path)

    assert [(record.kind, record.text) for record in records] == [
        ("root", "学而时习之，不亦说乎？"),
        ("commentary", "时：按时。\n说：悦。"),
        ("root", "（一）其次。"),
    ]


def test_catalogue_line_tells_the_category(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", "天地玄黄。\n<子部,兵家类,何博士备论>\n宇宙洪荒。\n")

    records, _refusals = read(path)

    assert [record.text for record in records] == ["天地玄黄。", "宇宙洪荒。"]
    assert records[1].work.category == "子部"


def test_line_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("knowledge.formats.corpus_file.MAX_LINE_CHARACTERS", 100)

    with pytest.raises(Exception, match="第 2 行超过 100 字"):
        read(write(tmp_path, "x.txt", "天地\n" + "玄" * 101))
