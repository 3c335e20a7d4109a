import uuid

import pytest

from chat.endings import Outcome
from chat.memory import remembered_turns
from chat.models import Message
from chat.prompts import PastTurn
from chat.services.replies import finish_turn
from chat.services.turns import begin_regeneration, begin_turn


@pytest.fixture
def ask(reader, session):
    def ask(text: str, answer: str = "", status: str = "completed", of=None):
        common = {"user": reader, "session_id": session.id, "client_message_id": uuid.uuid4()}
        turn = begin_regeneration(message_id=of, **common) if of else begin_turn(text=text, **common)
        if answer or status == "failed":
            finish_turn(
                message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome(status, answer)
            )
        return Message.objects.get(id=turn.message_id)

    return ask


def test_the_last_answered_turns_are_remembered_oldest_first(ask):
    for n in range(1, 5):
        ask(f"问{n}", f"答{n}")
    reply = ask("现在的问题")

    assert remembered_turns(reply, limit=2) == [PastTurn("问3", "答3"), PastTurn("问4", "答4")]


def test_failed_and_empty_turns_are_skipped(ask):
    ask("问1", "答1")
    ask("问2", "写到一半", status="failed")
    ask("问3", "", status="failed")
    reply = ask("现在的问题")

    assert remembered_turns(reply, limit=2) == [PastTurn("问1", "答1")]


def test_of_versions_the_newest_is_remembered(ask):
    first = ask("问1", "旧答")
    ask("", "新答", of=first.id)
    reply = ask("现在的问题")

    assert remembered_turns(reply, limit=3) == [PastTurn("问1", "新答")]


def test_a_role_without_memory_remembers_nothing(ask):
    ask("问1", "答1")

    assert remembered_turns(ask("现在的问题"), limit=0) == []
