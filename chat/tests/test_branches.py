"""A conversation is a tree: replies and questions have versions, and the reader sees one branch of it."""

import uuid

import pytest

from accounts.models import User
from billing.models import Hold
from chat import errors
from chat.branches import leaf_below, path_to
from chat.history import message_payload
from chat.memory import remembered_turns
from chat.models import Message, Session
from chat.services.turns import begin_continuation, begin_regeneration, begin_turn
from chat.tests.talking import Talk


def versions(talk: Talk, message_id: uuid.UUID) -> list[str]:
    payload = message_payload(talk.reader, message_id)
    assert payload is not None
    return payload["versions"]


def test_question_follows_what_the_reader_sees(talk: Talk) -> None:
    first = talk.ask("一")
    second = talk.ask("二")

    assert second.reply_to.parent == first
    assert path_to(second.id) == [second.id, second.reply_to_id, first.id, first.reply_to_id]
    assert path_to(second.id, limit=2) == [second.id, second.reply_to_id]
    assert talk.shown() == ["一", "答一", "二", "答二"]


def test_edited_question_begins_a_branch_and_the_old_one_stays(talk: Talk) -> None:
    talk.ask("一")
    second = talk.ask("二")
    talk.ask("三")

    edited = talk.ask("二改", edit_of=second.reply_to)

    assert talk.shown() == ["一", "答一", "二改", "答二改"]
    assert Message.objects.count() == 8
    assert versions(talk, edited.reply_to_id) == [str(second.reply_to_id), str(edited.reply_to_id)]


def test_first_question_may_be_edited_too(talk: Talk) -> None:
    first = talk.ask("一")

    edited = talk.ask("一改", edit_of=first.reply_to)

    assert talk.shown() == ["一改", "答一改"]
    assert versions(talk, first.reply_to_id) == [str(first.reply_to_id), str(edited.reply_to_id)]


def test_earlier_reply_may_be_written_again_and_begins_a_branch(talk: Talk) -> None:
    first = talk.ask("一")
    talk.ask("二")

    again = talk.regenerate(first, "又答一")

    assert talk.shown() == ["一", "又答一"]
    assert versions(talk, again.id) == [str(first.id), str(again.id)]
    talk.ask("三")
    assert talk.shown() == ["一", "又答一", "三", "答三"]


def test_branch_is_followed_down_to_its_newest_reply(talk: Talk) -> None:
    first = talk.ask("一")
    second = talk.ask("二")
    talk.regenerate(first, "又答一")

    assert leaf_below(first) == second.id
    assert leaf_below(first.reply_to) != second.id


def test_only_the_own_branch_is_remembered(talk: Talk) -> None:
    first = talk.ask("一")
    talk.ask("二")
    talk.regenerate(first, "又答一")

    third = talk.ask("三")

    assert [(turn.question, turn.answer) for turn in remembered_turns(third, limit=5)] == [("一", "又答一")]


def test_message_of_another_session_cannot_be_edited(talk: Talk, stranger: User) -> None:
    foreign = Talk(stranger, Session.objects.create(owner=stranger, role=talk.session.role)).ask("他人的")

    with pytest.raises(errors.MessageNotFound):
        talk.ask("改", edit_of=foreign.reply_to)

    assert not talk.session.messages.exists()


@pytest.mark.parametrize("status", ["stopped", "interrupted", "failed"])
def test_reply_that_broke_off_is_written_on_in_a_new_version(talk: Talk, status: str) -> None:
    turn = begin_turn(text="一", **talk._request())
    broken = talk.answer(turn, "写到一半", status)

    going_on = begin_continuation(message_id=broken.id, **talk._request())

    reply = Message.objects.get(id=going_on.message_id)
    assert (reply.continues, reply.reply_to, reply.role) == (broken, broken.reply_to, broken.role)
    assert Hold.objects.filter(key=reply.hold_key, status=Hold.Status.HELD).exists()


@pytest.mark.parametrize(("status", "text"), [("completed", "写完了"), ("failed", "")])
def test_reply_that_is_complete_or_empty_is_not_written_on(talk: Talk, status: str, text: str) -> None:
    whole = talk.answer(begin_turn(text="一", **talk._request()), text, status)

    with pytest.raises(errors.NotContinuable):
        begin_continuation(message_id=whole.id, **talk._request())

    assert Message.objects.count() == 2


def test_price_held_for_a_continuation_covers_what_is_written_already(talk: Talk) -> None:
    broken = talk.answer(begin_turn(text="一", **talk._request()), "学而时习之。" * 200, "stopped")

    going_on = begin_continuation(message_id=broken.id, **talk._request())

    first, second = (
        Hold.objects.get(key=Message.objects.get(id=key).hold_key).prompt_tokens
        for key in (broken.id, going_on.message_id)
    )
    assert second - first >= 1200


def test_one_id_for_two_ways_of_answering_again_is_a_conflict(talk: Talk) -> None:
    broken = talk.answer(begin_turn(text="一", **talk._request()), "写到一半", "stopped")
    request = talk._request()
    talk.answer(begin_regeneration(message_id=broken.id, **request), "又答")

    assert not begin_regeneration(message_id=broken.id, **request).created
    with pytest.raises(errors.ClientMessageIdReused):
        begin_continuation(message_id=broken.id, **request)
