"""What lies in a folder becomes sources, in order; what is none is named, and nothing is read in silence."""

import pickle
import random
from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import FileReport, Format, Source, discover, left_out, read_file, read_source
from knowledge.tests.corpus import LUNYU, write
from knowledge.tests.documents import read_all, sort_out

# Pieces that have no text in the files themselves, or only signs for seals.
WITHOUT_TEXT = {"元曲": 144, "文字蒙求": 31, "古文观止": 1}
CORPORA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "corpora"


def test_folder_gives_its_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "子").mkdir()
    for name in ("第十卷.txt", "第二卷.txt", "a.md", "子/x.csv", ".hidden.txt", "~$a.docx", "图.png"):
        write(tmp_path, name, "text\n天地玄黄。\n")

    sources = discover([tmp_path])

    assert [(source.name, source.format.value) for source in sources] == [
        ("a.md", "markdown"),
        ("子/x.csv", "csv"),
        ("第二卷.txt", "text"),
        ("第十卷.txt", "text"),
    ]
    assert left_out([tmp_path], sources) == [tmp_path / "图.png"]
    assert sources[0].size_bytes == 21


def test_source_can_be_handed_to_another_process(tmp_path: Path) -> None:
    (source,) = discover([write(tmp_path, "论语.md", LUNYU)])

    assert pickle.loads(pickle.dumps(source)) == source
    assert len(read_all(source)[0]) == 6


def test_reading_reports_format_and_encoding_of_each_file(tmp_path: Path) -> None:
    path = write(tmp_path, "千字文.txt", "天地玄黄，宇宙洪荒。".encode("gb18030"))

    reading = read_source(discover([path])[0])
    records = list(reading)

    assert reading.files == [FileReport("千字文.txt", Format.TEXT, "GB18030")]
    assert (records[0].file, records[0].line) == ("千字文.txt", 1)


def test_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusFileRefused, match="找不到"):
        discover([tmp_path / "missing"])


def test_named_file_is_a_source_whatever_it_is(tmp_path: Path) -> None:
    (source,) = discover([write(tmp_path, "x.doc", b"\xd0\xcf\x11\xe0")])

    assert source.format is Format.UNKNOWN
    with pytest.raises(CorpusFileRefused, match=r"不支持“\.doc”"):
        list(read_source(source))


def test_format_may_be_told_for_all(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "text\n天地\n")
    write(tmp_path, "b.txt", "玄黄\n")

    assert [source.name for source in discover([tmp_path], format=Format.TABLE)] == ["a.csv"]
    (told,) = discover([tmp_path / "b.txt"], format=Format.MARKDOWN)
    assert told.format is Format.MARKDOWN
    assert read_source(told, format=Format.TEXT, work_title="书").__next__().work.title == "书"


def test_empty_file_is_reported(tmp_path: Path) -> None:
    records, refusals = sort_out(read_file(write(tmp_path, "x.txt", "\n \n")))

    assert records == []
    assert [(refusal.line, refusal.reason) for refusal in refusals] == [(0, "文件里没有文字。")]


@pytest.mark.parametrize("seed", range(5))
def test_every_record_is_loaded_or_refused(tmp_path: Path, seed: int) -> None:
    """Whatever is put in, the number of texts is that of records and refusals together."""
    numbers = random.Random(seed)
    good = '{"work": "书", "text": "天地玄黄。"}'
    bad = ["{broken", '{"text": 5}', "[]", '{"text": "latin"}', '{"text": "天\\u0000"}', '{"text": "天\\ud800"}',
           '{"text": "天", "work": "' + "长" * 101 + '"}', '{"text": "天", "category": "小说"}', "5", '"latin"',
           '{"text": "天", "author": "' + "长" * 101 + '"}', '{"text": "天", "kind": "x"}']  # fmt: skip
    lines = [numbers.choice([good, good, *bad]) for _ in range(400)]
    path = write(tmp_path, "书.jsonl", "\n".join(lines))

    records, refusals = sort_out(read_file(path))

    assert len(records) == lines.count(good)
    assert len(records) + len(refusals) == 400
    assert sorted(item.line for item in (*records, *refusals)) == list(range(1, 401))


@pytest.fixture(scope="module")
def corpora() -> list[Source]:
    if not CORPORA.is_dir():
        pytest.skip("the corpora are not beside the repository")
    return discover([CORPORA])


def test_known_corpora_are_discovered_as_works(corpora: list[Source]) -> None:
    found = {(source.name, source.format) for source in corpora}

    assert {("孟子", Format.PARALLEL), ("全唐诗", Format.POETRY), ("古诗文选", Format.GUSHIWEN)} <= found
    assert not [source.name for source in corpora if source.format is Format.UNKNOWN]


def test_parallel_books_are_read_whole_with_their_translations(corpora: list[Source]) -> None:
    source = next(each for each in corpora if each.name == "孟子" and each.format is Format.PARALLEL)
    originals = [file for file in source.files if file.name == "source.txt"]
    lines = sum(
        bool(line.strip())
        for file in originals
        for line in (source.root / file).read_text(encoding="utf-8-sig").split("\n")
    )

    records, refusals = read_all(source)

    assert refusals == []
    assert len(records) == lines > 2_000
    assert all(record.translation for record in records)


def test_collections_are_read_with_hardly_a_refusal(corpora: list[Source]) -> None:
    for source in corpora:
        if source.format is not Format.POETRY:
            continue
        records, refusals = read_all(source)

        assert records, source.name
        assert len(refusals) == WITHOUT_TEXT.get(source.name, 0), source.name
