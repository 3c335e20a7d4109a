"""Files become records with their place and line; what is unfit is named with its line."""

import json
from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import read_file
from knowledge.outlining.records import Record, Refusal
from knowledge.tests.corpus import LUNYU, POEMS, write
from knowledge.tests.documents import places, read


def records_of(path: Path, **options: object) -> list[Record]:
    records, refusals = read(path, **options)
    assert not refusals
    return records


def test_markdown_front_matter_describes_the_work(tmp_path: Path) -> None:
    path = write(tmp_path, "lunyu.md", LUNYU)

    work = records_of(path)[0].work

    assert (work.title, work.aliases, work.category) == ("论语", ("论", "语录"), "经部")
    assert (work.author, work.dynasty, work.license) == ("孔子弟子", "春秋", "公有领域")


def test_markdown_headings_become_sections_and_lines_stay_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "poems.md", POEMS)

    records = records_of(path)

    assert places(records) == [("静夜思",), ("登鹳雀楼",)]
    assert records[0].headings[0].author == "李白"
    assert records[0].text == "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"
    assert records[0].line == 8


def test_markdown_headings_nest_by_their_level(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "诗经.md",
        "## 国风\n\n### 关雎\n\n关关雎鸠\n\n### 葛覃\n\n葛之覃兮\n\n## 小雅\n\n呦呦鹿鸣\n",
    )

    records = records_of(path)

    assert places(records) == [("国风", "关雎"), ("国风", "葛覃"), ("小雅",)]
    assert {record.work.title for record in records} == {"诗经"}


def test_top_heading_names_the_work_where_nothing_else_does(tmp_path: Path) -> None:
    path = write(tmp_path, "file.md", "# 千字文\n\n天地玄黄\n")

    assert records_of(path)[0].work.title == "千字文"
    assert records_of(path, work_title="另名")[0].work.title == "另名"


def test_text_before_the_top_heading_is_of_the_same_work(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "file.md",
        "---\ncategory: 经部\n---\n整理说明。\n\n# 论语 {author=孔子}\n\n## 学而\n\n子曰。\n",
    )

    records = records_of(path)

    assert {(each.work.title, each.work.author, each.work.category) for each in records} == {
        ("论语", "孔子", "经部")
    }
    assert places(records) == [(), ("学而",)]


def test_front_matter_may_be_written_as_yaml_is(tmp_path: Path) -> None:
    listed = "aliases:\n  - 论\n  - '语'\n"
    inline = 'aliases: [论, "语"]\n'
    for aliases in (listed, inline):
        front = f'# 说明\ntitle: "论语"\n{aliases}tags:\n- 儒\n  - 四书\nmore:\n  author: 某人\n'
        work = records_of(write(tmp_path, "x.md", f"---\n{front}---\n子曰。\n"))[0].work

        assert (work.title, work.aliases, work.author) == ("论语", ("论", "语"), "")


def test_plain_text_is_divided_by_blank_lines_under_chapter_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "三国演义.txt",
        "第一回 宴桃园豪杰三结义\n\n话说天下大势，\n分久必合。\n\n第二回\n\n且说董卓。\n",
    )

    records = records_of(path)

    assert [(record.text, record.line) for record in records] == [
        ("话说天下大势，\n分久必合。", 3),
        ("且说董卓。", 8),
    ]
    assert places(records) == [("第一回 宴桃园豪杰三结义",), ("第二回",)]


def test_plain_text_without_blank_lines_has_a_paragraph_in_every_line(tmp_path: Path) -> None:
    path = write(tmp_path, "文.txt", "\n\n天地玄黄。\r\n　　宇宙洪荒。\r\n")

    records = records_of(path)

    assert [(record.text, record.line) for record in records] == [("天地玄黄。", 3), ("宇宙洪荒。", 4)]


