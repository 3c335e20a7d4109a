"""PostgreSQL answers the searches from the posting lists by their key, whatever the scope."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from knowledge.models import IndexSegment, Work
from knowledge.retrieval import lexical
from knowledge.retrieval.lexical import Where
from knowledge.tests.corpus import LUNYU, load

pytestmark = pytest.mark.django_db

LINE = "学而不思则罔"
# All that reads posting blocks.
LOOKUPS = [
    pytest.param(lambda where: lexical.find_candidates([LINE], where, limit=10), id="candidates"),
    pytest.param(lambda where: lexical.find_candidates([LINE[0]], where, limit=10), id="single character"),
    pytest.param(lambda where: lexical.find_exact([LINE], where), id="exact line"),
]


@pytest.fixture
def small_corpus(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)


def statements_of(lookup: Callable[[], object]) -> list[tuple[str, object]]:
    """Run a lookup and return its statements that read posting blocks, with their parameters."""
    asked: list[tuple[str, object]] = []
    with connection.execute_wrapper(
        lambda execute, sql, params, many, context: (
            asked.append((sql, params)),
            execute(sql, params, many, context),
        )[1]
    ):
        lookup()
    return [each for each in asked if "postingblock" in each[0]]


def plan_of(lookup: Callable[[], object]) -> str:
    """Return the plan of its statements that read posting blocks."""
    plans = []
    with connection.cursor() as cursor:
        for sql, params in statements_of(lookup):
            cursor.execute(f"EXPLAIN {sql}", params)
            plans += [row[0] for row in cursor.fetchall()]
    return "\n".join(plans)


def assert_by_key(plan: str) -> None:
    """No block is read but by its segment and its first term together."""
    assert "using knowledge_postingblock_pkey" in plan
    assert "Seq Scan" not in plan
    conditions = [line for line in plan.splitlines() if "Index Cond" in line]
    assert all("segment_id" in condition and "first_term" in condition for condition in conditions)


@pytest.mark.usefixtures("small_corpus")
@pytest.mark.parametrize("lookup", LOOKUPS)
def test_scope_is_no_part_of_what_is_asked(lookup: Callable[[Where], object]) -> None:
    """The scope is a mask over the lists that were read: with it and without it the statements are the same."""
    scope = Where(work_ids=[Work.objects.get(title="论语").pk])

    everywhere = statements_of(lambda: lookup(Where()))

    assert everywhere
    assert statements_of(lambda: lookup(scope)) == everywhere


@pytest.mark.usefixtures("small_corpus")
@pytest.mark.parametrize("lookup", LOOKUPS)
def test_lists_of_a_large_index_are_looked_up_by_their_key(lookup: Callable[[Where], object]) -> None:
    """The planner prefers the key where the table is of some size: 40 000 blocks in four segments.

    Nothing is said of a small one, of which reading all is best.
    """
    add_blocks(segments=4, blocks=10_000)

    plan = plan_of(lambda: lookup(Where()))

    assert_by_key(plan)


def add_blocks(*, segments: int, blocks: int) -> None:
    """Fill the index with so many blocks in each of so many segments; they are as large as real ones, and empty."""
    last = IndexSegment.objects.get().last_passage_id
    made = IndexSegment.objects.bulk_create(
        IndexSegment(
            first_passage_id=last + 1 + number,
            last_passage_id=last + 1 + number,
            passage_count=1,
            passage_ids=bytes(8),
            work_ids=bytes(8),
            lengths=bytes(4),
            characters=b"",
            frequencies=b"",
        )
        for number in range(segments)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO knowledge_postingblock (segment_id, first_term, data)
            SELECT segment, number * 100000, decode(repeat('00', 900), 'hex')
            FROM unnest(%s::uuid[]) AS segment, generate_series(1, %s) AS number
            """,
            [[segment.pk for segment in made], blocks],
        )
        cursor.execute("ANALYZE knowledge_postingblock")


def test_phrase_is_matched_in_the_text_and_not_in_the_names_of_the_place(tmp_path: Path) -> None:
    load(tmp_path, "# 论语\n\n## 学而时习\n\n子曰有朋自远方来。\n")

    assert lexical.find_exact(["学而时习"]) == {}
    assert len(lexical.find_exact(["有朋自远"])["有朋自远"]) == 1
