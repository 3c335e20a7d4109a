"""A history is read page by page up the branch that the reader sees, each message with its versions."""

import uuid

import pytest
from django.utils.dateparse import parse_datetime

from chat import labels
from chat.models import Feedback, Message, Session
from chat.serializers.messages import MessageSerializer
from chat.services.sessions import create_session


@pytest.fixture
def read(reader, session, client_of):
    """Read a page of the session's history, by its query or by a link."""

    def read(query: str = "") -> dict:
        address = query if query.startswith("http") else f"/api/v1/sessions/{session.id}/messages{query}"
        return client_of(reader).get(address).json()

    return read


def texts(page: dict) -> list[str]:
    return [message["text"] for message in page["results"]]


def test_only_the_branch_that_the_reader_sees_is_shown(talk, read):
    first = talk.ask("一")
    talk.ask("二")
    talk.regenerate(first, "又答一")

    page = read()

    assert texts(page) == ["又答一", "一"]
    assert (page["next"], page["previous"]) == (None, None)


def test_every_message_names_its_versions_and_its_place_among_them(talk, read):
    first = talk.ask("一")
    again = talk.regenerate(first, "又答一")
    second = talk.ask("二")
    edited = talk.ask("二改", edit_of=second.reply_to)

    shown = {
        message["text"]: (message["versions"], message["version_index"]) for message in read()["results"]
    }

    assert shown == {
        "答二改": ([str(edited.id)], 0),
        "二改": ([str(second.reply_to_id), str(edited.reply_to_id)], 1),
        "又答一": ([str(first.id), str(again.id)], 1),
        "一": ([str(first.reply_to_id)], 0),
    }


def test_versions_of_a_first_question_are_those_of_its_session_only(talk, read, reader):
    first = talk.ask("一")
    edited = talk.ask("一改", edit_of=first.reply_to)
    type(talk)(reader, create_session(user=reader)).ask("别处")

    assert read()["results"][-1]["versions"] == [str(first.reply_to_id), str(edited.reply_to_id)]


def test_pages_lead_up_the_branch_and_back_down(talk, read):
    for number in range(4):
        talk.ask(f"{number}")

    newest = read("?limit=3")
    middle = read(newest["next"])
    oldest = read(middle["next"])

    assert texts(newest) == ["答3", "3", "答2"]
    assert texts(middle) == ["2", "答1", "1"]
    assert texts(oldest) == ["答0", "0"]
    assert (newest["previous"], oldest["next"]) == (None, None)
    assert texts(read(oldest["previous"])) == texts(middle)
    assert read(middle["previous"]) == newest


def test_older_page_stays_the_same_while_the_conversation_goes_on(talk, read):
    talk.ask("一")
    talk.ask("二")
    first = read("?limit=2")

    talk.ask("三")

    assert texts(read(first["next"])) == ["答一", "一"]


def test_newer_page_of_a_branch_that_was_left_is_the_newest(talk, read):
    first = talk.ask("一")
    second = talk.ask("二")
    talk.regenerate(first, "又答一")

    assert texts(read(f"?cursor=-{second.id}")) == ["又答一", "一"]


@pytest.mark.parametrize("cursor", ["x", "-", "00", "-x"])
def test_cursor_that_is_none_is_not_found(reader, client_of, session, cursor):
    response = client_of(reader).get(f"/api/v1/sessions/{session.id}/messages?cursor={cursor}")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_cursor_of_another_session_shows_nothing(talk, read, stranger):
    talk.ask("一")
    foreign = type(talk)(stranger, create_session(user=stranger)).ask("他人的")

    assert texts(read(f"?cursor={foreign.id}")) == []
    assert texts(read(f"?cursor={uuid.uuid4()}")) == []


def test_session_without_a_word_has_an_empty_history(read):
    assert read() == {"results": [], "next": None, "previous": None}


def test_reply_carries_label_content_id_feedback_and_suggestions(talk, read):
    reply = talk.ask("一")
    Feedback.objects.create(message=reply, value="down", reasons=["too_long"], comment="长")
    Message.objects.filter(id=reply.id).update(suggestions=["何谓习？"], sources=[{"n": 1, "text": "「学」"}])

    answer, question = read()["results"]

    assert answer["feedback"] == {"value": "down", "reasons": ["too_long"], "comment": "长"}
    assert (answer["suggestions"], answer["sources"]) == (["何谓习？"], [{"n": 1, "text": "「学」"}])
    assert (answer["label"], answer["content_id"]) == (labels.label_of(reply), str(reply.id))
    assert (question["label"], question["content_id"], question["ai_generated"]) == ("", "", False)
    assert parse_datetime(answer["created_at"]) == reply.created_at
    assert answer["created_at"].endswith("+08:00")


def test_text_of_a_blocked_reply_is_not_shown(talk, read):
    reply = talk.ask("一", "不当的话")
    Message.objects.filter(id=reply.id).update(
        flag="blocked", html="不当的话", reasoning="不当的话", sources=[{"text": "不当的话"}]
    )

    page = read()

    assert page["results"][0]["flag"] == "blocked"
    assert "不当的话" not in str(page)


def test_json_has_the_fields_that_the_documentation_names(talk, read):
    talk.ask("一")

    for message in read()["results"]:
        assert list(message) == list(MessageSerializer().fields)
        assert MessageSerializer(data=message).is_valid()


def test_one_message_looks_as_it_does_in_the_history(talk, read, reader, client_of):
    reply = talk.ask("一")

    assert client_of(reader).get(f"/api/v1/messages/{reply.id}").json() == read()["results"][0]


def test_history_takes_one_statement_however_long(talk, read, session, django_assert_num_queries):
    for number in range(5):
        talk.ask(f"{number}")

    with django_assert_num_queries(1):
        page = read()

    assert len(page["results"]) == 10
    assert Session.objects.get(id=session.id).leaf_id == uuid.UUID(page["results"][0]["id"])
