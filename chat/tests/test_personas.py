"""A persona's reader is told that it is an AI: before its first reply, and again after two hours without a break."""

import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx2 as httpx
import pytest

from accounts.tests.factories import make_user
from accounts.tokens import issue_tokens
from billing.errors import InsufficientCredit
from chat.models import Acquaintance, Message, Role, Session
from chat.notices import Notice
from chat.queries import final_frame, reply_progress
from chat.services.acquaintances import meet_persona
from chat.services.sessions import create_session
from chat.services.turns import begin_turn
from chat.tests.served import QUESTION, Served
from chat.tests.talking import Talk
from chat.tests.test_answering import events
from guoxue.tests.racing import meeting_after, run_together

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
FIRST, REMINDER = Message.NoticeKind.FIRST_USE, Message.NoticeKind.TWO_HOURS


@pytest.fixture
def kongzi(db) -> Role:
    return Role.objects.get(slug="kongzi")


@pytest.fixture
def talk(reader, kongzi) -> Talk:
    return Talk(reader, create_session(user=reader, role_id=kongzi.id))


def ask(reader, session: Session):
    return begin_turn(user=reader, session_id=session.id, text=QUESTION, client_message_id=uuid.uuid4())


def told(reader, role: Role, *minutes: float) -> list[tuple[float, Message.NoticeKind]]:
    """Talk with a persona so many minutes after noon; return what was said when."""
    notices = [
        (minute, meet_persona(user=reader, role=role, moment=NOON + timedelta(minutes=minute)))
        for minute in minutes
    ]
    return [(minute, notice.kind) for minute, notice in notices if notice is not None]


def let_time_pass(**by: float) -> None:
    """Move the clock: what was, was so much earlier."""
    for acquaintance in Acquaintance.objects.all():
        for column in ("noticed_at", "began_at", "last_at", "reminded_at"):
            if (moment := getattr(acquaintance, column)) is not None:
                setattr(acquaintance, column, moment - timedelta(**by))
        acquaintance.save()


def test_first_question_is_preceded_by_a_notice_and_the_next_is_not(reader, kongzi):
    assert told(reader, kongzi, 0, 1, 2) == [(0, FIRST)]


def test_a_role_that_is_no_persona_says_nothing(reader, session):
    assert told(reader, session.role, 0, 121) == []
    assert not Acquaintance.objects.exists()


def test_every_reader_and_every_persona_has_a_notice_of_its_own(reader, stranger, kongzi):
    laozi = Role.objects.get(slug="laozi")

    for who, role in ((reader, kongzi), (stranger, kongzi), (reader, laozi)):
        assert told(who, role, 0) == [(0, FIRST)]


@pytest.mark.parametrize(
    ("minutes", "reminders"),
    [
        ((0, 30, 60, 90, 119.9), []),
        ((0, 30, 60, 90, 120), [120]),
        ((0, 30, 60, 90, 120, 121, 150, 180, 210, 239.9), [120]),
        ((0, 30, 60, 90, 120, 150, 180, 210, 240), [120, 240]),
        ((0, 30, 60, 90, 115, 145, 175), [145]),
        # Exactly half an hour is no break; a moment more is one, and the two hours begin anew.
        ((0, 30, 60, 90.1, 120, 150, 180, 210, 210.2), [210.2]),
        ((0, 300, 330, 360, 390, 419.9), []),
        ((0, 300, 330, 360, 390, 420), [420]),
    ],
)
def test_a_reminder_comes_after_two_hours_without_a_break(reader, kongzi, minutes, reminders):
    assert told(reader, kongzi, *minutes) == [(0, FIRST), *((minute, REMINDER) for minute in reminders)]


def test_what_a_break_is_is_a_setting(reader, kongzi, settings):
    settings.PERSONA_BREAK = timedelta(minutes=125)

    assert told(reader, kongzi, 0, 121, 246, 247) == [(0, FIRST), (121, REMINDER), (246, REMINDER)]


def test_the_notice_belongs_to_the_reply_that_was_accepted_with_it(reader, talk, client_of):
    first = talk.ask("一")
    second = talk.ask("二")
    let_time_pass(minutes=29)
    Acquaintance.objects.update(began_at=Acquaintance.objects.get().began_at - timedelta(hours=2))
    third = talk.ask("三")

    notices = [final_frame(reply)["data"]["notice"] for reply in (first, second, third)]
    assert [notice and notice["kind"] for notice in notices] == ["first_use", None, "two_hours"]
    history = client_of(reader).get(f"/api/v1/sessions/{talk.session.id}/messages").json()["results"]
    assert [message["notice"] for message in history] == [notices[2], None, None, None, notices[0], None]
    assert notices[2] == {
        "kind": "two_hours",
        "role_name": "孔子",
        "text": "您已与「孔子」连续交谈两小时。「孔子」由人工智能扮演，不是真人；不妨歇一歇，随时可以离开。",
    }


