"""How a reader sees what is remembered beyond the window, and has it forgotten."""

import pytest

from chat import aftercare
from chat.models import BackgroundCall, ConversationSummary, Message
from chat.services.memory import erase_summary
from chat.tests.remembering import context_of, summary_of, told
from guoxue import llm
from guoxue.tests.scripted_model import spoken


def test_erased_summary_is_not_told_and_its_turns_do_not_come_back(say, talk, summariser, session, reader):
    for n in range(1, 4):
        say(f"问{n}")

    erase_summary(user=reader, session_id=session.id)

    assert context_of(talk).summary == ""
    assert summary_of(session).text == ""
    summariser.script = spoken("此后的提要。")
    say("问4")
    assert "问1" not in told(summariser) and "提要一。" not in told(summariser)
    assert "问2" in told(summariser)
    assert summary_of(session).text == "此后的提要。"


def test_what_was_erased_does_not_come_back_on_another_branch(say, talk, summariser, session, reader):
    for n in range(1, 6):
        say(f"问{n}")
    erase_summary(user=reader, session_id=session.id)

    say("改3", edit_of=Message.objects.get(author="reader", text="问3"))
    say("改4")
    say("改5")

    assert "改3" in told(summariser)
    assert "问1" not in told(summariser) and "问2" not in told(summariser)


def test_erasing_twice_or_where_nothing_is_changes_nothing(say, session, reader):
    erase_summary(user=reader, session_id=session.id)
    assert not ConversationSummary.objects.exists()

    for n in range(1, 4):
        say(f"问{n}")
    erase_summary(user=reader, session_id=session.id)
    first = summary_of(session).erased_until
    erase_summary(user=reader, session_id=session.id)

    assert summary_of(session).erased_until == first


@pytest.mark.parametrize("turns", [3, 4])
def test_summary_that_is_erased_while_the_next_is_written_stays_erased(
    say, talk, session, reader, monkeypatch, turns
):
    for n in range(1, turns):
        say(f"问{n}")
    complete = llm.complete

    def erase_meanwhile(**request):
        completion = complete(**request)
        erase_summary(user=reader, session_id=session.id)
        return completion

    monkeypatch.setattr(aftercare.llm, "complete", erase_meanwhile)
    say(f"问{turns}")

    assert summary_of(session).text == ""
    assert BackgroundCall.objects.count() == turns - 2


def test_reader_sees_the_summary_and_whether_it_is_in_use(say, talk, session, reader, client_of):
    address = f"/api/v1/sessions/{session.id}/summary"
    none = client_of(reader).get(address).json()
    for n in range(1, 4):
        say(f"问{n}")
    shown = client_of(reader).get(address).json()
    session.role.memory_turns = 0
    session.role.save()
    unasked = client_of(reader).get(address).json()
    session.role.memory_turns = 2
    session.role.save()
    talk.ask("改1", edit_of=Message.objects.get(author="reader", text="问1"))
    aside = client_of(reader).get(address).json()

    assert none == {
        **{"text": "", "is_in_use": False, "covers": None, "updated_at": None},
        **{"ai_generated": True, "label": ""},
    }
    assert (shown["text"], shown["is_in_use"], shown["label"]) == (
        "提要一。",
        True,
        "内容由 AI 生成，请对照原典",
    )
    assert shown["covers"] == str(Message.objects.get(text="答问1").id)
    assert aside == unasked == {**shown, "is_in_use": False}


def test_reader_has_the_summary_erased(say, talk, session, reader, client_of):
    address = f"/api/v1/sessions/{session.id}/summary"
    for n in range(1, 4):
        say(f"问{n}")

    answer = client_of(reader).delete(address)

    assert answer.status_code == 204
    assert client_of(reader).get(address).json()["text"] == ""
    assert context_of(talk).summary == ""