def test_json_list_accepts_the_usual_shapes(tmp_path: Path) -> None:
    content = [
        {"work": "论语", "section": "为政", "text": "温故而知新。"},
        {"work": "论语", "chapter": "学而", "paragraphs": ["学而时习之。", "吾日三省吾身。"]},
        {"work": "唐诗", "title": "静夜思", "author": "李白", "paragraphs": ["床前明月光，", "疑是地上霜。"]},
        {"chapter": "国风", "section": "周南", "title": "关雎", "content": ["关关雎鸠，", "在河之洲。"]},
    ]
    path = write(tmp_path, "诗文.json", json.dumps(content, ensure_ascii=False))

    records = records_of(path)

    texts = [record.text for record in records]
    assert texts == [
        "温故而知新。",
        "学而时习之。",
        "吾日三省吾身。",
        "床前明月光，\n疑是地上霜。",
        "关关雎鸠，\n在河之洲。",
    ]
    assert [record.work.title for record in records] == ["论语", "论语", "论语", "唐诗", "诗文"]
    assert places(records)[-1] == ("国风", "周南", "关雎")
    assert (records[3].headings[0].author, records[3].work.author) == ("李白", "")


def test_json_object_with_passages_gives_its_details_to_all(tmp_path: Path) -> None:
    content = {
        "title": "大学",
        "author": "曾子",
        "category": "经部",
        "passages": ["大学之道", {"text": "知止而后有定"}],
    }
    path = write(tmp_path, "x.json", json.dumps(content, ensure_ascii=False, indent=1))

    records = records_of(path)

    assert [(record.text, record.line) for record in records] == [("大学之道", 6), ("知止而后有定", 7)]
    assert {(record.work.title, record.work.author) for record in records} == {("大学", "曾子")}


@pytest.mark.parametrize(
    ("frame", "work", "author", "place", "place_author"),
    [
        ({"书名": "史记", "作者": "（西汉）司马迁"}, "史记", "司马迁", (), ""),
        ({"work": "论语", "chapter": "学而"}, "论语", "", ("学而",), ""),
        ({"title": "论语", "卷": "卷一", "章": "学而"}, "论语", "", ("卷一", "学而"), ""),
        ({"work": "唐诗", "title": "静夜思", "author": "李白"}, "唐诗", "", ("静夜思",), "李白"),
        ({"path": [{"title": "甲", "author": "乙"}]}, "x", "", ("甲",), "乙"),
    ],
)
@pytest.mark.parametrize("key", ["passages", "content"])
def test_what_stands_around_a_list_is_said_of_all_in_it(
    tmp_path: Path,
    key: str,
    frame: dict[str, object],
    work: str,
    author: str,
    place: tuple,
    place_author: str,
) -> None:
    path = write(tmp_path, "x.json", json.dumps({**frame, key: [{"text": "天地"}]}))

    (record,) = records_of(path)

    assert (record.work.title, record.work.author, places([record])[0]) == (work, author, place)
    assert (record.headings[-1].author if record.headings else "") == place_author


def test_kind_and_work_reach_the_parts_of_an_object(tmp_path: Path) -> None:
    frame = {"work": "论语注", "kind": "注疏", "content": [{"chapter": "学而", "text": "时：按时"}]}

    for content in (frame, [frame]):
        (record,) = records_of(write(tmp_path, "x.json", json.dumps(content)))

        assert (record.work.title, record.kind, places([record])[0]) == ("论语注", "commentary", ("学而",))


@pytest.mark.parametrize(
    "besides", [{"records": [{"text": "玄黄"}]}, {"content": ["玄黄"]}, {"text": "玄黄"}]
)
def test_second_list_is_refused(tmp_path: Path, besides: dict[str, object]) -> None:
    path = write(tmp_path, "x.json", json.dumps({"passages": ["天地"], **besides}))

    records, refusals = read(path)

    assert [record.text for record in records] == ["天地"]
    assert [(refusal.line, next(iter(besides)) in refusal.reason) for refusal in refusals] == [(1, True)]


def test_frame_that_says_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusFileRefused, match="列表之外的内容有误：chapter 应为文字"):
        read(write(tmp_path, "x.json", json.dumps({"chapter": 5, "passages": ["天地"]})))


def test_own_records_with_the_keys_of_gushiwen_keep_their_work(tmp_path: Path) -> None:
    own = {
        "work": "宋诗",
        "chapter": "卷一",
        "title": "题西林壁",
        "writer": "苏轼",
        "content": "横看成岭侧成峰。",
    }

    (record,) = records_of(write(tmp_path, "x.jsonl", json.dumps(own)))

    assert (record.work.title, places([record])[0]) == ("宋诗", ("卷一", "题西林壁"))


