"""The labelled replies that come with the program are judged as they should be, and the command says so."""

import json
import random
from io import StringIO
from pathlib import Path

import opencc
import pytest
from django.core.management import CommandError, call_command

from knowledge.errors import QueryFileRefused
from knowledge.evaluation.quote_evaluation import (
    FORGED,
    STARTER_CASES,
    Case,
    CaseOutcome,
    find_misses,
    measure_bars,
    read_cases,
    summarise,
)
from knowledge.folding import fold
from knowledge.models import Passage
from knowledge.quotes import check_quotes
from knowledge.starter import loading as starter
from knowledge.tests.corpus import LUNYU, load, write

MARKS = ["「」", "『』", "“”", '""', "﹁﹂"]
PUNCTUATION = ["", "", "，", "。", "；", " ", "\u3000", "、", "：", "！", "[3]", "*", "\n", "①"]


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("evaluate_quotes", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def outcome(label: str, expected: str | None, found: str | None, alarms: int = 0) -> CaseOutcome:
    case = Case(1, label, "“学而时习之”", "学而时习之" if expected else "", expected, "unknown")
    return CaseOutcome(case, found, "unknown", alarms, 5.0)


@pytest.mark.django_db
def test_starter_cases_are_judged_as_labelled() -> None:
    starter.load_starter()

    out = run("--misses")

    assert "✗" not in out
    assert [line for line in out.splitlines() if line.startswith("第")] == []


def test_starter_cases_are_what_they_should_be() -> None:
    cases = read_cases(STARTER_CASES)

    by_label = {label: sum(case.label == label for case in cases) for label in {case.label for case in cases}}
    assert len(cases) >= 300
    assert by_label.keys() >= {"true", "altered", "wrong_book", "invented", "traditional", "unpunctuated"}
    assert min(by_label.values()) >= 10
    assert len({case.reply for case in cases}) == len(cases)
    assert {case.verdict for case in cases if case.label in FORGED} == {"near", "not_found"}


@pytest.mark.django_db
def test_every_stretch_of_the_starter_texts_is_exact_in_any_script_and_punctuation() -> None:
    starter.load_starter()
    chance = random.Random(20)
    traditional = opencc.OpenCC("s2t")
    texts = list(Passage.objects.filter(length__gte=8).order_by("pk").values_list("folded", flat=True))
    quotes = []
    for folded in chance.sample(texts, 300):
        length = chance.randint(8, min(60, len(folded)))
        start = chance.randint(0, len(folded) - length)
        script = traditional.convert(folded[start : start + length])
        # OpenCC writes 复命 as 覆命, which is another word: what it does not turn back is no script's fault.
        if fold(script) == folded[start : start + length]:
            quotes.append("".join(character + chance.choice(PUNCTUATION) for character in script))

    unseen = []
    for start in range(0, len(quotes), 40):
        marked = [chance.choice(MARKS) for _ in quotes[start : start + 40]]
        pairs = zip(marked, quotes[start : start + 40], strict=True)
        checks = check_quotes("。".join(f"{mark[0]}{quote}{mark[1]}" for mark, quote in pairs))
        found = {check.quote: check.verdict for check in checks}
        unseen += [quote for quote in quotes[start : start + 40] if found.get(quote) != "exact"]

    assert len(quotes) > 295
    assert unseen == []


@pytest.mark.django_db
def test_command_fails_when_a_bar_is_missed(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    rows = [
        {"label": "true", "reply": "“床前明月光”", "quote": "床前明月光", "verdict": "exact"},
        {"label": "altered", "reply": "“学而时习之”", "quote": "学而时习之", "verdict": "near"},
        {"label": "distractor", "reply": "《论语》说：“编造的一句话。”"},
    ]
    lines = [json.dumps({**row, **({"attribution": "unknown"} if "quote" in row else {})}) for row in rows]
    cases = write(tmp_path, "cases.jsonl", "\n".join(lines))
    out = StringIO()

    with pytest.raises(CommandError) as failed:
        call_command("evaluate_quotes", "--cases", str(cases), stdout=out)

    assert failed.value.returncode == 1
    assert out.getvalue().count("✗") == 4


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"label": "true"}',
        '{"label": "true", "reply": "“学而”", "quote": "时习", "verdict": "exact", "attribution": "right"}',
        '{"label": "true", "reply": "“学而”", "quote": "学而", "verdict": "good", "attribution": "right"}',
        '{"label": "true", "reply": "“学而”", "quote": "学而", "verdict": "exact"}',
        "",
    ],
)
def test_unfit_file_is_refused(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, "cases.jsonl", line)

    with pytest.raises(QueryFileRefused):
        read_cases(path)
    with pytest.raises(CommandError):
        run("--cases", path)
    with pytest.raises(QueryFileRefused):
        read_cases(tmp_path / "missing.jsonl")


def test_bars_count_what_they_name() -> None:
    outcomes = [
        outcome("true", "exact", "exact"),
        outcome("true", "exact", None),
        outcome("altered", "near", "near"),
        outcome("altered", "near", "exact"),
        outcome("invented", "not_found", "not_found"),
        outcome("distractor", None, None, alarms=1),
    ]

    bars = measure_bars(outcomes)

    assert [bar.share for bar in bars] == [2 / 3, 0.5, 0.5, 0.0]
    assert not any(bar.is_met for bar in bars)
    assert len(list(find_misses(outcomes))) == 3


def test_figures_are_given_for_each_label_and_for_all() -> None:
    outcomes = [outcome("altered", "near", "exact"), outcome("true", "exact", "exact", alarms=2)]

    figures = summarise(outcomes)

    assert [(each.label, each.cases, each.right, each.forged_exact, each.alarms) for each in figures] == [
        ("altered", 1, 0, 1, 0),
        ("true", 1, 1, 0, 2),
        ("", 2, 1, 1, 2),
    ]
