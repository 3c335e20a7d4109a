"""The collections of chinese-poetry and chinese-gushiwen become works, whatever their keys are called."""

import json
from pathlib import Path

import pytest

from knowledge.formats import Format, discover, left_out
from knowledge.outlining.outline import outline_works
from knowledge.outlining.records import Record
from knowledge.tests.documents import places, read_all


def write_json(root: Path, name: str, content: object) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def read_only(folder: Path) -> list[Record]:
    (source,) = discover([folder])
    records, refusals = read_all(source)
    assert refusals == []
    return records


POEM = {
    "author": "李白",
    "title": "靜夜思",
    "paragraphs": ["牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"],
}


def test_collection_in_many_files_is_one_work(tmp_path: Path) -> None:
    write_json(tmp_path, "quantangshi/poet.tang.0.json", [POEM])
    write_json(tmp_path, "quantangshi/poet.tang.10000.json", [POEM])
    write_json(tmp_path, "quantangshi/poet.tang.2000.json", [{**POEM, "paragraphs": []}, POEM])
    write_json(tmp_path, "quantangshi/poet.song.0.json", [{**POEM, "author": "蘇軾"}])

    tang, song = discover([tmp_path])

    assert (tang.name, tang.format) == ("全唐诗", Format.POETRY)
    assert [file.name for file in tang.files] == [
        "poet.tang.0.json",
        "poet.tang.2000.json",
        "poet.tang.10000.json",
    ]
    records, refusals = read_all(tang)
    assert [record.text for record in records] == ["\n".join(POEM["paragraphs"])] * 3
    assert (records[0].work.title, records[0].work.dynasty, records[0].work.category) == (
        "全唐诗",
        "唐",
        "集部",
    )
    assert [refusal.file for refusal in refusals] == ["quantangshi/poet.tang.2000.json"]
    assert read_all(song)[0][0].work.title == "全宋诗"
    # The same poem in three files is three sections, not one.
    assert len(next(outline_works(records)).sections) == 3


@pytest.mark.parametrize(
    "content", [{"title": "论语", "passages": ["学而时习之。"]}, [{"work": "论语", "text": "学而时习之。"}]]
)
def test_file_that_only_shares_the_name_of_a_collection_is_read_as_our_own(
    tmp_path: Path, content: object
) -> None:
    write_json(tmp_path, "lunyu.json", content)

    (record,) = read_only(tmp_path)

    assert (record.work.title, record.work.author, record.text) == ("论语", "", "学而时习之。")


def test_files_that_hold_no_texts_are_left_out(tmp_path: Path) -> None:
    kept = write_json(tmp_path, "quantangshi/poet.tang.0.json", [POEM])
    for name in (
        "quantangshi/authors.tang.json",
        "quantangshi/表面结构字.json",
        "strains/json/poet.tang.0.json",
        "rank/poet/poet.tang.rank.0.json",
        "quantangshi/error/poet.tang.0.json",
    ):
        write_json(tmp_path, name, [{"name": "李白", "strains": ["平平仄"]}])

    sources = discover([tmp_path])

    assert [source.root / file for source in sources for file in source.files] == [kept]
    assert len(left_out([tmp_path], sources)) == 5


