"""Readers make roles of their own: within limits, of works and models that there are, moderated."""

import uuid
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from chat import errors
from chat.models import Message, ModerationRecord, Role, SensitiveWord, Session
from chat.moderation.judging import Judgement, Verdict
from chat.services.roles import (
    RoleChanges,
    change_role,
    create_role,
    delete_role,
    pass_role,
    refuse_role,
)
from chat.services.sessions import create_session
from chat.services.turns import begin_regeneration, begin_turn
from guoxue.errors import InvalidInput
from guoxue.llm import bound_tokens
from knowledge.tests.corpus import DAODEJING, LUNYU, load

ROLES = "/api/v1/roles"
WANTED = RoleChanges(name="山长", system_prompt="你是书院的山长，说话简短。")
FORM = {
    "name": "山长",
    "description": "书院之长",
    "system_prompt": "你是书院的山长，说话简短。",
    "opening_line": "请坐。",
    "suggested_questions": ["何谓学？", "何谓学？", "何谓友？"],
    "memory_turns": 3,
    "temperature": 0.3,
    "model": "deepseek-chat",
    "scope_works": ["論語", "老子"],
    "scope_categories": ["经部"],
    "is_persona": True,
}


@pytest.fixture
def corpus(tmp_path: Path, db) -> None:
    load(tmp_path, LUNYU, DAODEJING)


@pytest.fixture
def judge(monkeypatch):
    """Have the moderator say this of every text that has the word."""

    def judge(word: str, verdict: Verdict, *, fails_open: bool = True) -> None:
        judgement = Judgement(verdict, "wechat", "试", "t-1", word, fails_open)
        monkeypatch.setattr(
            "chat.services.moderation.judge_text",
            lambda text, **_: (judgement,) if word in text else (),
        )

    return judge


def ask(reader, session, role_id=None):
    return begin_turn(
        user=reader, session_id=session.id, text="何谓学？", client_message_id=uuid.uuid4(), role_id=role_id
    )


def make(reader, **columns) -> Role:
    return Role.objects.create(**{"owner": reader, "name": "山长", "system_prompt": "简短。", **columns})


def all_roles() -> list[dict]:
    return list(Role.objects.order_by("id").values())


def test_an_own_role_is_made_of_what_its_reader_says(reader, client_of, corpus):
    response = client_of(reader).post(ROLES, FORM)

    assert response.status_code == 201
    made = response.json()
    role = Role.objects.get(owner=reader)
    budget = 6000 + bound_tokens(FORM["system_prompt"])
    assert (role.id, role.temperature_percent, role.prompt_budget_tokens) == (made["id"], 30, budget)
    assert {name: made[name] for name in FORM} == {**FORM, "suggested_questions": ["何谓学？", "何谓友？"]}
    assert (made["review"], made["review_note"], made["is_own"], made["slug"]) == ("passed", "", True, None)


def test_the_list_has_the_offered_roles_and_then_ones_own(reader, stranger, client_of):
    mine, waiting = make(reader), make(reader, name="待审者", review="pending", review_note="稍候")
    make(stranger, name="他人的角色")
    make(reader, name="已删除", is_active=False)

    listed = client_of(reader).get(ROLES).json()
    anonymous = client_of(None).get(ROLES).json()["results"]

    offered = list(Role.objects.offered().values_list("id", flat=True))
    assert [role["id"] for role in listed["results"]] == [*offered, mine.id, waiting.id]
    assert [role["id"] for role in anonymous] == offered
    assert (listed["results"][-1]["review"], listed["results"][-1]["review_note"]) == ("pending", "稍候")
    public = {"id", "slug", "name", "description", "opening_line", "suggested_questions"}
    assert set(anonymous[0]) == public | {"is_persona", "is_own"}
    assert {role["name"] for role in anonymous if role["is_persona"]} == {"孔子", "老子", "孙子"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "长" * 41}, "name"),
        ({"system_prompt": "  "}, "system_prompt"),
        ({"system_prompt": "长" * 2001}, "system_prompt"),
        ({"description": "长" * 201}, "description"),
        ({"opening_line": "长" * 501}, "opening_line"),
        ({"suggested_questions": ["问"] * 7}, "suggested_questions"),
        ({"suggested_questions": ["长" * 101]}, "suggested_questions.0"),
        ({"memory_turns": 21}, "memory_turns"),
        ({"temperature": 2.1}, "temperature"),
        ({"model": "gpt-nobody-priced"}, "model"),
        ({"scope_works": ["論語", "推背图"]}, "scope_works"),
        ({"scope_categories": ["道部"]}, "scope_categories.0"),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_what_a_role_may_not_be_given_is_refused_by_its_field(
    reader, client_of, corpus, method, change, field
):
    role = make(reader)
    before = all_roles()

    if method == "post":
        response = client_of(reader).post(ROLES, {**FORM, **change})
    else:
        response = client_of(reader).patch(f"{ROLES}/{role.id}", change)

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == [field]
    assert all_roles() == before


