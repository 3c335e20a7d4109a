"""Other versions of a reply are asked for over HTTP as questions are; a process without replies says so."""

import time
import uuid

import httpx2 as httpx
import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from accounts.models import User
from accounts.tokens import issue_tokens
from billing.models import Hold
from chat.models import Message, ModerationRecord, SensitiveWord
from chat.moderation.current_words import LOOK_SECONDS
from chat.services.sessions import create_session
from chat.tests.http_client import Http, events, text_of
from chat.tests.served import LONG, QUESTION, Served, books_agree
from chat.tests.talking import Talk
from guoxue.tests.scripted_model import ANSWER, Pause, Refuse, Say, Usage, spoken
from guoxue.tests.scripted_wechat import Answer

pytestmark = pytest.mark.django_db(transaction=True)

BEGUN = "学而时习之，"
REST = "不亦说乎？"


@pytest.fixture
def broken(talk: Talk) -> Message:
    """A reply that its reader has stopped."""
    return talk.stop(QUESTION, BEGUN)


@pytest.fixture(params=["regenerate", "continue"])
def door(request: pytest.FixtureRequest, served: Served, reader: User, broken: Message) -> Http:
    """Either address of a reply that broke off."""
    return Http(served, reader, f"messages/{broken.id}/{request.param}")


@pytest.fixture
def regenerate(served: Served, reader: User, broken: Message) -> Http:
    return Http(served, reader, f"messages/{broken.id}/regenerate")


@pytest.fixture
def go_on(served: Served, reader: User, broken: Message) -> Http:
    return Http(served, reader, f"messages/{broken.id}/continue")


def versions() -> int:
    return Message.objects.filter(author="assistant").count()


def test_reply_is_written_anew_and_the_earlier_one_stays(regenerate, broken, scripted_model):
    response = regenerate.ask()

    assert response.status_code == 201
    reply = Message.objects.get(id=response.json()["message_id"])
    assert (response.json()["status"], response.json()["message"]) == ("completed", ANSWER)
    assert (reply.reply_to, reply.continues) == (broken.reply_to, None)
    assert Message.objects.get(id=broken.id).text == BEGUN
    assert books_agree()


def test_reply_is_written_on_in_a_version_of_its_own(go_on, broken, scripted_model):
    scripted_model.script = [Say(REST), Usage(10, 5)]

    response = go_on.ask()

    assert response.status_code == 201
    assert response.json()["message"] == BEGUN + REST
    assert Message.objects.get(id=response.json()["message_id"]).continues == broken
    assert scripted_model.requests[0]["messages"][-2] == {"role": "assistant", "content": BEGUN}
    assert books_agree()


def test_events_of_a_continuation_begin_with_what_was_written(go_on, scripted_model):
    scripted_model.script = [Say(REST), Usage(10, 5)]

    with go_on.stream() as response:
        received = list(events(response))

    assert (received[0][1], received[-1][1]) == ("accepted", "ai_response")
    deltas = [data for _, kind, data in received if kind == "delta"]
    assert deltas[0]["text"] == BEGUN
    assert text_of(received) == received[-1][2]["message"] == BEGUN + REST


def test_events_that_were_cut_go_on_after_the_last_one(door, scripted_model):
    scripted_model.script = spoken(LONG, size=5, pause=0.03)
    client_message_id = uuid.uuid4()
    seen = []
    with door.stream(client_message_id) as response:
        for event in events(response):
            seen.append(event)
            if len(text_of(seen)) > 30:
                break
    last = seen[-1][0]

    with door.stream(client_message_id, **{"Last-Event-ID": last}) as response:
        rest = list(events(response))

    assert next(number for number, kind, _ in rest if kind == "delta") == str(int(last) + 1)
    assert text_of(seen) + text_of(rest) == rest[-1][2]["message"]
    assert rest[-1][2]["message"].endswith(LONG)
    assert len(scripted_model.requests) == 1


def test_same_request_again_buys_nothing_and_gets_the_same_version(door, scripted_model):
    client_message_id = uuid.uuid4()

    first, again = door.ask(client_message_id), door.ask(client_message_id)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert (versions(), Hold.objects.count(), len(scripted_model.requests)) == (2, 2, 1)


