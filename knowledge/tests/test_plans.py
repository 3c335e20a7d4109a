"""PostgreSQL answers the searches from the index of terms."""

from pathlib import Path

import pytest
from django.db import connection

from knowledge import lexical
from knowledge.terms import phrase_query
from knowledge.tests.corpus import LUNYU, load

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan_of(monkeypatch):
    """Run a lookup and return the plan of its last statement, with sequential scans priced out.

    The corpus of a test is so small that reading all of it is the best plan.
    """

    def explain(lookup) -> str:
        statements: list[tuple[str, dict]] = []
        with connection.execute_wrapper(
            lambda execute, sql, params, many, context: (
                statements.append((sql, params)),
                execute(sql, params, many, context),
            )[1]
        ):
            lookup()
        sql, params = statements[-1]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", params)
            return "\n".join(row[0] for row in cursor.fetchall())

    return explain


# Within a small work the planner may read its few passages by their work instead.
INDEXES = ("Bitmap Index Scan on passage_terms", "Index Cond: (work_id")


@pytest.mark.parametrize("where", [lexical.Where(), lexical.Where(work_ids=[1])])
def test_exact_line_is_looked_up_in_the_index(tmp_path: Path, plan_of, where: lexical.Where) -> None:
    load(tmp_path, LUNYU)

    plan = plan_of(lambda: lexical.find_exact(["学而不思则罔"], where))

    assert any(index in plan for index in INDEXES[: 1 if where.work_ids is None else 2])
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("where", [lexical.Where(), lexical.Where(work_ids=[1])])
def test_candidates_are_looked_up_in_the_index(tmp_path: Path, plan_of, where: lexical.Where) -> None:
    load(tmp_path, LUNYU)
    weights = lexical.weigh_terms(["学而不思则罔"])

    plan = plan_of(lambda: lexical.find_candidates(weights, where, limit=10))

    assert any(index in plan for index in INDEXES[: 1 if where.work_ids is None else 2])
    assert "Seq Scan" not in plan


def test_similar_passages_are_looked_up_in_the_index(tmp_path: Path, plan_of) -> None:
    load(tmp_path, LUNYU)

    plan = plan_of(lambda: lexical.find_similar(["学而不思则惘"], limit=5))

    assert "Bitmap Index Scan on passage_terms" in plan


def test_phrase_is_matched_in_the_text_and_not_in_the_names_of_the_place(tmp_path: Path) -> None:
    load(tmp_path, "# 论语\n\n## 学而时习\n\n子曰有朋自远方来。\n")

    assert lexical.find_exact(["学而时习"]) == {}
    assert len(lexical.find_exact(["有朋自远"])["有朋自远"]) == 1
    assert phrase_query("学而时") == "'学而':D <-> '而时':D"
