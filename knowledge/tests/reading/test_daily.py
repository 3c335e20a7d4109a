"""The line of the day: the same for everybody, whatever else enters the corpus."""

import datetime
import subprocess
import sys
from collections import Counter

import pytest

from guoxue.errors import NotFound
from knowledge.models import Passage, Work
from knowledge.reading import daily
from knowledge.reading.daily import choose_line, read_lines, split_clauses
from knowledge.starter.loading import load_starter
from knowledge.tests.shelf import add_passage, add_section, make_work

DAY = datetime.date(2026, 11, 22)
YEAR = [datetime.date(2026, 1, 1) + datetime.timedelta(days=number) for number in range(365)]


@pytest.fixture
def shelf(db: None) -> None:
    """The works of the lines, with just the passages that hold them."""
    for title in {line.work for line in read_lines()}:
        work = make_work(title)
        lines = [line for line in read_lines() if line.work == title]
        for path in dict.fromkeys(line.section for line in lines):
            section = add_section(work, path)
            add_passage(section, "\n".join(line.text for line in lines if line.section == path))


@pytest.mark.django_db
def test_every_line_stands_in_the_starter_corpus_where_the_file_says() -> None:
    load_starter()

    found = daily._find(list(read_lines()))

    assert [line for line in read_lines() if line not in found] == []
    assert len(read_lines()) > 300
    assert len({line.text for line in read_lines()}) == len(read_lines())


def test_choice_is_made_of_date_and_words_alone() -> None:
    # Another process, with another hash seed and no database, draws the same line.
    code = (
        "import datetime, django; django.setup(); from knowledge.reading.daily import _draw, read_lines;"
        f"day = datetime.date.fromisoformat('{DAY}');"
        "print(min(read_lines(), key=lambda line: _draw(day, line)).text)"
    )
    run = [sys.executable, "-c", code]

    drawn = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()

    assert drawn == "硕鼠硕鼠，无食我黍！三岁贯女，莫我肯顾。"


def test_day_has_its_line_with_the_passage(shelf: None, django_assert_num_queries) -> None:
    with django_assert_num_queries(2):
        chosen = choose_line(DAY)
        place = (chosen.passage.work.title, chosen.passage.section.path)

    assert chosen.text == "硕鼠硕鼠，无食我黍！三岁贯女，莫我肯顾。"
    assert place == ("诗经", "魏风·硕鼠")
    assert chosen.text in chosen.passage.text


def test_other_works_and_later_editions_change_nothing(shelf: None) -> None:
    before = [choose_line(day) for day in YEAR[:20]]

    anthology = make_work("名句集")
    for chosen in before:
        add_passage(anthology, chosen.text)
        later, _ = Work.objects.get_or_create(title=chosen.passage.work.title, edition="另一版本")
        add_passage(add_section(later, chosen.passage.section.path), chosen.passage.text)

    assert [choose_line(day).passage for day in YEAR[:20]] == [chosen.passage for chosen in before]


def test_work_that_is_gone_takes_over_only_its_own_days(shelf: None) -> None:
    before = {day: choose_line(day) for day in YEAR[:30]}
    Passage.objects.filter(work__title="论语").delete()
    Work.objects.filter(title="论语").delete()

    after = {day: choose_line(day) for day in YEAR[:30]}

    for day in before:
        if before[day].passage.work.title != "论语":
            assert after[day].text == before[day].text
        assert after[day].passage.work.title != "论语"


def test_commentary_that_quotes_the_line_is_not_the_line(shelf: None) -> None:
    Passage.objects.filter(work__title="诗经").update(kind="commentary")

    assert choose_line(DAY).passage.work.title != "诗经"


def test_year_brings_many_lines() -> None:
    drawn = Counter(min(read_lines(), key=lambda line: daily._draw(day, line)) for day in YEAR)

    assert len(drawn) > 180
    assert max(drawn.values()) <= 6


@pytest.mark.django_db
def test_corpus_without_the_lines_has_no_line(django_assert_max_num_queries) -> None:
    work = make_work("论语")
    add_passage(add_section(work, "学而"), "别的文字。")

    with django_assert_max_num_queries(8), pytest.raises(NotFound):
        choose_line(DAY)


@pytest.mark.django_db
def test_one_line_in_the_corpus_is_the_line_of_every_day(django_assert_max_num_queries) -> None:
    add_passage(add_section(make_work("论语"), "为政"), "子曰：“君子不器。”")

    with django_assert_max_num_queries(8):
        chosen = choose_line(DAY)

    assert chosen.text == "君子不器。"


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("学而不思则罔，思而不学则殆。", ["学而不思则罔，", "思而不学则殆。"]),
        ("人之初，性本善。\n性相近，习相远。", ["人之初，", "性本善。", "性相近，", "习相远。"]),
        ("吾日三省吾身", ["吾日三省吾身"]),
        ("兴于《诗》，立于礼", ["兴于《诗》，", "立于礼"]),
    ],
)
def test_line_is_divided_after_its_punctuation(text: str, clauses: list[str]) -> None:
    assert split_clauses(text) == clauses
    assert "".join(clauses) == text.replace("\n", "")
