import csv
import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chat.errors import WordRefused
from chat.models import SensitiveWord
from chat.moderation.word_files import WordEntry, read_entries, write_entries
from chat.services.words import save_words, set_words_active
from knowledge.starter.loading import load_starter


def run(command: str, *args: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, args), stdout=out)
    return out.getvalue()


def row(word: str) -> tuple[str, str, bool, str]:
    return SensitiveWord.objects.values_list("category", "action", "is_active", "note").get(word=word)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_of_any_spreadsheet_is_read(encoding):
    content = "词语,处置,类别\r\n某某甲,拦截,一类\r\n\r\n某某乙,标记复核,\r\n".encode(encoding)

    assert read_entries(content) == [
        WordEntry("某某甲", category="一类", action="block"),
        WordEntry("某某乙", category="", action="review"),
    ]


def test_only_the_word_is_needed_and_the_last_of_two_counts():
    assert read_entries("word,note\n某某甲,一\n某某甲,二\n".encode()) == [WordEntry("某某甲", note="二")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "第 0 行：要写列名，其中要有「词语」一列。"),
        ("某某甲\n某某乙\n", "第 1 行：要写列名，其中要有「词语」一列。"),
        ("词语\n某某甲\n杀\n", "第 3 行：「杀」太短：去掉标点与空格后至少要有 2 个字。"),
        ("词语,处置\n某某甲,删除\n", "第 2 行：处置「删除」不认识，请写「拦截」或「标记复核」。"),
        ("词语,启用\n某某甲,也许\n", "第 2 行：启用「也许」不认识，请写「是」或「否」。"),
        (f"词语,类别\n某某甲,{'类' * 21}\n", f"第 2 行：「{'类' * 10}…」太长：至多 20 个字。"),
    ],
)
def test_a_bad_line_is_named(content, reason):
    with pytest.raises(WordRefused) as refused:
        read_entries(content.encode())

    assert refused.value.message == reason


def test_a_file_that_is_no_text_is_refused():
    with pytest.raises(WordRefused, match="GB18030"):
        read_entries(b"\xff\xff\xff")


def test_import_adds_changes_and_leaves_alone(db, tmp_path: Path):
    SensitiveWord.objects.create(word="某某甲", category="旧", note="旧注")
    SensitiveWord.objects.create(word="某某乙", action="review")
    path = tmp_path / "词表.csv"
    path.write_text("词语,类别,处置\n某某甲,新,拦截\n某某乙,,标记复核\n某某丙,新,标记复核\n")

    times = dict(SensitiveWord.objects.values_list("word", "updated_at"))

    first, second = run("import_words", path), run("import_words", path)

    assert first == "新增 1 个，更新 1 个，1 个没有变化。\n"
    assert second == "新增 0 个，更新 0 个，3 个没有变化。\n"
    assert row("某某甲") == ("新", "block", True, "旧注")
    assert row("某某丙") == ("新", "review", True, "")
    assert SensitiveWord.objects.get(word="某某甲").updated_at > times["某某甲"]
    assert SensitiveWord.objects.get(word="某某乙").updated_at == times["某某乙"]


def test_a_bad_file_changes_nothing(db, tmp_path: Path):
    before = SensitiveWord.objects.count()
    path = tmp_path / "词表.csv"
    path.write_text("词语\n某某甲\n杀\n")

    with pytest.raises(CommandError, match=r"第 3 行.*没有导入任何词"):
        run("import_words", path)

    assert SensitiveWord.objects.count() == before


def test_a_missing_file_is_told(db):
    with pytest.raises(CommandError, match="读不了"):
        run("import_words", "/nonexistent/词表.csv")


def test_what_is_exported_is_imported_unchanged(db, tmp_path: Path):
    SensitiveWord.objects.create(
        word='引"号，逗,号', category="怪", action="review", is_active=False, note="两\n行"
    )
    before = list(
        SensitiveWord.objects.order_by("word").values("word", "category", "action", "is_active", "note")
    )
    path = tmp_path / "导出.csv"

    told = run("export_words", "--output", path)
    SensitiveWord.objects.all().delete()
    run("import_words", path)

    assert told == f"已导出 {len(before)} 个词到 {path}。\n"
    after = SensitiveWord.objects.order_by("word").values("word", "category", "action", "is_active", "note")
    assert list(after) == before


def test_export_to_the_terminal_is_the_same_csv(db):
    assert run("export_words") == write_entries(SensitiveWord.objects.order_by("category", "word"))


def test_ten_thousand_words_are_saved_at_once(db):
    entries = [WordEntry(f"词语第{number}号") for number in range(10_000)]

    assert save_words(entries=entries).created == 10_000
    assert save_words(entries=entries).unchanged == 10_000


def test_words_are_switched_and_the_others_stay(db):
    words = SensitiveWord.objects.order_by("id")[:3]
    ids = [word.id for word in words]
    before = words[0].updated_at

    assert set_words_active(ids=ids, is_active=False) == 3
    assert set_words_active(ids=ids, is_active=False) == 0

    assert set(SensitiveWord.objects.filter(is_active=False).values_list("id", flat=True)) == set(ids)
    assert SensitiveWord.objects.get(id=ids[0]).updated_at > before


@pytest.fixture
def starter(db):
    load_starter()


def test_the_check_finds_nothing_for_the_seeded_words(starter):
    told = run("check_words", "--strict")

    assert told.startswith(f"{SensitiveWord.objects.count()} 个词，")
    assert told.endswith("段：会拦截 0 段，标记 0 段。\n")


def test_the_check_tries_a_list_that_is_not_imported_yet(starter, tmp_path: Path):
    path, report = tmp_path / "词表.csv", tmp_path / "报告.csv"
    path.write_text(
        "词语,类别,处置,启用\n上善若水,试,拦截,是\n学而时习之,试,标记复核,\n知者不言,试,拦截,否\n"
    )

    with pytest.raises(CommandError, match="有 1 段典籍会被拦截"):
        run("check_words", "--file", path, "--report", report, "--strict")
    told = run("check_words", "--file", path)

    assert "上善若水：《道德经·第八章》" in told
    assert "会拦截 1 段，标记 1 段。" in told
    rows = list(csv.DictReader(report.open(encoding="utf-8-sig")))
    assert sorted((each["词语"], each["处置"]) for each in rows) == [
        ("上善若水", "拦截"),
        ("学而时习之", "标记复核"),
    ]
    assert not SensitiveWord.objects.filter(word="上善若水").exists()


@pytest.mark.parametrize(
    "command", [["check_words", "--word", "上善若水", "--report"], ["export_words", "--output"]]
)
def test_a_file_that_cannot_be_written_is_told(starter, tmp_path: Path, command: list[str]):
    path = tmp_path / "none" / "报告.csv"

    with pytest.raises(CommandError, match=f"无法写入 {path}：No such file or directory。"):
        run(*command, path)


def test_the_check_tries_a_single_word(starter):
    assert "会拦截 1 段" in run("check_words", "--word", "上善若水")
    with pytest.raises(CommandError, match="太短"):
        run("check_words", "--word", "水")