@pytest.mark.parametrize("name", ["x.md", "x.txt"])
def test_text_that_begins_with_brackets_is_no_json(tmp_path: Path, name: str) -> None:
    assert records_of(write(tmp_path, name, "[[目录]]\n\n天地玄黄。\n"))[-1].text == "天地玄黄。"


def test_what_follows_the_end_of_a_list_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "书.json", '[{"text": "天地"}]\n[{"text": "玄黄"}]')

    records, refusals = read(path)

    assert [record.text for record in records] == ["天地"]
    assert [refusal.line for refusal in refusals] == [2]


def test_object_around_its_list_may_say_what_it_is_afterwards(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", '{"passages": ["大学之道"], "title": "大学", "category": "经部"}')

    records = records_of(path)

    assert (records[0].work.title, records[0].work.category) == ("大学", "经部")


def test_parts_of_a_book_are_its_chapters(tmp_path: Path) -> None:
    content = {"title": "大学", "content": [{"chapter": "经", "paragraphs": ["大学之道"]}]}
    path = write(tmp_path, "x.json", json.dumps(content))

    records = records_of(path)

    assert (records[0].work.title, places(records)) == ("大学", [("经",)])


def test_one_broken_line_among_a_thousand_is_refused_alone(tmp_path: Path) -> None:
    lines = [json.dumps({"work": "书", "text": f"第{number}句，天地玄黄。"}) for number in range(1000)]
    lines[499] = '{"work": "书", "text": "没有写完'
    path = write(tmp_path, "书.jsonl", "\n".join(lines))

    items = list(read_file(path))

    refusals = [item for item in items if isinstance(item, Refusal)]
    assert len(items) - len(refusals) == 999
    assert [(refusal.file, refusal.line) for refusal in refusals] == [("书.jsonl", 500)]
    assert "JSON" in refusals[0].reason


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"work": "书"}, "没有文字"),
        ({"text": ""}, "没有文字"),
        ({"text": 5}, "text 应为文字"),
        ({"text": ["一", 2]}, "text 应为文字"),
        ({"text": "english only"}, "没有汉字"),
        ({"text": "天" + "。" * 3000}, "几乎没有汉字"),
        ({"text": "天\x00地"}, "空字符"),
        ({"text": "天\ud800地"}, "代理码位"),
        ({"text": "天地", "work": ["书"]}, "work 应为文字"),
        ({"text": "天地", "section": "长" * 300}, "篇名"),
        ({"text": "天地", "category": "小说部"}, "部类"),
        (["天地", 5], "text 应为文字"),
        (None, "没有文字"),
    ],
)
def test_unfit_record_in_a_json_list_is_named_with_its_line(
    tmp_path: Path, record: object, reason: str
) -> None:
    fit = json.dumps({"text": "玄黄"})
    path = write(tmp_path, "书.json", f"[\n{fit},\n{json.dumps(record)},\n{fit}\n]")

    items = list(read_file(path))

    refusal = items[1]
    assert isinstance(refusal, Refusal)
    assert refusal.line == 3
    assert reason in refusal.reason
    assert len([item for item in items if isinstance(item, Record)]) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("书.txt", "论语".encode() + b"\xff\xfe", "字节偏移 6"),
        ("书.pdf", b"%PDF", "PDF"),
        ("书.doc", b"\xd0\xcf\x11\xe0", "不支持“.doc”"),
        ("书.docx", "天地玄黄", "DOCX"),
        ("书.json", '[\n{"text": "天地"},\n{"text": }\n]', "第 3 行"),
        ("书.json", '[\n{"text": "天地"}', "第 2 行"),
        ("书.json", "", "第 1 行"),
        ("书.json", "[" * 100_000, "JSON 有误"),
        ("书.md", "---\ntitle 论语\n---\n学而", "第 2 行"),
        ("书.md", "---\ntitle: 论语\n学而", "文件头"),
    ],
)
def test_file_that_cannot_be_read_says_why_and_where(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = write(tmp_path, name, content)

    with pytest.raises(CorpusFileRefused) as refused:
        list(read_file(path))

    assert message in refused.value.message


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = write(tmp_path, "书.txt", b"\xef\xbb\xbf" + "天地玄黄".encode())

    assert records_of(path)[0].text == "天地玄黄"
