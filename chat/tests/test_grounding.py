"""A role answers from the works and categories that it is given, whatever stands elsewhere."""

from pathlib import Path

import pytest

from chat.grounding import SOURCE_LIMIT, Source, find_sources
from chat.models import Role
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db

# The first is a line of 道德经, the second names the book: in 论语 stands nothing that comes near to either.
QUESTIONS = ["“上善若水，水善利万物而不争”是什么意思？", "老子为什么说知人者智、自知者明？"]


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING, POEMS)
    filling.embed_missing()


def ask(question: str, **scope: list[str]) -> tuple[Source, ...]:
    role = Role(slug="scoped", name="有界", description="", system_prompt="", **scope)
    return find_sources(role=role, question=question, history=())


@pytest.mark.parametrize("question", QUESTIONS)
def test_role_without_a_scope_rests_on_the_best_match(question: str) -> None:
    assert ask(question)[0].work == "道德经"


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "scope", [{"scope_works": ["论语"]}, {"scope_works": ["語錄"]}, {"scope_categories": ["经部"]}]
)
def test_role_rests_on_nothing_outside_its_scope(question: str, scope: dict[str, list[str]]) -> None:
    sources = ask(question, **scope)

    assert [source.work for source in sources] == ["论语"] * SOURCE_LIMIT


def test_scope_holds_for_works_and_categories_together() -> None:
    assert ask(QUESTIONS[0], scope_works=["论语"], scope_categories=["子部"]) == ()
