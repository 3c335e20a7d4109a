import uuid

import pytest
from rest_framework.test import APIClient

from accounts.tests.factories import make_operator
from chat.endings import Outcome
from chat.models import Message, Role, Session
from chat.services.replies import finish_turn
from chat.services.sessions import create_session
from chat.services.turns import begin_turn


@pytest.fixture
def client_of():
    def client_of(user) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return client_of


@pytest.fixture
def reply(reader, session) -> Message:
    turn = begin_turn(user=reader, session_id=session.id, text="何谓学？", client_message_id=uuid.uuid4())
    return finish_turn(
        message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome("completed", "学者，效也。")
    )


@pytest.fixture
def people(reader, stranger) -> dict:
    return {"anonymous": None, "stranger": stranger, "owner": reader, "staff": make_operator()}


@pytest.mark.parametrize(
    ("method", "path", "answers"),
    [
        ("get", "/api/v1/roles", (200, 200, 200, 200)),
        ("get", "/api/v1/sessions", (401, 200, 200, 200)),
        ("get", "/api/v1/sessions/{session}", (401, 404, 200, 404)),
        ("patch", "/api/v1/sessions/{session}", (401, 404, 200, 404)),
        ("get", "/api/v1/sessions/{session}/messages", (401, 404, 200, 404)),
        ("get", "/api/v1/messages/{reply}", (401, 404, 200, 404)),
        ("post", "/api/v1/messages/{reply}/stop", (401, 404, 202, 404)),
        ("delete", "/api/v1/sessions/{session}", (401, 404, 204, 404)),
    ],
)
@pytest.mark.parametrize("position", range(4))
def test_only_the_owner_reaches_a_conversation(
    people, client_of, session, reply, method, path, answers, position
):
    who = list(people.values())[position]

    response = getattr(client_of(who), method)(path.format(session=session.id, reply=reply.id), {})

    assert response.status_code == answers[position]
    if answers[position] >= 400:
        assert "何谓学" not in response.content.decode()
        assert Session.objects.filter(id=session.id).exists()


def test_a_session_is_opened_with_a_role(reader, client_of):
    roles = client_of(reader).get("/api/v1/roles").json()["results"]

    response = client_of(reader).post("/api/v1/sessions", {"role_id": roles[2]["id"]})

    assert response.status_code == 201
    assert response.json()["role"] == roles[2]
    assert [role["name"] for role in roles] == ["国学大师", "经典讲师", "诗词先生", "处世顾问"]


@pytest.mark.parametrize("role_id", [0, 99_999])
def test_an_unknown_role_opens_no_session(reader, client_of, role_id):
    response = client_of(reader).post("/api/v1/sessions", {"role_id": role_id})

    assert (response.status_code, response.json()["error"]["code"]) == (404, "role_not_found")
    assert not Session.objects.exists()


def test_sessions_come_newest_first_by_cursor(reader, client_of):
    sessions = [create_session(user=reader) for _ in range(5)]

    first = client_of(reader).get("/api/v1/sessions?limit=3").json()
    second = client_of(reader).get(first["next"]).json()

    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == [str(session.id) for session in reversed(sessions)]
    assert second["next"] is None


def test_messages_show_question_and_reply_with_sources_and_label(reader, client_of, session, reply):
    rows = client_of(reader).get(f"/api/v1/sessions/{session.id}/messages").json()["results"]

    answer, question = rows
    assert (question["author"], question["text"], question["label"]) == ("reader", "何谓学？", "")
    assert (answer["author"], answer["status"], answer["reply_to"]) == (
        "assistant",
        "completed",
        question["id"],
    )
    assert (answer["ai_generated"], answer["label"], answer["error"]) == (
        True,
        "离线模式：仅摘引原文，由 AI 服务合成",
        None,
    )


def test_a_session_is_renamed_within_bounds(reader, client_of, session):
    good = client_of(reader).patch(f"/api/v1/sessions/{session.id}", {"title": "读《论语》"})
    bad = client_of(reader).patch(f"/api/v1/sessions/{session.id}", {"title": "长" * 101})

    assert good.json()["title"] == "读《论语》"
    assert (bad.status_code, list(bad.json()["error"]["fields"])) == (400, ["title"])
    session.refresh_from_db()
    assert session.title == "读《论语》"


def test_renaming_a_session_does_not_undo_a_turn(reader, client_of, session, monkeypatch):
    stale = Session.objects.select_related("role").get(id=session.id)
    monkeypatch.setattr("chat.views.SessionView.get_object", lambda view: stale)
    other = Role.objects.exclude(id=session.role_id).first()
    begin_turn(
        user=reader, session_id=session.id, text="问", client_message_id=uuid.uuid4(), role_id=other.id
    )

    client_of(reader).patch(f"/api/v1/sessions/{session.id}", {"title": "新名"})

    session.refresh_from_db()
    assert (session.title, session.role) == ("新名", other)


def test_the_message_list_does_not_query_per_row(
    reader, client_of, session, reply, django_assert_max_num_queries
):
    for number in range(10):
        turn = begin_turn(
            user=reader, session_id=session.id, text=f"第{number}问", client_message_id=uuid.uuid4()
        )
        finish_turn(
            message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome("completed", "答。")
        )

    with django_assert_max_num_queries(4):
        client_of(reader).get(f"/api/v1/sessions/{session.id}/messages")
