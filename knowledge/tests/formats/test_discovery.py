"""Only real files are read, under names that can be stored; what is none is listed."""

import os
from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import discover, left_out
from knowledge.tests.corpus import write
from knowledge.tests.documents import places, read_all


def test_what_is_no_real_file_is_listed_and_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "书"
    folder.mkdir()
    write(folder, "a.txt", "天地玄黄。")
    os.mkfifo(folder / "b.txt")
    (folder / "c.txt").symlink_to(tmp_path / "missing")
    (folder / "d").symlink_to(tmp_path)
    (folder / "e.txt").symlink_to(folder / "a.txt")

    sources = discover([folder])

    assert [source.name for source in sources] == ["a.txt", "e.txt"]
    assert left_out([folder], sources) == [folder / "b.txt", folder / "c.txt", folder / "d"]


def test_names_in_gbk_are_read_as_such(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + "/论语".encode("gb18030")))
    folder.mkdir()
    write(folder, os.fsdecode("学而.txt".encode("gb18030")), "子曰。\n")

    (source,) = discover([tmp_path])
    records, refusals = read_all(source)

    assert (source.name, refusals) == ("论语/学而.txt", [])
    assert [(record.work.title, record.file) for record in records] == [("学而", "论语/学而.txt")]


def test_folders_in_gbk_are_books_and_chapters(tmp_path: Path) -> None:
    book = tmp_path / "双语数据" / os.fsdecode("论语".encode("gb18030"))
    chapter = book / os.fsdecode("学而篇".encode("gb18030"))
    chapter.mkdir(parents=True)
    write(chapter, "source.txt", "子曰。\n")
    write(chapter, "target.txt", "孔子说。\n")

    (source,) = discover([tmp_path])
    records, refusals = read_all(source)

    assert (source.name, refusals) == ("论语", [])
    assert [(record.work.title, record.file) for record in records] == [("论语", "学而篇/source.txt")]
    assert places(records) == [("学而篇",)]


def test_path_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("x" * 300)

    with pytest.raises(CorpusFileRefused, match=r"找不到 .*a\.txt，或无权读取"):
        discover([tmp_path / "a.txt"])