def test_an_unknown_work_is_named(reader, corpus):
    with pytest.raises(InvalidInput) as refused:
        create_role(
            user=reader, wanted=RoleChanges(name="问", system_prompt="答", scope_works=["论语", "推背图"])
        )

    reason = "典籍库里没有《推背图》，请核对书名，或到典籍页查找它的名称。"
    assert refused.value.fields == {"scope_works": [reason]}


def test_a_work_that_has_left_the_corpus_may_stay_in_a_scope(reader, corpus):
    role = make(reader, scope_works=["推背图"])

    change_role(user=reader, role_id=role.id, wanted=RoleChanges(scope_works=["推背图", "论语"]))

    role.refresh_from_db()
    assert role.scope_works == ["推背图", "论语"]


@pytest.mark.parametrize(
    ("method", "answers"),
    [("post", (401, 201, 201, 201)), ("patch", (401, 404, 200, 404)), ("delete", (401, 404, 204, 404))],
)
@pytest.mark.parametrize("position", range(4))
def test_only_its_owner_changes_a_role(people, client_of, reader, method, answers, position):
    role = make(reader)
    before = Role.objects.filter(id=role.id).values().get()
    address = ROLES if method == "post" else f"{ROLES}/{role.id}"

    who = list(people.values())[position]
    response = getattr(client_of(who), method)(address, {"name": "新名", "system_prompt": "新的。"})

    assert response.status_code == answers[position]
    if position != 2 or method == "post":
        assert Role.objects.filter(id=role.id).values().get() == before


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_nobody_changes_an_offered_role_here(people, client_of, method):
    before = all_roles()
    offered = Role.objects.offered().first()

    answers = [
        getattr(client_of(who), method)(f"{ROLES}/{offered.id}", {"name": "新名"}).status_code
        for who in people.values()
        if who is not None
    ]

    assert answers == [404, 404, 404]
    assert all_roles() == before


def test_a_change_says_only_what_it_says(reader, client_of):
    role = make(reader, description="旧", temperature_percent=70, memory_turns=2)

    response = client_of(reader).patch(f"{ROLES}/{role.id}", {"temperature": 0, "description": ""})

    assert response.status_code == 200
    role.refresh_from_db()
    assert (role.name, role.description, role.temperature_percent, role.memory_turns) == ("山长", "", 0, 2)


def test_no_reader_has_more_roles_than_the_limit(reader, settings):
    settings.OWN_ROLES_MAX = 2
    gone, _kept = make(reader), make(reader)

    with pytest.raises(errors.OwnRoleLimitReached) as refused:
        create_role(user=reader, wanted=WANTED)

    assert Role.objects.filter(owner=reader).count() == 2
    assert refused.value.message == "自建角色已满 2 个，请先删除一个再新建。"
    delete_role(user=reader, role_id=gone.id)
    assert create_role(user=reader, wanted=WANTED).id


def test_blocked_words_are_refused_by_their_field_and_nothing_is_saved(reader, client_of):
    SensitiveWord.objects.create(word="某某禁词")
    role = make(reader)
    before = all_roles()

    made = client_of(reader).post(ROLES, {**FORM, "scope_works": [], "opening_line": "说某某禁词"})
    changed = client_of(reader).patch(f"{ROLES}/{role.id}", {"suggested_questions": ["何谓", "某某禁词"]})

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in (made, changed)] == [
        (400, "content_blocked")
    ] * 2
    assert list(made.json()["error"]["fields"]) == ["opening_line"]
    assert list(changed.json()["error"]["fields"]) == ["suggested_questions"]
    assert all_roles() == before
    assert set(ModerationRecord.objects.values_list("direction", "verdict")) == {("role", "risky")}


@pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.UNAVAILABLE])
def test_what_moderation_does_not_let_pass_waits(reader, judge, verdict):
    judge("山长", verdict)

    role = create_role(user=reader, wanted=WANTED)

    assert role.review == "pending"
    assert ModerationRecord.objects.filter(direction="role", verdict=verdict.value).exists()


