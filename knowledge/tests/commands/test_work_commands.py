"""Engineers export a work, and remove one after being told what goes with it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import make_operator, make_user
from knowledge.models import Bookmark, Passage, Work
from knowledge.tests.corpus import DAODEJING, LUNYU, FakeEmbedder, load, use_embedder, write
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, settings, monkeypatch) -> None:
    settings.SECURE_SSL_REDIRECT = False
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)


def run(*arguments: object) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def add_second_edition(folder: Path) -> None:
    load(folder, LUNYU.replace("edition: 通行本", "edition: 皇侃本"))


def test_export_is_printed_where_no_file_is_named() -> None:
    assert run("export_work", "论语").startswith("---\ntitle: 论语\nedition: 通行本\n")
    assert run("export_work", "老子", "--format", "jsonl").startswith('{"work": "道德经"')


@pytest.mark.parametrize(
    ("output", "options", "name"),
    [
        ("a.jsonl", (), "a.jsonl"),
        ("a.txt", ("--format", "csv"), "a.txt"),
        ("", (), "论语（通行本）.md"),
        ("", ("--format", "csv"), "论语（通行本）.csv"),
    ],
)
def test_export_is_written_to_a_file_or_into_a_folder(
    tmp_path: Path, output: str, options: tuple[str, ...], name: str
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()

    said = run("export_work", "论语", "--output", folder / output, *options)

    assert [path.name for path in folder.iterdir()] == [name]
    assert said == f"已导出 6 段到 {folder / name}。\n"


def test_refused_export_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    Passage.objects.update(translation="译文")
    old = tmp_path / "exports.md"
    old.write_text("旧")

    with pytest.raises(CommandError, match="jsonl"):
        run("export_work", "论语", "--output", old)

    assert old.read_text() == "旧"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.md", "1.md", "exports.md"]


@pytest.mark.parametrize("command", ["export_work", "remove_work"])
def test_work_must_be_named_without_doubt(tmp_path: Path, command: str) -> None:
    add_second_edition(tmp_path)

    with pytest.raises(CommandError, match="没有这部典籍：周易"):
        run(command, "周易")
    with pytest.raises(CommandError, match="《论语》皇侃本、《论语》通行本"):
        run(command, "论语")
    with pytest.raises(CommandError, match="没有这部典籍：论语（何晏本）"):
        run(command, "论语", "--edition", "何晏本")

    assert Work.objects.count() == 3


def test_title_goes_before_another_works_alias(tmp_path: Path) -> None:
    load(tmp_path, "# 老子\n\n谷神不死。\n")

    assert "谷神不死" in run("export_work", "老子")


def test_removal_says_what_goes_and_leaves_the_readers_excerpts(tmp_path: Path) -> None:
    filling.embed_missing()
    add_second_edition(tmp_path)
    passage = Passage.objects.get(work__edition="通行本", ordinal=1)
    bookmark = Bookmark.objects.create(
        owner=make_user(), passage=passage, start=0, end=2, text=passage.text[:2], citation=passage.citation
    )

    said = run("remove_work", "论语", "--edition", "通行本", "--yes")

    assert said.splitlines() == [
        "《论语》（通行本，孔子弟子，导入自 0.md）：",
        "  2 篇，6 段，6 条向量将被移除；",
        "  1 条读者摘抄将不再指向原文，文字保留。",
        "已移除《论语》，共 6 段。",
    ]
    bookmark.refresh_from_db()
    assert (bookmark.passage_id, bookmark.text) == (None, "子曰")
    assert set(Work.objects.values_list("title", "edition")) == {("论语", "皇侃本"), ("道德经", "")}


@pytest.mark.parametrize(("answer", "works"), [("是", 1), ("yes", 1), ("", 2), ("n", 2), (None, 2)])
def test_removal_asks_first(monkeypatch, answer: str | None, works: int) -> None:
    def answered(_question: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", answered)

    if works == 1:
        run("remove_work", "道德经")
    else:
        with pytest.raises(CommandError):
            run("remove_work", "道德经")

    assert Work.objects.count() == works


def act(client: Client, action: str, *titles: str):
    ids = list(Work.objects.filter(title__in=titles).values_list("pk", flat=True))
    values = {"action": action, "_selected_action": ids}
    return client.post(reverse("admin:knowledge_work_changelist"), values, follow=True)


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(make_operator())
    return client


@pytest.mark.parametrize(
    ("action", "name", "start"),
    [
        ("export_as_markdown", "论语（通行本）.md", b"---\n"),
        ("export_as_jsonl", "论语（通行本）.jsonl", b'{"work"'),
        ("export_as_csv", "论语（通行本）.csv", b"\xef\xbb\xbfwork,"),
    ],
)
def test_operator_downloads_the_export_of_a_work(
    operator: Client, action: str, name: str, start: bytes
) -> None:
    response = act(operator, action, "论语")

    assert response.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(response.streaming_content).startswith(start)
    assert response.filename == name


def test_operator_learns_why_there_is_no_download(operator: Client) -> None:
    Passage.objects.update(translation="译文")

    refused = act(operator, "export_as_markdown", "论语").content.decode()
    several = act(operator, "export_as_markdown", "论语", "道德经").content.decode()

    assert "请改用 jsonl 格式" in refused
    assert "一次只能导出一部" in several


def test_long_work_is_printed_as_it_is_written(tmp_path: Path) -> None:
    text = "天地玄黄，宇宙洪荒。" * 20
    load(tmp_path, "# 千字文\n\n" + f"{text}\n\n" * 500)
    run("export_work", "千字文", "--format", "jsonl", "--output", tmp_path / "a.jsonl")

    printed = run("export_work", "千字文", "--format", "jsonl")

    assert len(printed) > 100_000
    assert printed == (tmp_path / "a.jsonl").read_text("utf-8")


def test_export_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"无法写入 /none/x\.md：No such file or directory。"):
        run("export_work", "论语", "--output", "/none/x.md")


def load_lines(folder: Path) -> None:
    """Load a text of lines that were gathered, which Markdown cannot tell from one paragraph."""
    lines = ["天地玄黄，宇宙洪荒，日月盈昃，辰宿列张。" * 6] * 9
    record = {"work": "赋", "title": "长赋", "author": "某", "paragraphs": lines}
    path = write(folder, "fu.json", json.dumps(record, ensure_ascii=False))
    call_command("ingest_corpus", str(path), "--no-embed", stdout=StringIO())


def test_operator_is_warned_that_the_file_will_be_cut_anew(operator: Client, tmp_path: Path) -> None:
    load_lines(tmp_path)

    act(operator, "export_as_jsonl", "赋")
    unwarned = operator.get(reverse("admin:knowledge_work_changelist")).content.decode()
    act(operator, "export_as_markdown", "赋")
    warned = operator.get(reverse("admin:knowledge_work_changelist")).content.decode()

    assert "重新分段" not in unwarned
    assert "《赋》已导出。其中 1 篇长文再导入时会重新分段" in warned
    err = StringIO()
    call_command("export_work", "赋", stdout=StringIO(), stderr=err)
    assert "要原样导回请改用 jsonl" in err.getvalue()
