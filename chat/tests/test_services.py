import uuid
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.errors import AccountDisabled
from accounts.models import User
from billing.errors import InsufficientCredit
from billing.models import Account, Hold, Wallet
from billing.services import adjust_balance, open_wallet
from chat import errors
from chat.endings import Outcome
from chat.models import Message, ReplyChunk, Role, Session
from chat.queries import model_of_turn
from chat.services import replies, sessions, turns
from chat.services.replies import Piece
from chat.services.sessions import create_session
from chat.tasks import interrupt_abandoned_replies
from guoxue import llm
from guoxue.tests.racing import run_together

TRIAL = 10_000_000


def begin(user: User, session: Session, text: str = "上善若水是什么意思？", **options) -> turns.Turn:
    options.setdefault("client_message_id", uuid.uuid4())
    return turns.begin_turn(user=user, session_id=session.id, text=text, **options)


def abandon(turn: turns.Turn) -> None:
    Message.objects.filter(id=turn.message_id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def balance(user: User) -> int:
    return Wallet.objects.get(user=user).available_micros


def test_a_turn_saves_the_question_and_a_streaming_reply_and_holds_credit(reader, session, priced_model):
    turn = begin(reader, session)

    question, reply = session.messages.order_by("created_at")
    assert (question.id, question.author, question.text) == (
        turn.user_message_id,
        "reader",
        "上善若水是什么意思？",
    )
    assert (reply.id, reply.status, reply.reply_to_id) == (turn.message_id, "streaming", question.id)
    hold = Hold.objects.get(key=reply.hold_key)
    assert hold.status == Hold.Status.HELD
    assert balance(reader) == TRIAL - hold.amount_micros


def test_the_first_question_becomes_the_title_shortened(reader, session):
    turn = begin(reader, session, "孔子说「学而不思则罔，思而不学则殆」到底想告诉我们什么道理？")

    session.refresh_from_db()
    assert session.title == turn.title == "孔子说「学而不思则罔，思而不学则殆」到…"


def test_a_resend_returns_the_same_turn_and_buys_nothing(reader, session, priced_model):
    client_message_id = uuid.uuid4()
    first = begin(reader, session, client_message_id=client_message_id)

    again = begin(reader, session, client_message_id=client_message_id)

    assert (again.message_id, again.created) == (first.message_id, False)
    assert session.messages.count() == 2
    assert Hold.objects.count() == 1


def test_other_text_under_the_same_id_is_a_conflict_and_changes_nothing(reader, session):
    client_message_id = uuid.uuid4()
    begin(reader, session, client_message_id=client_message_id)

    with pytest.raises(errors.ClientMessageIdReused):
        begin(reader, session, "另一个问题", client_message_id=client_message_id)

    assert session.messages.count() == 2


@pytest.mark.parametrize("text", ["", "   \n\t", "\u3000", "\u200b\u2060"])
def test_an_empty_message_is_refused(reader, session, text):
    with pytest.raises(errors.MessageEmpty):
        begin(reader, session, text)

    assert not session.messages.exists()


def test_a_message_over_the_limit_is_refused_with_its_length(reader, session):
    with pytest.raises(errors.MessageTooLong, match="20000 字，最多 4000 字"):
        begin(reader, session, "问" * 20_000)

    assert not session.messages.exists()


def test_a_stranger_cannot_ask_in_the_session(reader, stranger, session):
    with pytest.raises(errors.SessionNotFound):
        begin(stranger, session)

    assert not session.messages.exists()


def test_a_stranger_is_told_neither_the_model_nor_the_requests_of_a_session(reader, stranger, session):
    turn = begin(reader, session)
    Role.objects.filter(id=session.role_id).update(model="another-model")

    told = [
        model_of_turn(who, session.id, turn.client_message_id, None, continues)
        for who in (reader, stranger)
        for continues in (None, turn.message_id)
    ]

    assert told == [("another-model", True)] * 2 + [(llm.default_model(), False)] * 2


def test_an_unknown_or_inactive_role_is_refused(reader, session):
    inactive = Role.objects.create(
        slug="gone", name="旧角色", description="", system_prompt="", is_active=False
    )

    for role_id in (999_999, inactive.id):
        with pytest.raises(errors.RoleNotFound):
            begin(reader, session, role_id=role_id)

    assert not session.messages.exists()


def test_a_second_question_waits_for_the_streaming_reply(reader, session):
    begin(reader, session)

    with pytest.raises(errors.ReplyInProgress):
        begin(reader, session, "第二问")

    assert session.messages.count() == 2


def test_a_question_after_an_abandoned_reply_interrupts_that_one(reader, session):
    abandoned = begin(reader, session)
    abandon(abandoned)

    turn = begin(reader, session, "第二问")

    assert Message.objects.get(id=abandoned.message_id).status == "interrupted"
    assert Message.objects.get(id=turn.message_id).status == "streaming"


def test_without_credit_nothing_is_saved(reader, session, priced_model):
    wallet = open_wallet(user=reader)
    adjust_balance(
        user=reader,
        amount_micros=-wallet.bonus_micros,
        actor=reader,
        reason="test",
        idempotency_key="drain",
        bucket=Account.BONUS,
    )

    with pytest.raises(InsufficientCredit):
        begin(reader, session)

    assert not session.messages.exists()
    assert balance(reader) == 0


def test_flushed_pieces_renew_the_lease(reader, session):
    turn = begin(reader, session)
    before = Message.objects.get(id=turn.message_id).lease_expires_at

    result = replies.flush_pieces(
        lease_tokens=[turn.lease_token],
        pieces=[Piece(turn.message_id, 1, "水"), Piece(turn.message_id, 2, "善")],
    )

    assert result.kept == {turn.message_id}
    assert list(ReplyChunk.objects.order_by("seq").values_list("seq", "text")) == [(1, "水"), (2, "善")]
    assert Message.objects.get(id=turn.message_id).lease_expires_at > before


def test_a_process_that_lost_its_lease_writes_no_chunk_and_no_end(reader, session):
    turn = begin(reader, session)
    abandon(turn)
    replies.interrupt_abandoned_reply(message_id=turn.message_id)

    result = replies.flush_pieces(lease_tokens=[turn.lease_token], pieces=[Piece(turn.message_id, 1, "水")])
    with pytest.raises(errors.LeaseLost):
        replies.finish_turn(
            message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome("completed", "水")
        )

    assert result.kept == frozenset()
    assert not ReplyChunk.objects.exists()
    assert Message.objects.get(id=turn.message_id).text == ""


def test_finishing_settles_by_the_usage_and_drops_the_chunks(reader, session, priced_model):
    turn = begin(reader, session)
    replies.flush_pieces(lease_tokens=[turn.lease_token], pieces=[Piece(turn.message_id, 1, "水善利万物。")])

    message = replies.finish_turn(
        message_id=turn.message_id,
        lease_token=turn.lease_token,
        outcome=Outcome("completed", "水善利万物。", usage=llm.Usage(1000, 100, 200)),
    )

    # 800 × ¥2 + 200 × ¥0.2 + 100 × ¥3 per million tokens
    assert message.cost_micros == 1600 + 40 + 300
    assert balance(reader) == TRIAL - 1940
    assert (message.status, message.lease_token, message.usage_estimated) == ("completed", None, False)
    assert message.html == "<p>水善利万物。</p>\n"
    assert not ReplyChunk.objects.exists()


def test_all_that_an_end_says_of_a_reply_is_saved(reader, session, priced_model):
    turn = begin(reader, session)
    outcome = Outcome("failed", "半句" * 40, None, "model_timeout", "模型没有回应", "想一想")

    ended = replies.finish_turn(message_id=turn.message_id, lease_token=turn.lease_token, outcome=outcome)

    columns = [field.attname for field in Message._meta.concrete_fields]
    saved = Message.objects.values(*columns).get(id=turn.message_id)
    assert {name: getattr(ended, name) for name in columns} == saved
    assert (saved["reasoning"], saved["error_code"], saved["lease_token"]) == (
        "想一想",
        "model_timeout",
        None,
    )


def test_a_reply_that_failed_before_the_first_token_costs_nothing(reader, session, priced_model):
    turn = begin(reader, session)

    message = replies.finish_turn(
        message_id=turn.message_id,
        lease_token=turn.lease_token,
        outcome=Outcome("failed", "", error_code="model_timeout", error_message="超时"),
    )

    assert (message.status, message.cost_micros) == ("failed", 0)
    assert balance(reader) == TRIAL


def test_the_sweep_keeps_the_saved_text_and_settles(reader, session, priced_model):
    turn = begin(reader, session)
    replies.record_grounding(
        message_id=turn.message_id, lease_token=turn.lease_token, sources=[], prompt_tokens=1000
    )
    text = "上善若水。" * 20
    replies.flush_pieces(lease_tokens=[turn.lease_token], pieces=[Piece(turn.message_id, 1, text)])
    abandon(turn)

    assert replies.interrupt_abandoned_reply(message_id=turn.message_id)

    message = Message.objects.get(id=turn.message_id)
    assert (message.status, message.text, message.error_code) == ("interrupted", text, "interrupted")
    assert message.usage_estimated
    assert message.cost_micros == 1000 * 2 + llm.estimate_tokens(text) * 3
    assert Hold.objects.get(key=message.hold_key).status == Hold.Status.SETTLED


def test_the_sweep_leaves_a_living_reply_alone(reader, session):
    turn = begin(reader, session)

    assert not replies.interrupt_abandoned_reply(message_id=turn.message_id)

    assert Message.objects.get(id=turn.message_id).status == "streaming"


def test_a_stop_request_is_seen_by_the_next_flush(reader, session):
    turn = begin(reader, session)

    replies.request_stop(user=reader, message_id=turn.message_id)

    result = replies.flush_pieces(lease_tokens=[turn.lease_token], pieces=[])
    assert result.stop_requested == {turn.message_id}


def test_a_stranger_cannot_stop_a_reply(reader, stranger, session):
    turn = begin(reader, session)

    with pytest.raises(errors.MessageNotFound):
        replies.request_stop(user=stranger, message_id=turn.message_id)

    assert Message.objects.get(id=turn.message_id).stop_requested_at is None


def finish(turn: turns.Turn, text: str = "答。", status: str = "completed") -> Message:
    return replies.finish_turn(
        message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome(status, text)
    )


def test_regenerating_keeps_the_earlier_reply_as_a_version(reader, session):
    first = begin(reader, session)
    finish(first)

    turn = turns.begin_regeneration(
        user=reader, session_id=session.id, message_id=first.message_id, client_message_id=uuid.uuid4()
    )

    assert turn.user_message_id == first.user_message_id
    assert Message.objects.filter(reply_to=first.user_message_id).count() == 2


def test_regenerating_twice_with_one_id_is_one_reply(reader, session):
    first = begin(reader, session)
    finish(first)
    request = {
        "user": reader,
        "session_id": session.id,
        "message_id": first.message_id,
        "client_message_id": uuid.uuid4(),
    }

    one, two = turns.begin_regeneration(**request), turns.begin_regeneration(**request)

    assert (one.message_id, two.created) == (two.message_id, False)


def test_regenerating_another_reply_under_a_used_id_is_a_conflict(reader, session):
    first = begin(reader, session)
    finish(first)
    request = {"user": reader, "session_id": session.id, "client_message_id": uuid.uuid4()}
    second = turns.begin_regeneration(message_id=first.message_id, **request)
    finish(second)
    other = begin(reader, session, "第二问")
    finish(other)

    with pytest.raises(errors.ClientMessageIdReused):
        turns.begin_regeneration(message_id=other.message_id, **request)


def test_an_account_that_was_switched_off_asks_no_more(reader, session):
    User.objects.filter(id=reader.id).update(is_active=False)

    with pytest.raises(AccountDisabled):
        begin(reader, session)

    assert not session.messages.exists()


def test_a_check_of_quotations_that_fails_does_not_keep_a_reply_from_ending(
    reader, session, priced_model, monkeypatch
):
    monkeypatch.setattr("chat.verdicts.check_quotes", lambda text: 1 / 0)
    turn = begin(reader, session)

    message = finish(turn)

    assert (message.status, message.quotes) == ("completed", [])
    assert Hold.objects.get(key=message.hold_key).status != Hold.Status.HELD


def test_one_reply_that_cannot_be_ended_keeps_no_other_from_its_end(reader, session, monkeypatch):
    stuck, other = begin(reader, session), begin(reader, create_session(user=reader))
    for turn in (stuck, other):
        abandon(turn)
    end = replies.interrupt_abandoned_reply

    def refuse_one(*, message_id):
        return 1 / 0 if message_id == stuck.message_id else end(message_id=message_id)

    monkeypatch.setattr("chat.tasks.interrupt_abandoned_reply", refuse_one)

    assert interrupt_abandoned_replies() == 1
    assert Message.objects.get(id=other.message_id).status == "interrupted"


def test_pieces_that_come_twice_are_saved_once(reader, session):
    turn = begin(reader, session)
    for _ in range(2):
        replies.flush_pieces(lease_tokens=[turn.lease_token], pieces=[Piece(turn.message_id, 1, "水")])

    assert ReplyChunk.objects.count() == 1


def test_a_session_is_deleted_with_its_messages_but_not_while_a_reply_streams(reader, session):
    turn = begin(reader, session)

    with pytest.raises(errors.ReplyInProgress):
        sessions.delete_session(user=reader, session_id=session.id)
    finish(turn)
    sessions.delete_session(user=reader, session_id=session.id)

    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_equal_requests_in_parallel_one_turn_comes(reader, session, priced_model):
    ask = partial(begin, reader, session, client_message_id=uuid.uuid4())

    turns = run_together([ask] * 8)

    assert len({turn.message_id for turn in turns}) == 1
    assert sum(turn.created for turn in turns) == 1
    assert Hold.objects.count() == 1
    assert session.messages.count() == 2
