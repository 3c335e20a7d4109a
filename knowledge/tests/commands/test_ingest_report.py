"""Whoever loads folders gets a list of what was refused, wherever it lies, and whatever the names and reasons hold."""

import csv
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from knowledge.models import Passage, Work
from knowledge.tests.corpus import LUNYU, write

pytestmark = pytest.mark.django_db


def load(folder: Path, *arguments: object) -> str:
    out = StringIO()
    call_command(
        "ingest_corpus", str(folder), "--no-embed", *map(str, arguments), stdout=out, stderr=StringIO()
    )
    return out.getvalue()


def test_report_has_every_refused_record_and_opens_in_excel(tmp_path: Path) -> None:
    folder = tmp_path / "典籍"
    folder.mkdir()
    write(folder, "书.jsonl", "\n".join(['{"work": "书", "text": "天地"}', *['{"text": "abc"}'] * 25]))
    write(folder, "坏.txt", "论语".encode() + b"\xff")
    write(folder, "图.png", b"png")
    report = tmp_path / "report.csv"
    out = StringIO()

    with pytest.raises(CommandError):
        call_command(
            "ingest_corpus", str(folder), "--no-embed", f"--report={report}", stdout=out, stderr=StringIO()
        )

    assert report.read_bytes().startswith(b"\xef\xbb\xbf")
    with report.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["文件", "行", "原因"]
    assert [row[:2] for row in rows[1:3]] == [[str(folder / "图.png"), ""], [str(folder / "书.jsonl"), "2"]]
    assert len(rows) == 1 + 1 + 25 + 1
    assert rows[-1][0] == str(folder / "坏.txt")
    assert out.getvalue().count("  拒绝 ") == 20
    assert "另有 5 条被拒绝的记录没有列出。" in out.getvalue()


@pytest.mark.parametrize("place", ["", "none/x.csv"])
def test_report_that_cannot_be_written_is_told_before_anything_is_loaded(tmp_path: Path, place: str) -> None:
    write(tmp_path, "a.md", LUNYU)

    with pytest.raises(CommandError, match=f"无法写入 {tmp_path / place}：.+。"):
        load(tmp_path / "a.md", f"--report={tmp_path / place}")

    assert not Work.objects.exists()


def test_report_in_the_loaded_folder_is_no_source_and_not_unknown(tmp_path: Path) -> None:
    write(tmp_path, "a.md", LUNYU)
    report = tmp_path / "拒绝.csv"

    said = [load(tmp_path, f"--report={report}") for _run in range(3)]

    assert not any("不是可识别的格式" in out for out in said)
    assert all("1 个来源：1 部典籍" in out for out in said)
    assert report.read_text("utf-8-sig") == "文件,行,原因\n"


def test_report_does_not_replace_what_is_to_be_loaded(tmp_path: Path) -> None:
    table = write(tmp_path, "书.csv", "work,text\n书,天地玄黄\n")

    with pytest.raises(CommandError, match="会覆盖要导入的文件"):
        load(tmp_path, f"--report={table}")

    assert table.read_text("utf-8") == "work,text\n书,天地玄黄\n"


def test_what_cannot_be_printed_is_replaced(tmp_path: Path) -> None:
    lines = ['{"work":"书","text":"学而。","kind":"\\ud800\\u001b[31m"}', '{"work":"书","text":"为政。"}']
    write(tmp_path, "书.jsonl", "\n".join(lines))
    write(tmp_path, os.fsdecode("图".encode("gb18030") + b"\xff.png"), b"")
    report = tmp_path / "report.csv"

    out = load(tmp_path, f"--report={report}", "--verbosity=2")

    assert "拒绝" in out
    assert out.encode()
    assert "\x1b" not in out
    assert "\ufffd" in report.read_text("utf-8-sig")
    assert f"{tmp_path}/图\ufffd.png" in out
    assert Passage.objects.count() == 1


@pytest.mark.skipif(
    not os.path.exists("/proc/self/mem"), reason="Only Linux has a file that never can be read."
)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_read_is_reported_and_the_rest_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    folder = tmp_path / "典籍"
    closed = folder / "closed"
    closed.mkdir(parents=True)
    write(folder, "a.md", LUNYU)
    (folder / "b.json").symlink_to("/proc/self/mem")
    (folder / "c.txt").symlink_to("x" * 300)
    (folder / "d.txt").symlink_to("d.txt")
    (folder / "宋词").mkdir()
    (folder / "宋词" / "宋词三百首.json").symlink_to("/proc/self/mem")
    report = tmp_path / "report.csv"
    scan = os.scandir

    def scan_open(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_open)

    with pytest.raises(CommandError, match="2 个来源没有载入"):
        load(folder, f"--report={report}", f"--workers={workers}")

    assert Work.objects.get().title == "论语"
    rows = list(csv.reader(report.open(encoding="utf-8-sig", newline="")))[1:]
    assert [row[0].removeprefix(f"{folder}/") for row in rows] == [
        *("c.txt", "d.txt", "closed"),
        *("b.json", "宋词/宋词三百首.json"),
    ]
    assert {row[2] for row in rows[3:]} == {"无法读取文件：Input/output error。"}