def test_an_absent_moderator_refuses_where_the_setting_says_so(reader, judge):
    judge("山长", Verdict.UNAVAILABLE, fails_open=False)

    with pytest.raises(errors.ModerationUnavailable):
        create_role(user=reader, wanted=WANTED)

    assert not Role.objects.filter(owner=reader).exists()


@pytest.mark.parametrize(
    ("before", "word", "wanted", "after"),
    [
        ("passed", "山长", {"name": "先生"}, "passed"),
        ("passed", "先生", {"name": "先生"}, "pending"),
        ("passed", "山长", {"memory_turns": 1}, "passed"),
        ("pending", "无", {"name": "先生"}, "pending"),
        ("refused", "无", {"name": "先生"}, "pending"),
        ("refused", "无", {"memory_turns": 1}, "refused"),
        ("refused", "无", {"name": "山长"}, "refused"),
    ],
)
def test_new_words_never_undo_what_was_held_up(reader, judge, before, word, wanted, after):
    judge(word, Verdict.REVIEW)
    role = make(reader, review=before)

    change_role(user=reader, role_id=role.id, wanted=RoleChanges(**wanted))

    role.refresh_from_db()
    assert role.review == after


@pytest.mark.parametrize(("review", "said"), [("pending", "正在等待审核"), ("refused", "没有通过审核")])
def test_a_role_that_has_not_passed_answers_nobody(reader, session, client_of, talk, review, said):
    role = make(reader)
    theirs = create_session(user=reader, role_id=role.id)
    reply = talk.ask("一")
    Message.objects.filter(id=reply.id).update(role=role)
    Session.objects.filter(id=session.id).update(role=role)
    Role.objects.filter(id=role.id).update(review=review)
    before = Message.objects.count()

    opened = client_of(reader).post("/api/v1/sessions", {"role_id": role.id})
    for attempt in (
        partial(ask, reader, theirs),
        partial(ask, reader, theirs, role_id=role.id),
        partial(
            begin_regeneration,
            user=reader,
            session_id=session.id,
            message_id=reply.id,
            client_message_id=uuid.uuid4(),
        ),
    ):
        with pytest.raises(errors.RoleNotPassed) as refused:
            attempt()
        assert said in refused.value.message

    assert (opened.status_code, opened.json()["error"]["code"]) == (409, "role_not_passed")
    assert Message.objects.count() == before


def test_another_readers_role_is_not_to_be_found(reader, stranger, session):
    role = make(stranger)

    for attempt in (
        partial(create_session, user=reader, role_id=role.id),
        partial(ask, reader, session, role.id),
    ):
        with pytest.raises(errors.RoleNotFound):
            attempt()


def test_sessions_of_a_deleted_role_keep_its_name_and_go_on(reader, client_of):
    role = make(reader)
    session = create_session(user=reader, role_id=role.id)

    deleted = client_of(reader).delete(f"{ROLES}/{role.id}")
    again = client_of(reader).delete(f"{ROLES}/{role.id}")

    assert (deleted.status_code, again.status_code) == (204, 404)
    assert client_of(reader).get(f"/api/v1/sessions/{session.id}").json()["role"]["name"] == "山长"
    assert ask(reader, session).created
    with pytest.raises(errors.RoleNotFound):
        create_session(user=reader, role_id=role.id)


def test_operators_decide_on_a_role_as_they_saw_it(reader):
    role = make(reader, review="pending")
    changed = change_role(user=reader, role_id=role.id, wanted=RoleChanges(system_prompt="换了。"))

    with pytest.raises(errors.RoleChanged):
        pass_role(role_id=role.id, seen_at=role.updated_at)
    role.refresh_from_db()
    assert role.review == "pending"

    passed = pass_role(role_id=role.id, seen_at=changed.updated_at)
    refused = refuse_role(role_id=role.id, seen_at=passed.updated_at, note="冒充官方")
    assert (passed.review, refused.review, refused.review_note) == ("passed", "refused", "冒充官方")


def test_an_offered_role_is_not_decided_on(db):
    offered = Role.objects.offered().first()

    with pytest.raises(errors.RoleNotFound):
        refuse_role(role_id=offered.id, seen_at=offered.updated_at)


def test_the_list_takes_two_statements(reader, client_of, django_assert_max_num_queries):
    for number in range(5):
        make(reader, name=f"第{number}")

    with django_assert_max_num_queries(2, connection=connection):
        client_of(reader).get(ROLES)
