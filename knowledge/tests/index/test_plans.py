"""PostgreSQL answers the searches from the posting lists by their key, whatever the scope."""

from pathlib import Path

import pytest
from django.db import connection

from knowledge.retrieval import lexical
from knowledge.tests.corpus import LUNYU, load

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan_of(monkeypatch):
    """Run a lookup and return the plan of its statements that have ``part``, with sequential scans priced out.

    The corpus of a test is so small that reading all of it is the best plan.
    """

    def explain(lookup, part: str) -> str:
        statements: list[tuple[str, object]] = []
        with connection.execute_wrapper(
            lambda execute, sql, params, many, context: (
                statements.append((sql, params)),
                execute(sql, params, many, context),
            )[1]
        ):
            lookup()
        plans = []
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            for sql, params in [each for each in statements if part in each[0]]:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans += [row[0] for row in cursor.fetchall()]
        return "\n".join(plans)

    return explain


SCOPES = [lexical.Where(), lexical.Where(work_ids=[1])]


@pytest.mark.parametrize("where", SCOPES)
@pytest.mark.parametrize("segment", ["学而不思则罔", "学"])
def test_candidates_are_looked_up_in_the_index(
    tmp_path: Path, plan_of, where: lexical.Where, segment: str
) -> None:
    load(tmp_path, LUNYU)

    plan = plan_of(lambda: lexical.find_candidates([segment], where, limit=10), "postingblock")

    assert "using knowledge_postingblock_pkey" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("where", SCOPES)
def test_exact_line_is_looked_up_in_the_index(tmp_path: Path, plan_of, where: lexical.Where) -> None:
    load(tmp_path, LUNYU)

    plan = plan_of(lambda: lexical.find_exact(["学而不思则罔"], where), "postingblock")

    assert "using knowledge_postingblock_pkey" in plan
    assert "Seq Scan" not in plan


def test_phrase_is_matched_in_the_text_and_not_in_the_names_of_the_place(tmp_path: Path) -> None:
    load(tmp_path, "# 论语\n\n## 学而时习\n\n子曰有朋自远方来。\n")

    assert lexical.find_exact(["学而时习"]) == {}
    assert len(lexical.find_exact(["有朋自远"])["有朋自远"]) == 1
