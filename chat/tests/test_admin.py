import uuid

import pytest
from django.test import Client

from accounts.tests.factories import make_operator
from chat.endings import Outcome
from chat.models import Message, ReplyChunk, Role
from chat.services.replies import Piece, finish_turn, flush_pieces
from chat.services.turns import begin_turn
from knowledge.tests.corpus import LUNYU, load


@pytest.fixture
def admin_client(db) -> Client:
    client = Client()
    client.force_login(make_operator())
    return client


@pytest.fixture
def conversation(reader, session):
    for number in range(3):
        turn = begin_turn(
            user=reader, session_id=session.id, text=f"第{number}问", client_message_id=uuid.uuid4()
        )
        flush_pieces(lease_tokens=[turn.lease_token], pieces=[Piece(turn.message_id, 1, "答")])
        if number < 2:
            finish_turn(
                message_id=turn.message_id,
                lease_token=turn.lease_token,
                outcome=Outcome("completed", "「答」。"),
            )
    return session


@pytest.mark.parametrize(
    ("model", "shown", "queries"),
    [("role", "国学大师", 7), ("session", "第0问", 8), ("message", "第1问", 9), ("replychunk", "答", 7)],
)
def test_every_list_shows_its_rows_within_a_fixed_number_of_queries(
    admin_client, conversation, model, shown, queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(queries):
        response = admin_client.get(f"/admin/chat/{model}/")

    assert response.status_code == 200
    assert shown in response.content.decode()


def test_a_message_page_shows_text_cost_and_verdicts(admin_client, conversation):
    message = Message.objects.filter(author="assistant", status="completed").first()

    page = admin_client.get(f"/admin/chat/message/{message.id}/change/").content.decode()

    assert "「答」。" in page
    assert "费用" in page


def test_conversations_cannot_be_changed_by_hand(admin_client, conversation):
    message = Message.objects.first()
    chunk = ReplyChunk.objects.first()

    answers = [
        admin_client.post(f"/admin/chat/message/{message.id}/change/", {"text": "改"}).status_code,
        admin_client.post(f"/admin/chat/session/{conversation.id}/delete/", {"post": "yes"}).status_code,
        admin_client.get("/admin/chat/message/add/").status_code,
        admin_client.post(f"/admin/chat/replychunk/{chunk.id}/change/", {"text": "改"}).status_code,
    ]

    assert answers == [403, 403, 403, 403]
    assert Message.objects.get(id=message.id).text == message.text


def test_a_role_is_edited(admin_client, db, tmp_path):
    load(tmp_path, LUNYU)
    role = Role.objects.get(slug="guoxue-dashi")
    form = {
        **{
            name: getattr(role, name)
            for name in ("name", "slug", "description", "system_prompt", "opening_line")
        },
        **{name: getattr(role, name) for name in ("sort_order", "memory_turns", "temperature_percent")},
        **{name: getattr(role, name) for name in ("prompt_budget_tokens", "max_output_tokens")},
        "suggested_questions": "何谓仁？,何谓礼？",
        "scope_works": "论语",
        "is_active": "on",
    }

    response = admin_client.post(f"/admin/chat/role/{role.id}/change/", form)

    assert response.status_code == 302
    role.refresh_from_db()
    assert (role.suggested_questions, role.scope_works) == (["何谓仁？", "何谓礼？"], ["论语"])


def test_a_users_page_leads_to_the_sessions(admin_client, conversation, reader):
    page = admin_client.get(f"/admin/accounts/user/{reader.id}/change/").content.decode()

    link = f"/admin/chat/session/?owner__id__exact={reader.id}"
    assert link in page
    assert "第0问" in admin_client.get(link).content.decode()
