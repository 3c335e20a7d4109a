"""Engineers measure the search from the command line, see what changed, and hold it to floors."""

import csv
import json
from argparse import ArgumentTypeError
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from knowledge.evaluation.runs import STARTER_QUERIES, figures_of
from knowledge.folding import fold
from knowledge.management.commands.evaluate_retrieval import Floor, _floor
from knowledge.models import EvaluationRun
from knowledge.starter import loading as starter
from knowledge.tests.corpus import DAODEJING, LUNYU, BrokenEmbedder, FakeEmbedder, load, use_embedder
from knowledge.tests.evaluation.test_query_sets import query_file
from knowledge.tests.evaluation.test_scoring import ANALECTS, LOST, WATER
from knowledge.vectors import filling


def run(*arguments: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("evaluate_retrieval", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def queries(tmp_path: Path, monkeypatch) -> Path:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()
    return query_file(tmp_path, ANALECTS, WATER, LOST)


@pytest.mark.django_db
def test_fresh_install_is_measured_without_arguments(monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())
    starter.load_starter()

    out, err = run()

    figures = {row.kind: row for row in figures_of(EvaluationRun.objects.get())}
    assert sum(row.queries for kind, row in figures.items() if kind) == figures[""].queries == 60
    assert "跳过" not in err
    assert "注意：60 题没有用上向量" in out
    for kind in ("fragment", "traditional"):
        assert figures[kind].recall_1 == 1
    assert figures["fragment_noisy"].recall_5 >= 0.9
    assert figures[""].recall_20 >= 0.6


def test_shipped_questions_and_renderings_do_not_quote_what_they_look_for() -> None:
    rows = [json.loads(line) for line in STARTER_QUERIES.read_text("utf-8").splitlines()]

    quoting = [
        row["query"]
        for row in rows
        if row["kind"] in ("question", "modern")
        for gold in row["gold_text"]
        if set(grams(row["query"])) & set(grams(gold))
    ]

    assert Counter(row["kind"] for row in rows) == {
        "question": 16,
        "modern": 14,
        "fragment": 10,
        "fragment_noisy": 10,
        "traditional": 10,
    }
    assert quoting == []


def grams(text: str, size: int = 5) -> list[str]:
    folded = fold(text)
    return [folded[start : start + size] for start in range(len(folded) - size + 1)]


@pytest.mark.django_db
def test_table_shows_every_kind_and_what_was_skipped(queries: Path) -> None:
    out, err = run("--queries", queries, "--label", "初测")

    assert [line.split()[:4] for line in out.splitlines()[:4]] == [
        ["类别", "题数", "R@1", "R@5"],
        ["今译", "1", "1.000", "1.000"],
        ["提问", "1", "1.000", "1.000"],
        ["全部", "2", "1.000", "1.000"],
    ]
    assert "第一次评测" in out
    assert "跳过 1 题：\n  c：语料里没有它的标准答案：“大江东去浪淘尽”" in err


@pytest.mark.django_db
def test_second_run_shows_what_rose_and_fell(queries: Path) -> None:
    run("--queries", queries, "--label", "旧")
    before = EvaluationRun.objects.get()
    for row in before.figures:
        row["recall_1"], row["mrr_10"] = 0.75, 0.25
        row["recall_20"] = 1.0
    before.save()

    out, _ = run("--queries", queries)

    assert out.splitlines()[1].split()[:9] == [
        *("今译", "1", "1.000", "▲0.250", "1.000", "1.000", "1.000", "▲0.750"),
        out.splitlines()[1].split()[8],
    ]
    assert f"▲▼ 与第 {before.pk} 次" in out
    assert "旧" in out.splitlines()[-1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("floor", "said"),
    [
        ("question.R@5=1", ""),
        ("提问.r5=1", ""),
        ("overall.mrr=0.9", ""),
        ("fragment.R@1=0.5", "未达到 fragment.R@1=0.5：这一类没有测"),
        ("modern.R@1=0.5", "未达到 modern.R@1=0.5\n"),
    ],
)
def test_floor_sets_the_exit_status_and_the_run_is_kept(
    tmp_path: Path, queries: Path, floor: str, said: str
) -> None:
    missed = query_file(tmp_path, {**ANALECTS, "query": "上善若水", "gold_text": "温故而知新"}, WATER)
    err = StringIO()

    status = 0
    try:
        call_command(
            "evaluate_retrieval",
            "--queries",
            str(missed if "modern" in floor else query_file(tmp_path, ANALECTS, WATER)),
            "--mode",
            "line",
            "--fail-below",
            floor,
            stdout=StringIO(),
            stderr=err,
        )
    except CommandError as failed:
        status = failed.returncode

    assert status == (1 if said else 0)
    assert said in err.getvalue()
    assert EvaluationRun.objects.count() == 1


@pytest.mark.parametrize("text", ["R@5=0.9", "question.R@3=0.9", "question.R@5", "question.R@5=90", "=", ""])
def test_malformed_floor_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        _floor(text)


def test_floor_of_a_kind_with_a_dot_in_its_name_is_understood() -> None:
    assert _floor("v1.5.MRR@10=.5") == Floor("v1.5", "MRR@10", 0.5)


@pytest.mark.django_db
def test_report_tells_the_rank_of_every_query(tmp_path: Path, queries: Path) -> None:
    report = tmp_path / "report.csv"

    run("--queries", queries, "--report", report, "--kind", "question")

    rows = list(csv.reader(report.open(encoding="utf-8-sig")))
    assert rows[0] == ["编号", "类别", "问题", "名次", "毫秒", "首条结果"]
    assert [row[:4] for row in rows[1:]] == [["b", "question", "水善利万物而不争", "1"]]
    assert rows[1][5] == "《道德经·第八章》"


@pytest.mark.django_db
def test_unusable_file_is_an_error_and_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="无法读取"):
        run("--queries", tmp_path / "missing.jsonl")

    assert not EvaluationRun.objects.exists()
