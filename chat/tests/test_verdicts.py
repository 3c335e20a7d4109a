"""However a reply ends, what it quotes of the classics is checked, and the reader's page is told."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from chat import queries
from chat.endings import Outcome
from chat.models import Message, Session
from chat.services import replies, turns
from chat.services.replies import Piece
from knowledge.tests.corpus import LUNYU, load

SAID = "孔子说：“学而不思则罔，思而不学则殆。”这是说学与思不可偏废。"
LINE = "学而不思则罔，思而不学则殆。"


@pytest.fixture
def turn(tmp_path, reader: User, session: Session) -> turns.Turn:
    load(tmp_path, LUNYU)
    return turns.begin_turn(
        user=reader, session_id=session.id, text="学与思如何？", client_message_id=uuid.uuid4()
    )


def verdicts_of(message: Message) -> list[tuple[str, str, str]]:
    return [(quote["quote"], quote["verdict"], quote["citation"]) for quote in message.quotes]


@pytest.mark.parametrize("status", ["completed", "stopped", "interrupted", "failed"])
def test_reply_ends_with_the_verdicts_on_its_quotations(turn: turns.Turn, status: str) -> None:
    message = replies.finish_turn(
        message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome(status, SAID)
    )

    message.refresh_from_db()
    assert message.status == status
    assert verdicts_of(message) == [(LINE, "exact", "《论语·为政》")]


def test_frame_at_the_end_carries_the_verdicts(turn: turns.Turn) -> None:
    replies.finish_turn(
        message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome("completed", SAID)
    )

    frame = queries.final_frame(Message.objects.get(id=turn.message_id))

    assert frame["type"] == "ai_response"
    assert [(quote["quote"], quote["verdict"]) for quote in frame["data"]["quotes"]] == [(LINE, "exact")]


@pytest.fixture
def abandoned(turn: turns.Turn) -> turns.Turn:
    """The process that wrote the reply is gone, with two pieces saved."""
    middle = len(SAID) // 2
    replies.flush_pieces(
        lease_tokens=[turn.lease_token],
        pieces=[Piece(turn.message_id, 1, SAID[:middle]), Piece(turn.message_id, 2, SAID[middle:])],
    )
    Message.objects.filter(id=turn.message_id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    return turn


def test_abandoned_reply_ends_with_the_verdicts_on_what_was_saved(abandoned: turns.Turn) -> None:
    assert replies.interrupt_abandoned_reply(message_id=abandoned.message_id)

    message = Message.objects.get(id=abandoned.message_id)
    assert (message.status, message.text) == ("interrupted", SAID)
    assert verdicts_of(message) == [(LINE, "exact", "《论语·为政》")]


def test_reply_that_the_next_question_ends_has_its_verdicts(
    abandoned: turns.Turn, reader: User, session: Session
) -> None:
    turns.begin_turn(user=reader, session_id=session.id, text="第二问", client_message_id=uuid.uuid4())

    message = Message.objects.get(id=abandoned.message_id)
    assert (message.status, message.text) == ("interrupted", SAID)
    assert verdicts_of(message) == [(LINE, "exact", "《论语·为政》")]
