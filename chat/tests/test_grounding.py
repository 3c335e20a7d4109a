"""A role answers from the works and categories that it is given, whatever stands elsewhere."""

from pathlib import Path

import pytest

from accounts.models import User
from chat.grounding import SOURCE_LIMIT, Source, find_sources
from chat.models import Role
from chat.prompts import NumberedPassage, build_prompt
from chat.queries import reply_context
from chat.services.sessions import create_session
from chat.tests.talking import Talk
from knowledge.models import Work
from knowledge.starter.loading import load_starter
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db

# The first is a line of 道德经, the second names the book: in 论语 stands nothing that comes near to either.
LIJI = """---
title: 礼记
aliases: 小戴礼记
category: 经部
---
## 学记

玉不琢，不成器；人不学，不知道。是故古之王者建国君民，教学为先。

学然后知不足，教然后知困。知不足，然后能自反也；知困，然后能自强也。

## 曲礼

敖不可长，欲不可从，志不可满，乐不可极。
"""
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


@pytest.mark.parametrize(
    ("slug", "question", "works"),
    [
        ("kongzi", "学而不思则罔，学然后知不足，学是什么？", {"论语", "礼记"}),
        ("kongzi", "“上善若水，水善利万物而不争”是什么意思？", {"论语", "礼记"}),
        ("kongzi", "老子说的“道可道，非常道”，您怎么看？", {"论语", "礼记"}),
        ("laozi", "“学而不思则罔”您怎么看？上善若水呢？", {"道德经"}),
        ("sunzi", "上善若水怎么用在兵法上？", set()),
    ],
)
def test_a_persona_is_given_its_own_books_and_no_others(
    tmp_path: Path, reader: User, slug: str, question: str, works: set[str]
) -> None:
    load(tmp_path, LIJI)
    filling.embed_missing()
    role = Role.objects.get(slug=slug)
    reply = Talk(reader, create_session(user=reader, role_id=role.id)).leave_streaming(question)

    context = reply_context(reply)
    sources = find_sources(role=context.role, question=context.question, history=context.history)
    passages = [NumberedPassage(source.n, source.citation, source.text) for source in sources]
    prompt = build_prompt(role=role, question="", history=(), passages=passages).messages[0].content

    assert {source.work for source in sources} == works
    for title, line in (("论语", "学而不思则罔"), ("礼记", "学然后知不足"), ("道德经", "上善若水")):
        assert title in works or line not in prompt.split("参考原文：")[1]


def test_every_offered_scope_has_a_book_in_the_starter_corpus() -> None:
    load_starter()
    names = {name for work in Work.objects.all() for name in (work.title, *work.aliases)}

    lacking = [
        role.name for role in Role.objects.offered() if role.scope_works and not names & set(role.scope_works)
    ]

    assert lacking == []
