"""Engineers load folders from the command line: they see what was refused, and go on after an interruption."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from knowledge import services
from knowledge.index import indexing
from knowledge.ingestion import loading, parsing
from knowledge.models import Embedding, IndexSegment, IngestedSource, Passage, Work
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    BrokenEmbedder,
    FakeEmbedder,
    assert_index_is_true,
    use_embedder,
    write,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fake_embedder(monkeypatch) -> FakeEmbedder:
    return use_embedder(monkeypatch, FakeEmbedder())


def run(*arguments: object, **options: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_folder_is_loaded_with_its_vectors(tmp_path: Path) -> None:
    (tmp_path / "子").mkdir()
    write(tmp_path, "lunyu.md", LUNYU)
    write(tmp_path / "子", "daodejing.md", DAODEJING)
    write(tmp_path, "notes.png", "not text")

    out, _ = run("ingest_corpus", tmp_path)

    assert set(Work.objects.values_list("title", flat=True)) == {"论语", "道德经"}
    assert "lunyu.md：《论语》通行本 6 段：新增 6" in out
    assert "另有 1 个文件没有读取" in out
    assert Embedding.objects.count() == 9


def test_second_run_says_that_nothing_changed(tmp_path: Path) -> None:
    write(tmp_path, "lunyu.md", LUNYU)
    run("ingest_corpus", tmp_path)

    out, _ = run("ingest_corpus", tmp_path)

    assert "内容没有变化" in out
    assert "已生成 0 条向量" in out


def test_refused_records_are_printed_with_file_line_and_reason(tmp_path: Path) -> None:
    lines = [json.dumps({"work": "书", "text": "天地玄黄"}), json.dumps({"work": "书"})]
    path = write(tmp_path, "书.jsonl", "\n".join(lines))

    out, _ = run("ingest_corpus", path)

    assert f"拒绝 {path} 第 2 行：没有文字" in out
    assert Passage.objects.count() == 1


def test_bad_file_fails_the_command_and_the_others_are_loaded(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "论语".encode() + b"\xff")
    write(tmp_path, "b.md", LUNYU)
    err = StringIO()

    with pytest.raises(CommandError) as failed:
        call_command("ingest_corpus", str(tmp_path), stdout=StringIO(), stderr=err)

    assert failed.value.returncode == 1
    assert "a.txt：无法确定文件的编码" in err.getvalue()
    assert Work.objects.get().title == "论语"


def test_second_file_of_the_same_work_does_not_replace_the_first(tmp_path: Path) -> None:
    write(tmp_path, "a.md", DAODEJING)
    write(tmp_path, "b.md", "# 道德经\n\n天地玄黄。\n")
    err = StringIO()

    with pytest.raises(CommandError, match="1 个来源没有载入"):
        call_command("ingest_corpus", str(tmp_path), stdout=StringIO(), stderr=err)

    assert "b.md：《道德经》已由 a.md 载入" in err.getvalue()
    assert Work.objects.get().passage_count == 3


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    out, _ = run("ingest_corpus", write(tmp_path, "lunyu.md", LUNYU), dry_run=True)

    assert "检查通过" in out
    assert not Work.objects.exists()


def test_work_option_names_a_single_file(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "天地玄黄。")
    run("ingest_corpus", path, work="千字文", no_embed=True)

    assert Work.objects.get().title == "千字文"
    assert not Embedding.objects.exists()
    with pytest.raises(CommandError):
        run("ingest_corpus", path, path, work="千字文")


@pytest.mark.parametrize("name", ["missing.txt", "empty"])
def test_path_without_files_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(CommandError):
        run("ingest_corpus", tmp_path / name)


def test_text_is_loaded_when_there_are_no_vectors(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())

    _, err = run("ingest_corpus", write(tmp_path, "lunyu.md", LUNYU))

    assert "可按字句检索" in err
    assert Passage.objects.count() == 6


def load(folder: Path, *arguments: object) -> str:
    return run("ingest_corpus", folder, "--no-embed", *arguments)[0]


def count_parsed(monkeypatch) -> list[str]:
    """Note the name of every source that is parsed from now on."""
    parsed: list[str] = []
    read = parsing.read_source

    def watch(source, **options):
        parsed.append(source.name)
        return read(source, **options)

    monkeypatch.setattr(parsing, "read_source", watch)
    return parsed


def test_resumed_run_does_not_parse_what_is_loaded(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "a.md", LUNYU)
    write(tmp_path, "b.md", DAODEJING)
    load(tmp_path)
    write(tmp_path, "c.md", "# 大学\n\n大学之道。\n")
    parsed = count_parsed(monkeypatch)

    out = load(tmp_path, "--resume")

    assert parsed == ["c.md"]
    assert "跳过 2 个已完整导入的来源。" in out
    assert Work.objects.count() == 3


def test_run_without_resume_reads_everything_again(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "a.md", LUNYU)
    load(tmp_path)
    parsed = count_parsed(monkeypatch)

    out = load(tmp_path)

    assert parsed == ["a.md"]
    assert "内容没有变化" in out


def test_resumed_run_reads_a_source_whose_bytes_have_changed(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "a.md", LUNYU)
    load(tmp_path)
    write(tmp_path, "a.md", LUNYU.replace("殆。”", "怠。”"))
    parsed = count_parsed(monkeypatch)

    load(tmp_path, "--resume")

    assert parsed == ["a.md"]
    assert Passage.objects.filter(text__contains="学则怠").exists()


def test_resumed_run_brings_back_a_work_that_was_removed(tmp_path: Path) -> None:
    write(tmp_path, "a.md", LUNYU)
    load(tmp_path)
    services.remove_work(work_id=Work.objects.get().pk)

    load(tmp_path, "--resume")

    assert Passage.objects.count() == 6


def test_resumed_run_still_refuses_the_second_source_of_a_work(tmp_path: Path) -> None:
    write(tmp_path, "a.md", DAODEJING)
    write(tmp_path, "b.md", "# 道德经\n\n天地玄黄。\n")

    for arguments in ((), ("--resume",)):
        with pytest.raises(CommandError):
            load(tmp_path, *arguments)

    assert Work.objects.get().passage_count == 3
    assert [source.name for source in IngestedSource.objects.all()] == ["a.md"]


def test_resumed_run_does_not_hide_that_a_work_was_taken_over(tmp_path: Path) -> None:
    write(tmp_path, "b.md", DAODEJING)
    load(tmp_path)
    write(tmp_path, "a.md", "# 道德经\n\n天地玄黄。\n")

    with pytest.raises(CommandError, match="1 个来源"):
        load(tmp_path, "--resume")


def test_resumed_run_says_what_was_refused_before(tmp_path: Path) -> None:
    lines = ['{"work": "书", "text": "天地玄黄"}', '{"work": "书"}']
    write(tmp_path, "书.jsonl", "\n".join(lines))
    load(tmp_path)

    assert "当时拒绝的 1 条记录不再列出" in load(tmp_path, "--resume")


def test_formats_and_encodings_are_told_to_those_who_ask(tmp_path: Path) -> None:
    text = "# 大学\n\n大学之道，在明明德，在亲民，在止于至善。知止而后有定，定而后能静。\n"
    write(tmp_path, "a.md", text.encode("gb18030"))

    out = load(tmp_path, "--verbosity=2")

    assert f"{tmp_path / 'a.md'}：格式 markdown，编码 GB18030" in out


def test_format_can_be_given(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", '{"work": "书", "text": "天地玄黄。"}\n')

    load(tmp_path / "a.txt", "--format=text", "--work=别名")

    assert Work.objects.get().title == "别名"
    with pytest.raises(CommandError, match="invalid choice"):
        load(tmp_path, "--format=unknown")


def test_edition_keeps_two_texts_of_one_title_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "甲", tmp_path / "乙"
    for folder, text in ((first, "道可道。"), (second, "道可道也。")):
        folder.mkdir()
        write(folder, "a.md", f"# 老子\n\n{text}\n")

    load(first, "--edition=王弼本")
    load(second, "--edition=帛书本")

    assert sorted(Work.objects.values_list("title", "edition")) == [("老子", "帛书本"), ("老子", "王弼本")]


def test_works_of_several_processes_are_stored_alike(tmp_path: Path) -> None:
    write(tmp_path, "a.md", LUNYU)
    write(tmp_path, "b.md", DAODEJING)

    out = load(tmp_path, "--workers=2")

    assert "2 部典籍，9 段（新增 9）" in out
    assert_index_is_true()
    with pytest.raises(CommandError, match="应为正整数"):
        load(tmp_path, "--workers=0")


def test_much_is_indexed_on_the_way_in_whole_segments(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(indexing, "SEGMENT_LIMIT", 4)
    monkeypatch.setattr(services, "SEGMENT_LIMIT", 4)
    monkeypatch.setattr(loading, "SEGMENT_LIMIT", 4)
    for number in range(3):
        write(tmp_path, f"{number}.md", DAODEJING.replace("道德经", f"书{number}"))
    indexed: list[int] = []
    store = services.store_work

    def watch(**options):
        indexed.append(sum(IndexSegment.objects.values_list("passage_count", flat=True)))
        return store(**options)

    monkeypatch.setattr(services, "store_work", watch)

    load(tmp_path)

    assert indexed == [0, 0, 4]
    assert_index_is_true()


def test_interruption_says_how_to_go_on(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "a.md", LUNYU)

    def interrupt(**_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "store_work", interrupt)

    with pytest.raises(CommandError, match="加 --resume 接着做") as failed:
        load(tmp_path)

    assert failed.value.returncode == 130


def test_reindex_says_what_it_has_done(tmp_path: Path) -> None:
    write(tmp_path, "a.md", LUNYU)
    load(tmp_path)
    Passage.objects.filter(ordinal=1).update(folded="子曰", length=2)

    out, _ = run("reindex")

    assert "1 段的折叠文本有变化" in out
    assert_index_is_true()


def test_interruption_while_vectors_are_made_says_how_to_go_on(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "a.md", LUNYU)

    def interrupt(**_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("knowledge.management.commands.ingest_corpus.embed_missing", interrupt)

    with pytest.raises(CommandError, match="用 embed_corpus 接着做") as failed:
        run("ingest_corpus", tmp_path)

    assert failed.value.returncode == 130
    assert Passage.objects.count() == 6


def test_unknown_format_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as failed:
        load(tmp_path, "--format=nope")

    assert "'text', 'markdown'" in str(failed.value)
    assert "Format." not in str(failed.value)


def test_failed_sources_of_one_name_are_counted_each(tmp_path: Path) -> None:
    folders = [tmp_path / "甲", tmp_path / "乙"]
    for folder in folders:
        folder.mkdir()
        write(folder, "a.txt", b"")

    with pytest.raises(CommandError, match="2 个来源没有载入或没有完整载入，其余 0 个"):
        run("ingest_corpus", *folders, "--no-embed")