def test_id_of_another_version_is_a_conflict(served, reader, broken, regenerate, go_on, scripted_model):
    client_message_id = uuid.uuid4()
    regenerate.ask(client_message_id)

    response = go_on.ask(client_message_id)

    assert (response.status_code, response.json()["error"]["code"]) == (409, "client_message_id_reused")
    assert versions() == 2


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"client_message_id": "x"}, {}, 400, "invalid_input"),
        ({}, {"Last-Event-ID": "-1"}, 400, "invalid_input"),
        ({}, {"Authorization": ""}, 401, "not_authenticated"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_status(door, accept, body, headers, status, code):
    response = httpx.post(
        door.url, json=door.body() | body, headers={**door.headers, "Accept": accept, **headers}
    )

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert versions() == 1


def test_reply_of_another_reader_is_not_found(door, stranger, served):
    path = door.url.partition("/api/v1/")[2]

    response = Http(served, stranger, path).ask()

    assert (response.status_code, response.json()["error"]["code"]) == (404, "message_not_found")
    assert versions() == 1


@pytest.mark.parametrize("action", ["regenerate", "continue"])
def test_question_has_no_versions_of_its_own_here(served, reader, broken, action):
    response = Http(served, reader, f"messages/{broken.reply_to_id}/{action}").ask()

    assert (response.status_code, response.json()["error"]["code"]) == (404, "message_not_found")


def test_while_a_reply_streams_no_version_begins(door, talk, broken):
    talk.leave_streaming("又问")

    response = door.ask()

    assert (response.status_code, response.json()["error"]["code"]) == (409, "reply_in_progress")
    assert (versions(), Hold.objects.count()) == (2, 2)


def test_reply_that_is_complete_is_not_written_on(served, reader, talk):
    complete = talk.ask(QUESTION)

    response = Http(served, reader, f"messages/{complete.id}/continue").ask()

    assert (response.status_code, response.json()["error"]["code"]) == (409, "not_continuable")
    assert versions() == 1


def test_version_that_moderation_takes_back_is_told_and_free(regenerate, scripted_model):
    SensitiveWord.objects.create(word="代办毕业证书", action="block")
    time.sleep(LOOK_SECONDS + 0.2)
    scripted_model.script = [Say(LONG), Pause(0.1), Say("代办毕业证书，详询。"), Usage(10, 200)]

    with regenerate.stream() as response:
        received = list(events(response))

    assert [kind for _, kind, _ in received][-2:] == ["retract", "ai_response"]
    final = received[-1][2]
    assert (final["status"], final["message"], final["cost_micros"]) == ("failed", "", 0)
    assert final["error"]["code"] == "reply_retracted"
    assert ModerationRecord.objects.get().message_id == uuid.UUID(final["message_id"])


def test_version_that_fails_is_told_in_the_answer(door, scripted_model):
    scripted_model.script = [Refuse(400)]

    response = door.ask()

    assert (response.status_code, response.json()["status"]) == (201, "failed")
    assert response.json()["error"]["code"] == "model_rejected"


def test_busy_model_refuses_with_the_time_to_wait(scripted_model, reader, broken, transactional_db):
    limits = {"LLM_MAX_STREAMS": "1", "LLM_QUEUE_LIMIT": "0"}
    served = Served(LLM_BASE_URL=scripted_model.base_url, LLM_API_KEY="scripted", **limits).start()
    other, third = create_session(user=reader), create_session(user=reader)
    scripted_model.script = [Say("学"), Pause(20)]
    doors = [Http(served, reader, f"messages/{broken.id}/{action}") for action in ("regenerate", "continue")]
    doors.append(Http.of_session(served, reader, third.id))
    try:
        with Http.of_session(served, reader, other.id).stream() as busy:
            next(kind for _, kind, _ in events(busy) if kind == "delta")
            before = Message.objects.count()
            responses = [
                httpx.post(door.url, json=door.body(), headers={**door.headers, "Accept": accept})
                for door in doors
                for accept in ("application/json", "text/event-stream")
            ]
    finally:
        served.kill()

    assert {response.status_code for response in responses} == {503}
    assert {response.json()["error"]["code"] for response in responses} == {"service_saturated"}
    assert {response.headers["Retry-After"] for response in responses} == {"15"}
    assert Message.objects.count() == before


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_moderator_that_does_not_answer_refuses_with_the_time_to_wait(
    settings, reader, session, wechat, accept
):
    settings.MODERATION_INPUT_FAILS_OPEN = False
    wechat.faults = [Answer({"errcode": -1, "errmsg": "system error"})] * 9
    headers = {"Authorization": f"Bearer {issue_tokens(reader).access}", "Accept": accept}
    body = {"message": QUESTION, "client_message_id": str(uuid.uuid4())}

    response = async_to_sync(AsyncClient().post)(
        f"/api/v1/sessions/{session.id}/messages", body, content_type="application/json", headers=headers
    )

    assert (response.status_code, response.json()["error"]["code"]) == (503, "moderation_unavailable")
    assert response.headers["Retry-After"] == "30"
    assert not Message.objects.exists()


def test_process_that_serves_rest_only_says_so(client_of, reader, broken):
    client = client_of(reader)
    addresses = [f"messages/{broken.id}/regenerate", f"messages/{broken.id}/continue"]
    addresses.append(f"sessions/{broken.session_id}/messages")

    responses = [client.post(f"/api/v1/{address}", {"message": "问"}) for address in addresses]

    assert {response.status_code for response in responses} == {503}
    assert {response.json()["error"]["code"] for response in responses} == {"replies_written_elsewhere"}
    assert versions() == 1


@pytest.mark.parametrize("action", ["regenerate", "continue"])
def test_version_is_only_posted_for(served, reader, broken, action):
    door = Http(served, reader, f"messages/{broken.id}/{action}")

    response = httpx.get(door.url, headers=door.headers)

    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")
