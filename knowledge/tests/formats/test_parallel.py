"""A parallel corpus becomes books: line n of the original with line n of its translation."""

from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import Format, discover, left_out
from knowledge.outlining.outline import outline_works
from knowledge.outlining.records import Refusal
from knowledge.tests.documents import places, read_all


def write_leaf(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.txt").write_text(content, encoding="utf-8")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    shelf = tmp_path / "双语数据"
    write_leaf(shelf / "孟子/离娄上/第十节", source="自暴者。\n", target="残害自己的人。\n", bitext="x")
    write_leaf(shelf / "孟子/离娄上/第二节", source="规矩，\n方员之至也。\n", target="圆规曲尺，\n是极致。\n")
    write_leaf(shelf / "论语/学而篇", source="学而时习之。 \n", target="学了要温习。\n")
    (shelf / "论语/学而篇/数据来源.txt").write_text("百科", encoding="utf-8")
    return shelf


def test_each_book_is_a_source_and_its_chapters_follow_their_numbers(shelf: Path) -> None:
    sources = discover([shelf])

    assert [(source.name, source.format) for source in sources] == [
        ("孟子", Format.PARALLEL),
        ("论语", Format.PARALLEL),
    ]
    records, refusals = read_all(sources[0])
    assert refusals == []
    assert places(records) == [("离娄上", "第二节"), ("离娄上", "第二节"), ("离娄上", "第十节")]
    assert left_out([shelf], sources) == []


def test_modern_line_goes_with_its_original(shelf: Path) -> None:
    mengzi, lunyu = discover([shelf])

    records, _refusals = read_all(mengzi)

    assert [(each.text, each.translation, each.line) for each in records[:2]] == [
        ("规矩，", "圆规曲尺，", 1),
        ("方员之至也。", "是极致。", 2),
    ]
    assert records[0].file == "离娄上/第二节/source.txt"
    assert {record.work.title for record in records} == {"孟子"}
    assert [record.text for record in read_all(lunyu)[0]] == ["学而时习之。"]


def test_lines_of_one_chapter_share_a_passage_and_stay_aligned(shelf: Path) -> None:
    records, _refusals = read_all(discover([shelf])[0])

    passages = next(outline_works(records)).passages

    assert [(passage.text, passage.translation) for passage in passages] == [
        ("规矩，\n方员之至也。", "圆规曲尺，\n是极致。"),
        ("自暴者。", "残害自己的人。"),
    ]


@pytest.mark.parametrize("inside", ["双语数据/孟子", "双语数据/孟子/离娄上", "双语数据", "."])
def test_book_is_known_from_wherever_one_looks(shelf: Path, inside: str) -> None:
    sources = discover([shelf.parent / inside])

    names = {source.name for source in sources}
    assert "孟子" in names
    assert names <= {"孟子", "论语"}


def test_without_the_shelf_the_folders_inside_are_the_books(tmp_path: Path) -> None:
    write_leaf(tmp_path / "孝经/开宗明义", text="仲尼居，曾子侍。\n\n子曰。\n")
    write_leaf(tmp_path / "大学/第一章/其一", text="大学之道。")

    def names(folder: Path) -> list[str]:
        return [source.name for source in discover([folder], format=Format.PARALLEL)]

    assert names(tmp_path) == ["大学", "孝经"]
    assert names(tmp_path / "孝经") == ["孝经"]


def test_text_in_no_shelf_is_a_work_called_after_its_folder(tmp_path: Path) -> None:
    write_leaf(tmp_path / "典籍/论语", text="卷一 学而\n学而时习之。\n")
    write_leaf(tmp_path / "典籍", 史记="黄帝者，少典之子。\n")
    write_leaf(tmp_path / "别处", text="天地玄黄。\n", 千字文="宇宙洪荒。\n")

    sources = discover([tmp_path / "典籍", tmp_path / "别处"])

    assert [source.format for source in sources] == [Format.TEXT] * 4
    records = [record for source in sources for record in read_all(source)[0]]
    assert sorted(record.work.title for record in records) == ["text", "千字文", "史记", "论语"]
    assert left_out([tmp_path], sources) == []


def test_shelf_loses_nothing_that_lies_in_it(tmp_path: Path) -> None:
    book = tmp_path / "双语数据/孟子"
    write_leaf(book / "上", source="规矩，\n")
    write_leaf(book / "中", target="圆规。\n")
    write_leaf(book / "下", source="自暴者。\n", target="残害自己的人。\n", bitext="x", 札记="孟子之言。\n")
    write_leaf(book, 序="孟轲所作。\n")

    sources = discover([tmp_path])

    read = {source.name: [record.text for record in read_all(source)[0]] for source in sources}
    assert read == {
        "孟子": ["规矩，", "自暴者。"],
        "双语数据/孟子/序.txt": ["孟轲所作。"],
        "双语数据/孟子/下/札记.txt": ["孟子之言。"],
    }
    assert left_out([tmp_path], sources) == [book / "中/target.txt"]


def test_file_that_is_no_original_is_refused_with_the_names_that_are(tmp_path: Path) -> None:
    write_leaf(tmp_path, 论语="学而时习之。\n")
    (source,) = discover([tmp_path / "论语.txt"], format=Format.PARALLEL)

    with pytest.raises(CorpusFileRefused, match=r"source\.txt"):
        read_all(source)


def test_paragraphs_of_a_text_are_texts_of_their_own(tmp_path: Path) -> None:
    write_leaf(tmp_path / "孝经/开宗明义", text="仲尼居，曾子侍。\n\n　　子曰。\n")

    records, refusals = read_all(discover([tmp_path], format=Format.PARALLEL)[0])

    assert [(record.text, record.line, record.goes_on) for record in records] == [
        ("仲尼居，曾子侍。", 1, False),
        ("子曰。", 3, False),
    ]
    assert refusals == []


def test_translation_of_another_length_is_refused_and_the_original_loaded(tmp_path: Path) -> None:
    write_leaf(tmp_path / "书/篇", source="天地。\n玄黄。\n宇宙。\n", target="天和地。\n黑与黄。\n")

    records, refusals = read_all(discover([tmp_path])[0])

    assert [(record.text, record.translation) for record in records] == [
        ("天地。", ""),
        ("玄黄。", ""),
        ("宇宙。", ""),
    ]
    assert refusals == [Refusal("篇/target.txt", 3, "译文 2 行，原文 3 行，无法逐行对应；只载入了原文。")]


def test_lines_without_an_original_and_unfit_lines_are_refused(tmp_path: Path) -> None:
    write_leaf(tmp_path / "书/篇", source="天地。\n\n---\n\n", target="天和地。\n多出来的。\n无。\n\n\n")

    records, refusals = read_all(discover([tmp_path])[0])

    assert [record.text for record in records] == ["天地。"]
    assert [(refusal.file, refusal.line) for refusal in refusals] == [
        ("篇/target.txt", 2),
        ("篇/source.txt", 3),
    ]


def test_bitext_is_read_where_there_is_nothing_else(tmp_path: Path) -> None:
    write_leaf(
        tmp_path / "书/篇",
        bitext="古文：天地。\n现代文：天和地。\n\n古文：玄黄。\n古文：宇宙。\n译: 上下四方\n闲话\n",
    )

    records, refusals = read_all(discover([tmp_path])[0])

    assert [(each.text, each.translation, each.line) for each in records] == [
        ("天地。", "天和地。", 1),
        ("玄黄。", "", 4),
        ("宇宙。", "", 5),
    ]
    assert [refusal.line for refusal in refusals] == [6, 7]


def test_chapter_that_cannot_be_decoded_is_refused_and_the_others_read(shelf: Path) -> None:
    (shelf / "孟子/离娄上/第十节/source.txt").write_bytes("自暴者不可与有言也。".encode() + b"\xff")

    records, refusals = read_all(discover([shelf])[0])

    assert [record.text for record in records] == ["规矩，", "方员之至也。"]
    assert [(refusal.file, refusal.line) for refusal in refusals] == [("离娄上/第十节", 0)]
    assert "字节偏移 30" in refusals[0].reason


@pytest.mark.parametrize("mark", ["。", ""])
@pytest.mark.parametrize("name", ["source", "text"])
def test_poem_in_half_lines_keeps_its_couplets(tmp_path: Path, name: str, mark: str) -> None:
    lines = [f"天地玄黄{chr(0x4E00 + number)}{mark}" for number in range(170)]
    write_leaf(tmp_path / "古文原文/诗/全文", **{name: "\n".join(lines)})

    (source,) = discover([tmp_path])
    records, _refusals = read_all(source)
    passages = [passage.text for passage in next(outline_works(records)).passages]

    assert "".join(passages) == "\n".join(lines)
    assert len(passages) > 2
    assert {len(passage.strip().split("\n")) % 2 for passage in passages} == {0}


def test_lines_of_prose_without_translation_are_texts_of_their_own(tmp_path: Path) -> None:
    lines = ["子曰：“学而时习之，不亦说乎？”", "有子曰：“其为人也孝弟。”", "曾子曰。", "子夏曰。", "子贡曰。"]
    write_leaf(tmp_path / "古文原文/论语/学而篇", text="\n".join(lines))

    (source,) = discover([tmp_path])
    records, _refusals = read_all(source)

    assert [(record.text, record.goes_on) for record in records] == [(line, False) for line in lines]
