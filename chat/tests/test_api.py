import uuid

import pytest

from chat.endings import Outcome
from chat.models import ConversationSummary, Feedback, Message, Report, Role, Session
from chat.services import sessions
from chat.services.replies import finish_turn
from chat.services.sessions import create_session
from chat.services.turns import begin_turn


@pytest.fixture
def reply(reader, session) -> Message:
    turn = begin_turn(user=reader, session_id=session.id, text="何谓学？", client_message_id=uuid.uuid4())
    reply = finish_turn(
        message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome("completed", "学者，效也。")
    )
    ConversationSummary.objects.create(session=session, covers=reply, text="读者问何谓学。", model="m")
    return reply


FEEDBACK = {"value": "down", "reasons": ["wrong_quote"]}


@pytest.mark.parametrize(
    ("method", "path", "body", "answers"),
    [
        ("get", "roles", {}, (200, 200, 200, 200)),
        ("get", "sessions", {}, (401, 200, 200, 200)),
        ("post", "sessions", {}, (401, 201, 201, 201)),
        ("get", "sessions/{session}", {}, (401, 404, 200, 404)),
        ("patch", "sessions/{session}", {"title": "新名"}, (401, 404, 200, 404)),
        ("patch", "sessions/{session}", {"title": ""}, (401, 404, 400, 404)),
        ("patch", "sessions/{session}", {"pinned": True}, (401, 404, 200, 404)),
        ("get", "sessions/{session}/summary", {}, (401, 404, 200, 404)),
        ("delete", "sessions/{session}/summary", {}, (401, 404, 204, 404)),
        ("put", "sessions/{session}/branch", {"message_id": "{reply}"}, (401, 404, 200, 404)),
        ("put", "sessions/{session}/branch", {}, (401, 404, 400, 404)),
        ("get", "sessions/{session}/messages", {}, (401, 404, 200, 404)),
        ("get", "sessions/{session}/messages?cursor={reply}", {}, (401, 404, 200, 404)),
        ("get", "sessions/{session}/messages?cursor=-{reply}", {}, (401, 404, 200, 404)),
        ("delete", "sessions/{session}/messages", {}, (401, 404, 204, 404)),
        ("get", "messages?q=何谓", {}, (401, 200, 200, 200)),
        ("get", "messages/{reply}", {}, (401, 404, 200, 404)),
        ("post", "messages/{reply}/stop", {}, (401, 404, 202, 404)),
        ("put", "messages/{reply}/feedback", FEEDBACK, (401, 404, 200, 404)),
        ("put", "messages/{reply}/feedback", {}, (401, 404, 400, 404)),
        ("delete", "messages/{reply}/feedback", {}, (401, 404, 204, 404)),
        ("post", "messages/{reply}/report", {"reason": "other"}, (401, 404, 201, 404)),
        ("post", "messages/{reply}/report", {}, (401, 404, 400, 404)),
        ("delete", "sessions/{session}", {}, (401, 404, 204, 404)),
        ("delete", "sessions", {}, (401, 200, 200, 200)),
    ],
)
@pytest.mark.parametrize("position", range(4))
def test_only_the_owner_reaches_a_conversation(
    people, client_of, session, reply, method, path, body, answers, position
):
    who = list(people.values())[position]
    names = {"session": session.id, "reply": reply.id}
    before = everything_said(session)

    response = getattr(client_of(who), method)(
        f"/api/v1/{path.format(**names)}", {key: fill(value, names) for key, value in body.items()}
    )

    assert response.status_code == answers[position]
    if position != 2:
        assert "何谓学" not in response.content.decode()
    if position != 2 or answers[position] >= 400 or method == "get":
        assert everything_said(session) == before


def fill(value, names: dict):
    return value.format(**names) if isinstance(value, str) else value


def everything_said(session: Session) -> list:
    """All that a request could have changed of somebody else's conversation."""
    return [
        list(Session.objects.filter(id=session.id).values()),
        list(Message.objects.filter(session=session).order_by("id").values()),
        list(Feedback.objects.values()),
        list(Report.objects.values()),
        list(ConversationSummary.objects.values()),
    ]


def test_a_session_is_opened_with_a_role(reader, client_of):
    roles = client_of(reader).get("/api/v1/roles").json()["results"]

    response = client_of(reader).post("/api/v1/sessions", {"role_id": roles[2]["id"]})

    assert response.status_code == 201
    assert response.json()["role"] == roles[2]
    names = ["国学大师", "经典讲师", "诗词先生", "处世顾问", "孔子", "老子", "孙子"]
    assert [role["name"] for role in roles] == names


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
    other = Role.objects.exclude(id=session.role_id).first()
    rename = sessions.rename_session

    def rename_after_a_turn(**arguments):
        begin_turn(
            user=reader, session_id=session.id, text="问", client_message_id=uuid.uuid4(), role_id=other.id
        )
        rename(**arguments)

    monkeypatch.setattr("chat.services.sessions.rename_session", rename_after_a_turn)

    client_of(reader).patch(f"/api/v1/sessions/{session.id}", {"title": "新名"})

    session.refresh_from_db()
    assert (session.title, session.title_source, session.role) == ("新名", "reader", other)


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