def test_a_regenerated_reply_counts_as_use(talk):
    reply = talk.ask("一")
    let_time_pass(minutes=20)
    talk.regenerate(reply, "又答")
    let_time_pass(minutes=20)
    talk.regenerate(reply, "再答")

    known = Acquaintance.objects.get()
    assert known.began_at == known.noticed_at
    assert known.last_at - known.began_at >= timedelta(minutes=40)


def test_nobody_was_told_by_a_question_that_came_to_nothing(reader, kongzi, monkeypatch):
    session = create_session(user=reader, role_id=kongzi.id)

    def refuse(**_):
        raise InsufficientCredit

    with monkeypatch.context() as broke:
        broke.setattr("chat.services.turns.hold_credit", refuse)
        with pytest.raises(InsufficientCredit):
            ask(reader, session)
    assert not Acquaintance.objects.exists()

    assert ask(reader, session).notice == Notice(FIRST, "孔子")


def test_a_viewer_of_another_process_hears_the_notice_too(talk):
    reply = talk.leave_streaming("一")

    assert reply_progress(reply.id, 0).notice == Notice(FIRST, "孔子")
    assert reply_progress(reply.id, 1).notice is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [False, True])
def test_of_two_questions_at_once_one_is_preceded_by_a_notice(is_known):
    reader = make_user()
    role = Role.objects.get(slug="kongzi")
    sessions = [create_session(user=reader, role_id=role.id) for _ in range(4)]
    if is_known:
        told(reader, role, 0)
        Acquaintance.objects.update(
            began_at=datetime.now(UTC) - timedelta(hours=2), last_at=datetime.now(UTC) - timedelta(minutes=1)
        )

    turns = run_together([partial(ask, reader, session) for session in sessions])

    kind = REMINDER if is_known else FIRST
    notices = [turn.notice for turn in turns if turn.notice is not None]
    assert notices == [Notice(kind, "孔子")]
    assert list(Message.objects.exclude(notice="").values_list("notice", flat=True)) == [kind]


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_are_reminded(monkeypatch):
    reader = make_user()
    role = Role.objects.get(slug="kongzi")
    told(reader, role, 0, 30, 60, 90)
    unlocked = lambda user, role: Acquaintance.objects.filter(user=user, role=role).first()  # noqa: E731
    monkeypatch.setattr("chat.services.acquaintances._locked", meeting_after(unlocked, parties=2))

    two_hours = NOON + timedelta(minutes=120)
    notices = run_together([partial(meet_persona, user=reader, role=role, moment=two_hours)] * 2)

    assert [notice.kind for notice in notices] == [REMINDER, REMINDER]


@pytest.mark.django_db(transaction=True)
class TestServed:
    """The notice as clients get it: by WebSocket, by events, and in the one JSON answer."""

    @pytest.fixture
    def session(self, served: Served, reader) -> Session:
        return create_session(user=reader, role_id=Role.objects.get(slug="laozi").id)

    def test_a_frame_comes_before_the_first_delta(self, served, reader, session):
        with served.socket(reader, session.id) as client:
            client.ask(QUESTION)
            first = client.until("ai_response")
            client.ask(QUESTION)
            second = client.until("ai_response")

        kinds = [frame["type"] for frame in first]
        notice = first[kinds.index("notice")]["data"]
        assert kinds.count("notice") == 1
        assert kinds.index("accepted") < kinds.index("notice") < kinds.index("delta")
        assert (notice["kind"], notice["role_name"]) == ("first_use", "老子")
        assert notice["message_id"] == first[-1]["data"]["message_id"]
        assert notice["text"].startswith("您正在与 AI 对话：「老子」由人工智能扮演，不是真人")
        assert first[-1]["data"]["notice"] == {key: notice[key] for key in ("kind", "role_name", "text")}
        assert "notice" not in [frame["type"] for frame in second]
        assert second[-1]["data"]["notice"] is None

    def test_an_event_comes_before_the_first_delta(self, served, reader, session):
        with self._post(served, reader, session, stream=True) as response:
            received = list(events(response))

        kinds = [kind for _, kind, _ in received]
        assert kinds.count("notice") == 1
        assert kinds.index("notice") < kinds.index("delta")
        assert received[kinds.index("notice")][2]["kind"] == "first_use"

    def test_the_json_answer_has_it_also_when_it_is_asked_for_again(self, served, reader, session):
        answers = []
        client_message_id = uuid.uuid4()
        for _ in range(2):
            with self._post(served, reader, session, client_message_id=client_message_id) as response:
                response.read()
                answers.append((response.status_code, response.json()["notice"]["kind"]))

        assert answers == [(201, "first_use"), (200, "first_use")]

    def _post(self, served, reader, session, *, stream=False, client_message_id=None):
        headers = {"Authorization": f"Bearer {issue_tokens(reader).access}"}
        if stream:
            headers["Accept"] = "text/event-stream"
        body = {"message": QUESTION, "client_message_id": str(client_message_id or uuid.uuid4())}
        address = f"{served.url}/api/v1/sessions/{session.id}/messages"
        return httpx.stream("POST", address, json=body, headers=headers, timeout=30)
