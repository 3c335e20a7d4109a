"""Readers pin, rename, clear and delete their sessions, and choose the version that they see."""

import uuid

import pytest
from django.utils import timezone

from chat import errors
from chat.models import ConversationSummary, Message, SensitiveWord, Session
from chat.moderation import current_words
from chat.services import sessions
from chat.services.sessions import create_session
from chat.tests.talking import Talk


@pytest.fixture
def patch(reader, session, client_of):
    def patch(**change: object):
        return client_of(reader).patch(f"/api/v1/sessions/{session.id}", change)

    return patch


def listed(client) -> list[str]:
    return [row["id"] for row in client.get("/api/v1/sessions").json()["results"]]


def test_pinned_sessions_come_first_the_last_pinned_before_the_others(reader, client_of):
    made = [create_session(user=reader) for _ in range(4)]
    client = client_of(reader)

    for number in (0, 2):
        client.patch(f"/api/v1/sessions/{made[number].id}", {"pinned": True})

    assert listed(client) == [str(made[number].id) for number in (2, 0, 3, 1)]


def test_pages_go_across_the_pinned_ones(reader, client_of):
    made = [create_session(user=reader) for _ in range(4)]
    sessions.pin_session(user=reader, session_id=made[0].id)

    first = client_of(reader).get("/api/v1/sessions?limit=2").json()
    second = client_of(reader).get(first["next"]).json()

    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == [str(made[number].id) for number in (0, 3, 2, 1)]


def test_session_that_is_pinned_again_keeps_its_place(patch):
    first = patch(pinned=True).json()["pinned_at"]

    assert first is not None
    assert patch(pinned=True).json()["pinned_at"] == first
    assert patch(pinned=False).json()["pinned_at"] is None


def test_renamed_session_has_its_readers_title(patch):
    answer = patch(title="  读《论语》 ").json()

    assert (answer["title"], answer["title_source"]) == ("读《论语》", "reader")


def test_title_that_moderation_blocks_is_not_taken(patch, session, monkeypatch):
    SensitiveWord.objects.create(word="代办毕业证书", action="block")
    monkeypatch.setattr(current_words._current, "_look_at", 0.0)

    response = patch(title="代办毕业证书", pinned=True)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "content_blocked")
    assert "title" in response.json()["error"]["fields"]
    session.refresh_from_db()
    assert (session.title, session.pinned_at) == ("", None)


@pytest.mark.parametrize(
    "change", [{"title": "新名", "pinned": "也许"}, {"title": "长" * 101, "pinned": True}]
)
def test_change_that_is_refused_in_part_is_refused_whole(patch, session, change):
    response = patch(**change)

    assert response.status_code == 400
    session.refresh_from_db()
    assert (session.title, session.pinned_at) == ("", None)


def test_list_of_sessions_takes_one_statement(reader, client_of, django_assert_num_queries):
    for _ in range(3):
        create_session(user=reader)

    with django_assert_num_queries(1):
        assert len(listed(client_of(reader))) == 3


def test_chosen_version_is_shown_with_the_newest_branch_below_it(talk, reader, client_of, session):
    first = talk.ask("一")
    second = talk.ask("二")
    talk.regenerate(first, "又答一")

    answer = client_of(reader).put(f"/api/v1/sessions/{session.id}/branch", {"message_id": str(first.id)})

    session.refresh_from_db()
    assert answer.json()["leaf_id"] == str(second.id) == str(session.leaf_id)
    assert talk.shown() == ["一", "答一", "二", "答二"]


def test_question_may_be_chosen_too(talk, reader, session):
    first = talk.ask("一")
    edited = talk.ask("一改", edit_of=first.reply_to)

    sessions.choose_version(user=reader, session_id=session.id, message_id=first.reply_to_id)

    session.refresh_from_db()
    assert (session.leaf_id, edited.id == session.leaf_id) == (first.id, False)


def test_message_of_another_session_cannot_be_chosen(talk, reader, session):
    own = talk.ask("一")
    other = Talk(reader, create_session(user=reader)).ask("别处")

    for message_id in (other.id, uuid.uuid4()):
        with pytest.raises(errors.MessageNotFound):
            sessions.choose_version(user=reader, session_id=session.id, message_id=message_id)

    session.refresh_from_db()
    assert session.leaf_id == own.id


def test_cleared_session_stays_without_messages_summary_and_the_title_made_of_them(talk, reader, session):
    reply = talk.ask("一")
    ConversationSummary.objects.create(session=session, covers=reply, text="概要", model="m")

    sessions.clear_session(user=reader, session_id=session.id)

    session.refresh_from_db()
    assert (session.title, session.leaf) == ("", None)
    assert not Message.objects.exists()
    assert not ConversationSummary.objects.exists()
    assert talk.ask("二").reply_to.parent is None


def test_cleared_session_keeps_the_title_that_its_reader_gave(talk, reader, session):
    talk.ask("一")
    sessions.rename_session(user=reader, session_id=session.id, title="我的")

    sessions.clear_session(user=reader, session_id=session.id)

    session.refresh_from_db()
    assert (session.title, session.title_source) == ("我的", "reader")


def test_session_is_not_cleared_while_a_reply_streams(talk, reader, session, client_of):
    talk.leave_streaming("一")

    response = client_of(reader).delete(f"/api/v1/sessions/{session.id}/messages")

    assert (response.status_code, response.json()["error"]["code"]) == (409, "reply_in_progress")
    assert session.messages.count() == 2


def test_all_of_ones_own_sessions_are_deleted_and_nobody_elses(
    talk, reader, stranger, client_of, monkeypatch
):
    monkeypatch.setattr(sessions, "_DELETED_AT_ONCE", 2)
    talk.ask("一")
    for _ in range(4):
        create_session(user=reader)
    foreign = create_session(user=stranger)

    answer = client_of(reader).delete("/api/v1/sessions")

    assert (answer.status_code, answer.json()) == (200, {"deleted": 5, "kept": 0})
    assert list(Session.objects.all()) == [foreign]
    assert not Message.objects.exists()


def test_nothing_is_deleted_while_a_reply_streams_in_any_session(talk, reader, client_of):
    talk.leave_streaming("一")
    create_session(user=reader)

    response = client_of(reader).delete("/api/v1/sessions")

    assert (response.status_code, response.json()["error"]["code"]) == (409, "reply_in_progress")
    assert (Session.objects.count(), Message.objects.count()) == (2, 2)


def test_reply_that_its_process_has_abandoned_keeps_no_session(talk, reader):
    reply = talk.leave_streaming("一")
    Message.objects.filter(id=reply.id).update(lease_expires_at=timezone.now())

    assert sessions.delete_sessions(user=reader) == sessions.Cleared(deleted=1, kept=0)


def test_session_in_which_a_reply_begins_meanwhile_is_kept_whole(talk, reader, session, monkeypatch):
    create_session(user=reader)
    delete_idle = sessions._delete_idle

    def delete_after_a_question(*arguments):
        talk.leave_streaming("一")
        return delete_idle(*arguments)

    monkeypatch.setattr(sessions, "_delete_idle", delete_after_a_question)

    cleared = sessions.delete_sessions(user=reader)

    assert cleared == sessions.Cleared(deleted=1, kept=1)
    assert (list(Session.objects.all()), session.messages.count()) == ([session], 2)