@pytest.mark.parametrize(
    ("name", "content", "place", "author", "text"),
    [
        ("songci/ci.song.0.json", [{"author": "柳永", "rhythmic": "雨霖铃", "paragraphs": ["寒蝉凄切。"]}],
         ("雨霖铃",), ("柳永", ""), "寒蝉凄切。"),
        ("shijing/shijing.json", [{"title": "关雎", "chapter": "国风", "section": "周南", "content": ["关关雎鸠。"]}],
         ("国风", "周南", "关雎"), ("", ""), "关关雎鸠。"),
        ("chuci/chuci.json", [{"title": "离骚", "section": "离骚", "author": "屈原", "content": ["帝高阳之苗裔兮。"]}],
         ("离骚",), ("屈原", ""), "帝高阳之苗裔兮。"),
        ("yuanqu/yuanqu.json", [{"dynasty": "yuan", "author": "关汉卿", "title": "窦娥冤", "paragraphs": ["花有重开日。"]}],
         ("窦娥冤",), ("关汉卿", "元"), "花有重开日。"),
        ("nalanxingde/纳兰性德诗集.json", [{"title": "长相思", "para": ["山一程", "水一程"], "author": "纳兰性德"}],
         ("长相思",), ("纳兰性德", ""), "山一程\n水一程"),
        ("caocaoshiji/caocao.json", [{"title": "度关山", "paragraphs": ["天地间，人为贵。"]}],
         ("度关山",), ("", ""), "天地间，人为贵。"),
        ("sishuwujing/daxue.json", {"chapter": "大學", "paragraphs": ["大學之道。"]}, (), None, "大學之道。"),
        ("yudingquantangshi/json/001.json",
         [{"title": "帝京篇", "author": "李世民", "biography": "帝姓李氏", "paragraphs": ["秦川雄帝宅。"], "notes": [""],
           "volume": "卷一", "no#": 1}], ("卷一", "帝京篇"), ("李世民", ""), "秦川雄帝宅。"),
        ("mengxue/qianjiashi.json",
         {"title": "千家詩", "author": "謝枋得", "content": [{"type": "五言絕句", "content": [
             {"chapter": "春眠", "author": "（唐）孟浩然", "paragraphs": ["春眠不覺曉。"]}]}]},
         ("五言絕句", "春眠"), ("孟浩然", "唐"), "春眠不覺曉。"),
        ("mengxue/qianjiashi.json",
         {"title": "千家詩", "content": [{"type": "七言", "content": [{"chapter": "宮詞", "author": "（宋）林洪", "paragraphs": [
             {"subchapter": "其一", "paragraphs": ["金殿當頭紫閣重。"]}]}]}]},
         ("七言", "宮詞", "其一"), ("林洪", "宋"), "金殿當頭紫閣重。"),
        ("mengxue/guwenguanzhi.json",
         {"title": "古文觀止", "abstract": ["今人介绍"], "content": [{"title": "卷一・周文", "content": [
             {"chapter": "鄭伯克段", "source": "《左傳》", "author": "先秦：左丘明 ", "paragraphs": ["初，鄭武公娶於申。"]}]}]},
         ("卷一・周文", "鄭伯克段"), ("左丘明", "先秦"), "初，鄭武公娶於申。"),
    ],
)  # fmt: skip
def test_every_shape_is_understood(
    tmp_path: Path,
    name: str,
    content: object,
    place: tuple[str, ...],
    author: tuple[str, str] | None,
    text: str,
) -> None:
    write_json(tmp_path, name, content)

    (record,) = read_only(tmp_path)

    assert (record.text, places([record])[0]) == (text, place)
    if author:
        assert (record.headings[-1].author, record.headings[-1].dynasty) == author


def test_primer_is_one_text_under_its_simplified_title(tmp_path: Path) -> None:
    lines = ["人之初，性本善。", "性相近，習相遠。", "茍不教，性乃遷。"]
    write_json(
        tmp_path, "mengxue/sanzijing-new.json", {"title": "三字經", "author": "王應麟", "paragraphs": lines}
    )

    (record,) = read_only(tmp_path)

    assert record.text == "\n".join(lines)
    assert (record.work.title, record.work.edition, record.work.aliases) == ("三字经", "新版", ("三字經",))


def test_chapters_of_prose_keep_their_paragraphs_apart(tmp_path: Path) -> None:
    long = "子曰：学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？"
    write_json(
        tmp_path,
        "lunyu/lunyu.json",
        [{"chapter": "学而篇", "paragraphs": [long + "。" * 9, "吾日三省吾身。"]}],
    )

    records = read_only(tmp_path)

    assert [record.goes_on for record in records] == [False, False]


def test_notes_and_comments_are_commentary_and_leave_no_marks_in_the_text(tmp_path: Path) -> None:
    write_json(
        tmp_path,
        "wudaishici/huajianji/huajianji-1-juan.json",
        [
            {
                "title": "菩萨蛮",
                "author": "温庭筠",
                "paragraphs": ["小山[1]重叠金明灭。"],
                "notes": ["1.小山--眉"],
            }
        ],
    )
    write_json(
        tmp_path, "youmengying/youmengying.json", [{"content": "读经宜冬。", "comment": ["曹秋岳曰：可。"]}]
    )

    found = {source.name: read_all(source)[0] for source in discover([tmp_path])}

    kinds = {name: [(each.kind, each.text) for each in records] for name, records in found.items()}
    assert kinds["花间集"] == [("root", "小山重叠金明灭。"), ("commentary", "1.小山--眉")]
    assert kinds["幽梦影"] == [("root", "读经宜冬。"), ("commentary", "曹秋岳曰：可。")]


