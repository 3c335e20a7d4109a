"""The corpus is read once for faults, those of one text and those that only several texts show."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import make_operator
from knowledge.linting.lint import lint_twins, lint_works
from knowledge.linting.lint_rules import Finding, Severity, Summary
from knowledge.models import Passage, Section, Work
from knowledge.starter import loading as starter
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, load

pytestmark = pytest.mark.django_db


def codes(findings) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.work, finding.section) for finding in findings]


def passage(text: str) -> int:
    return Passage.objects.get(text__contains=text).pk


def test_clean_works_have_no_findings(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, POEMS)

    assert list(lint_works(Work.objects.all())) == []


def test_starter_corpus_is_clean() -> None:
    starter.load_starter()

    assert list(lint_works(Work.objects.all())) == []


def test_finding_tells_work_section_passage_and_place(tmp_path: Path) -> None:
    load(tmp_path, LUNYU.replace("温故而知新", "温故而知\ue132新"))

    assert list(lint_works(Work.objects.all())) == [
        Finding(
            "private_use",
            "《论语》",
            "为政",
            passage("温故"),
            8,
            "子曰：“温故而知\ue132新，可以为师矣。”",
        )
    ]


def test_speech_may_go_on_in_the_next_passage_but_not_in_the_next_section(tmp_path: Path) -> None:
    load(
        tmp_path,
        "# 书\n\n## 甲\n\n子曰：“天地玄黄。\n\n“宇宙洪荒。”\n\n## 乙\n\n曰：“日月盈昃。\n\n## 丙\n\n辰宿列张。”\n",
    )

    findings = list(lint_works(Work.objects.all()))

    assert [(each.code, each.section, each.passage_id, each.position) for each in findings] == [
        ("unbalanced_marks", "乙", passage("日月"), 2),
        ("unbalanced_marks", "丙", passage("辰宿"), 5),
    ]


def test_speech_goes_on_behind_the_commentary_that_interrupts_it(tmp_path: Path) -> None:
    load(tmp_path, "# 书\n\n子曰：“天地玄黄，\n\n注者曰：“天玄地黄。”\n\n宇宙洪荒。”\n")
    Passage.objects.filter(text__startswith="注").update(kind="commentary")

    assert list(lint_works(Work.objects.all())) == []


def test_same_text_again_is_found_within_a_work_and_among_works(tmp_path: Path) -> None:
    text = "天地玄黄，宇宙洪荒；日月盈昃，辰宿列张。"
    load(tmp_path, f"# 甲\n\n## 一\n\n{text}\n\n## 二\n\n子曰诗云\n\n{text}\n", f"# 乙\n\n{text}\n")

    assert codes(lint_works(Work.objects.all())) == [("duplicate", "《甲》", "二")]
    assert codes(lint_twins(Work.objects.all())) == [("duplicate_elsewhere", "《甲》", "一")]
    assert next(lint_twins(Work.objects.filter(title="乙"))).excerpt == f"{text[:16]}｜《甲》"


def test_two_scripts_in_one_work_are_told_once(tmp_path: Path) -> None:
    load(tmp_path, "# 书\n\n学而时习之\n\n温故而知新，为师矣\n\n學而時習之\n\n為學日益，為道日損\n\n时\n")

    findings = list(lint_works(Work.objects.all()))

    assert [(each.code, each.passage_id) for each in findings] == [
        ("too_short", Passage.objects.get(text="时").pk),
        ("mixed_script_work", passage("學而")),
    ]


def test_sections_out_of_order_doubled_or_missing_are_found(tmp_path: Path) -> None:
    titles = ("第一章", "第二章", "第二章", "第十章", "第九章", "第十一章 结", "第一章", "第二章")
    load(tmp_path, "# 书\n\n" + "\n\n".join(f"## {title}\n\n天地{title}" for title in titles) + "\n")
    Passage.objects.filter(section__ordinal=4).delete()

    findings = list(lint_works(Work.objects.all()))

    assert [(each.code, each.section) for each in findings] == [
        ("section_order", "第二章"),
        ("empty_section", "第十章"),
        ("section_gap", "第十章"),
        ("section_order", "第九章"),
        ("section_gap", "第十一章 结"),
    ]


def test_section_with_text_further_down_is_not_empty(tmp_path: Path) -> None:
    load(tmp_path, "# 诗\n\n## 国风\n\n### 周南\n\n#### 关雎\n\n关关雎鸠\n")

    assert list(lint_works(Work.objects.all())) == []


def test_passage_that_stands_behind_its_section_is_found(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    Passage.objects.filter(ordinal=6).update(section=Section.objects.get(title="学而"))

    assert codes(lint_works(Work.objects.all())) == [("passage_order", "《论语》", "学而")]


def test_text_may_go_on_behind_a_subsection_but_no_section_is_entered_twice(tmp_path: Path) -> None:
    load(tmp_path, "# 书\n\n## 甲\n\n其一\n\n### 乙\n\n其二\n\n其三\n\n其四\n")
    Passage.objects.filter(text="其三").update(section=Section.objects.get(title="甲"))
    returned = codes(lint_works(Work.objects.filter(passages__text="其三")))
    Passage.objects.filter(text="其四").update(section=None)
    left = codes(lint_works(Work.objects.all()))
    Passage.objects.filter(text="其四").update(section=Section.objects.get(title="乙"))

    assert (returned, left) == ([("passage_order", "《书》", "甲·乙")], [])
    assert codes(lint_works(Work.objects.all())) == [("passage_order", "《书》", "甲·乙")]


def test_long_text_and_garbled_translation_are_found(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    Passage.objects.filter(ordinal=1).update(folded="长" * 801, length=801)
    Passage.objects.filter(ordinal=2).update(translation="曾子说\ufffd，OK")

    assert [(each.code, each.position) for each in lint_works(Work.objects.all())] == [
        ("too_long", 0),
        ("replacement_character", 3),
    ]


def test_a_modern_translation_may_have_letters_and_figures(tmp_path: Path) -> None:
    load(tmp_path, "# 书\n\n1958年，他说“OK\n")
    Passage.objects.update(kind="translation")

    assert list(lint_works(Work.objects.all())) == []


def test_pass_over_the_corpus_does_not_query_for_each_passage(
    tmp_path: Path, django_assert_max_num_queries
) -> None:
    load(tmp_path, LUNYU, DAODEJING)

    with django_assert_max_num_queries(1 + 2 * 3):
        list(lint_works(Work.objects.all()))


def test_summary_keeps_the_first_of_each_code_and_counts_all() -> None:
    summary = Summary(examples_of_each=1)
    for number in range(3):
        summary.add(Finding("digits", "《书》", passage_id=number))
    summary.add(Finding("mojibake", "《书》"))

    assert [(rule.severity, count, len(kept)) for rule, count, kept in summary.rows] == [
        (Severity.ERROR, 1, 1),
        (Severity.WARNING, 3, 1),
    ]
    assert summary.error_count == 1


def lint(*arguments: object) -> str:
    out = StringIO()
    call_command("lint_corpus", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def faulty(tmp_path: Path) -> None:
    load(tmp_path, LUNYU.replace("三省吾身", "三省\ufffd身"), DAODEJING.replace("上善若水", "上善12若水"))


def test_command_sums_up_and_writes_every_finding(tmp_path: Path, faulty: None) -> None:
    out = lint("--report", tmp_path / "report.csv")

    assert out.splitlines()[:3] == [
        "级别  处数  问题",
        "错误     1  乱码：替换符 U+FFFD",
        "警告     1  阿拉伯数字或注码",
    ]
    assert "《论语》学而" in out
    assert out.splitlines()[-1] == "已检查 2 部典籍，共 4 处。"
    rows = list(csv.reader((tmp_path / "report.csv").open(encoding="utf-8-sig")))
    assert [row[0] for row in rows] == ["级别", "错误", "提示", "提示", "警告"]
    assert rows[4][2:7] == ["digits", "《道德经》", "第八章", str(passage("上善")), "2"]


def test_command_keeps_to_works_and_categories(faulty: None) -> None:
    assert "共 0 处" not in lint("--work", "老子")
    assert "替换符" not in lint("--work", "老子")
    assert "替换符" not in lint("--category", "子部")
    with pytest.raises(CommandError, match="没有这部典籍：周易"):
        lint("--work", "论语", "--work", "周易")


def test_strict_command_fails_on_errors_alone(faulty: None) -> None:
    lint("--strict", "--work", "道德经")

    with pytest.raises(CommandError) as failed:
        lint("--strict")

    assert failed.value.returncode == 1


@pytest.fixture
def operator(settings) -> Client:
    settings.SECURE_SSL_REDIRECT = False
    client = Client()
    client.force_login(make_operator())
    return client


def act(client: Client, action: str):
    ids = list(Work.objects.values_list("pk", flat=True))
    address = reverse("admin:knowledge_work_changelist")
    return client.post(address, {"action": action, "_selected_action": ids}, follow=True)


def test_operator_sees_the_findings_of_chosen_works(operator: Client, faulty: None) -> None:
    page = act(operator, "lint_selected").content.decode()

    assert "乱码：替换符 U+FFFD" in page
    assert reverse("admin:knowledge_passage_change", args=[passage("三省")]) in page
    assert "style=" not in page.split("<main")[1]


def test_too_much_text_for_a_page_is_left_to_the_command(operator: Client, faulty: None) -> None:
    Work.objects.filter(title="论语").update(passage_count=30_001)

    page = act(operator, "lint_selected").content.decode()

    assert "lint_corpus" in page
    assert "替换符" not in page


def test_command_says_that_there_is_nothing_to_check(faulty: None) -> None:
    with pytest.raises(CommandError, match="史部里没有典籍可查"):
        lint("--category", "史部")


def test_report_that_cannot_be_written_is_told_at_once(tmp_path: Path, faulty: None) -> None:
    with pytest.raises(CommandError, match=f"无法写入 {tmp_path}：Is a directory"):
        lint("--report", tmp_path)
