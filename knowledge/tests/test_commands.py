"""Engineers load and embed the corpus from the command line and see what was refused, and where."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from kombu.exceptions import OperationalError

from knowledge import starter_vectors, tasks
from knowledge.embeddings import BUNDLED_MODEL
from knowledge.models import Embedding, Passage, Work
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    BrokenEmbedder,
    FakeEmbedder,
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
    write(tmp_path, "notes.csv", "not,text")

    out, _ = run("ingest_corpus", tmp_path)

    assert set(Work.objects.values_list("title", flat=True)) == {"论语", "道德经"}
    assert "《论语》6 段：新增 6" in out
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
    write(tmp_path, "a.txt", "论语".encode("gb18030"))
    write(tmp_path, "b.md", LUNYU)
    err = StringIO()

    with pytest.raises(CommandError) as failed:
        call_command("ingest_corpus", str(tmp_path), stdout=StringIO(), stderr=err)

    assert failed.value.returncode == 1
    assert "a.txt：文件不是 UTF-8 编码" in err.getvalue()
    assert Work.objects.get().title == "论语"


def test_second_file_of_the_same_work_does_not_replace_the_first(tmp_path: Path) -> None:
    write(tmp_path, "a.md", LUNYU)
    write(tmp_path, "b.md", "# 论语\n\n天地玄黄。\n")

    with pytest.raises(CommandError):
        run("ingest_corpus", tmp_path)

    assert Work.objects.get().passage_count == 6


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


def test_embed_corpus_fills_in_what_is_missing(tmp_path: Path, monkeypatch) -> None:
    run("ingest_corpus", write(tmp_path, "lunyu.md", LUNYU), no_embed=True)

    out, _ = run("embed_corpus")

    assert "已生成 6 条向量" in out
    use_embedder(monkeypatch, BrokenEmbedder())
    with pytest.raises(CommandError):
        Embedding.objects.all().delete()
        run("embed_corpus")


def test_starter_is_loaded_with_its_vectors_and_leaves_nothing_to_the_worker(monkeypatch) -> None:
    broken = BrokenEmbedder()
    broken.name = BUNDLED_MODEL
    use_embedder(monkeypatch, broken)
    monkeypatch.setattr(tasks.embed_missing_passages, "delay", lambda: pytest.fail("nothing is missing"))

    first, _ = run("load_starter")
    second, _ = run("load_starter")

    assert "已载入" in first
    assert "已是最新" in second
    assert Embedding.objects.count() == Passage.objects.count()


def test_starter_without_vectors_is_left_to_the_worker(monkeypatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(tasks.embed_missing_passages, "delay", lambda: calls.append("embed"))

    out, _ = run("load_starter")

    assert calls == ["embed"]
    assert "后台正在补全" in out


def test_start_goes_on_without_a_broker(monkeypatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.embed_missing_passages, "delay", refuse)

    _, err = run("load_starter")

    assert "之后会自动补全" in err


def test_embed_starter_writes_the_vectors_of_all_texts_and_keeps_known_ones(
    tmp_path: Path, monkeypatch, fake_embedder: FakeEmbedder
) -> None:
    path = tmp_path / "vectors.npz"
    save, read = starter_vectors.save_starter_vectors, starter_vectors.load_starter_vectors
    monkeypatch.setattr(
        starter_vectors, "save_starter_vectors", lambda vectors, model: save(vectors, model=model, path=path)
    )
    monkeypatch.setattr(starter_vectors, "load_starter_vectors", lambda model: read(model, path=path))

    run("embed_starter")
    embedded = len(fake_embedder.embedded)
    out, _ = run("embed_starter")

    assert embedded == len(read("fake-model", path=path)) > 500
    assert "新生成 0 条" in out