def test_poets_own_preface_stands_before_the_lines_and_an_editors_is_a_note(tmp_path: Path) -> None:
    ci = {
        "author": "苏轼",
        "rhythmic": "浣溪沙",
        "prologue": "徐州石潭谢雨。",
        "paragraphs": ["照日深红暖见鱼。"],
    }
    write_json(tmp_path, "songci/ci.song.1000.json", [ci])
    write_json(tmp_path, "shuimotangshi/shuimotangshi.json", [{**POEM, "prologue": "此诗写思乡。"}])

    found = {source.name: read_all(source)[0] for source in discover([tmp_path])}

    assert [record.text for record in found["全宋词"]] == ["徐州石潭谢雨。\n照日深红暖见鱼。"]
    assert [(each.kind, each.text) for each in found["水墨唐诗"]][1:] == [("commentary", "此诗写思乡。")]


def test_poems_of_one_title_on_one_line_are_sections_of_their_own(tmp_path: Path) -> None:
    write_json(tmp_path, "quantangshi/poet.tang.0.json", [POEM, POEM])
    write_json(
        tmp_path,
        "mengxue/qianjiashi.json",
        {"title": "千家詩", "content": [{"type": "五言", "content": [POEM, POEM]}]},
    )

    sections = [
        [section.title for section in work.sections]
        for source in discover([tmp_path])
        for work in outline_works(read_all(source)[0])
    ]

    assert sections == [["五言", "靜夜思", "靜夜思"], ["靜夜思", "靜夜思"]]


def test_a_broken_file_of_many_is_refused_and_the_others_read(tmp_path: Path) -> None:
    write_json(tmp_path, "quantangshi/poet.tang.0.json", [POEM])
    (tmp_path / "quantangshi/poet.tang.1000.json").write_text('[\n{"title": "詩"', encoding="utf-8")

    records, refusals = read_all(discover([tmp_path])[0])

    assert len(records) == 1
    assert [(refusal.file, refusal.line) for refusal in refusals] == [("quantangshi/poet.tang.1000.json", 0)]
    assert "第 2 行" in refusals[0].reason


GUSHIWEN = {
    "title": "牧童诗",
    "dynasty": "宋代",
    "writer": "黄庭坚",
    "content": "骑牛远远过前村，短笛横吹隔陇闻。\n多少长安名利客，机关用尽不如君。\n",
    "translation": "牧童骑着牛缓缓走过。\n那些追逐名利的人也不如你。",
    "remark": "陇：通“垄”。",
    "shangxi": "今人的赏析",
}


def test_gushiwen_lines_become_poems_with_translation_and_notes(tmp_path: Path) -> None:
    lines = [json.dumps(GUSHIWEN, ensure_ascii=False), "{broken", json.dumps({**GUSHIWEN, "content": ""})]
    (tmp_path / "guwen0-1000.json").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "guwen1001-2000.json").write_text(lines[0] + "\n" + lines[0], encoding="utf-8")

    (source,) = discover([tmp_path])
    records, refusals = read_all(source)

    assert (source.name, source.format, len(source.files)) == ("古诗文选", Format.GUSHIWEN, 2)
    assert (records[0].text, records[0].translation) == (
        "骑牛远远过前村，短笛横吹隔陇闻。\n多少长安名利客，机关用尽不如君。",
        GUSHIWEN["translation"],
    )
    assert (records[1].kind, records[1].text) == ("commentary", "陇：通“垄”。")
    assert (records[0].headings[0].author, records[0].headings[0].dynasty) == ("黄庭坚", "宋代")
    assert [(refusal.file, refusal.line) for refusal in refusals] == [
        ("guwen0-1000.json", 2),
        ("guwen0-1000.json", 3),
    ]
