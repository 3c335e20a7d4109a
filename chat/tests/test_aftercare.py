"""What happens after a reply: titles, suggestions, summaries, each asked for once and paid by us."""

import json
import threading
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from billing.models import Hold, Wallet
from chat import aftercare, tasks
from chat.aftercare import look_after
from chat.models import Aftercare, BackgroundCall, ConversationSummary, Message, ModerationRecord, Session
from chat.services.aftercare import MAX_ATTEMPTS, claim_aftercare
from chat.services.sessions import clear_session, delete_session, rename_session
from guoxue import llm
from guoxue.tests.racing import run_together
from guoxue.tests.scripted_model import Pause, Raw, Refuse, Say, Think, Usage, Wait, spoken

WORDS = "标题：学与思\n追问：何谓罔？\n追问：何谓殆？\n追问：孔子还怎样说学？"


@pytest.fixture
def background(settings, scripted_model, priced_model):
    """A model behind the scenes; titles and suggestions only, until a test wants summaries."""
    settings.LLM_BASE_URL = scripted_model.base_url
    settings.CONVERSATION_SUMMARIES = False
    scripted_model.script = spoken(WORDS)
    return scripted_model


def after(reply: Message) -> list:
    return [frame for _, frame in look_after(reply.id)]


def asked(model, place: int = -1) -> str:
    return model.requests[place]["messages"][-1]["content"]


def state(session: Session) -> tuple:
    return Session.objects.values_list("title", "title_source").get(id=session.id)


def test_first_completed_reply_gets_a_title_and_suggestions_by_one_call(talk, background, session):
    reply = talk.ask("「学而不思则罔」出自哪里？", "出自《论语》。")

    sent = after(reply)

    assert state(session) == ("学与思", "model")
    reply.refresh_from_db()
    assert reply.suggestions == ["何谓罔？", "何谓殆？", "孔子还怎样说学？"]
    assert [(frame["type"], frame["data"]) for frame in sent] == [
        ("title", {"session_id": str(session.id), "title": "学与思"}),
        ("suggestions", {"message_id": str(reply.id), "suggestions": reply.suggestions}),
    ]
    assert len(background.requests) == 1
    assert "出自《论语》。" in asked(background)
    assert not Aftercare.objects.exists()


def test_later_replies_get_suggestions_and_no_title(talk, background, session):
    after(talk.ask("一问"))
    second = talk.ask("二问")
    background.script = spoken("标题：又一个\n追问：何谓学？")

    sent = after(second)

    assert state(session) == ("学与思", "model")
    assert [frame["type"] for frame in sent] == ["suggestions"]
    assert "标题" not in background.requests[-1]["messages"][0]["content"]
    assert list(BackgroundCall.objects.order_by("id").values_list("purpose", flat=True)) == [
        "title",
        "suggestions",
    ]


def test_call_behind_the_scenes_is_recorded_at_its_price_and_not_charged_to_the_reader(
    talk, background, session, reader
):
    background.script = [Say(WORDS), Usage(prompt=1000, completion=40, cached=600)]
    reply = talk.ask("一问")
    before = Wallet.objects.filter(user=reader).values().get()

    after(reply)

    call = BackgroundCall.objects.get()
    assert (call.purpose, call.session, call.model) == ("title", session, "deepseek-chat")
    assert (call.input_tokens, call.cached_input_tokens, call.output_tokens) == (1000, 600, 40)
    assert call.cost_micros == 400 * 2 + 600 // 5 + 40 * 3
    assert Wallet.objects.filter(user=reader).values().get() == before
    assert Hold.objects.count() == 1


def test_usage_that_the_provider_does_not_count_is_estimated(talk, background):
    stop = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    background.script = [Say(WORDS), Raw(f"data: {json.dumps(stop)}\n\n")]

    after(talk.ask("一问"))

    call = BackgroundCall.objects.get()
    assert call.output_tokens == llm.estimate_tokens(WORDS)
    assert call.input_tokens > 100


def test_readers_own_title_is_never_overwritten(talk, background, session, reader):
    reply = talk.ask("一问")
    rename_session(user=reader, session_id=session.id, title="我的标题")

    sent = after(reply)

    assert state(session) == ("我的标题", "reader")
    assert [frame["type"] for frame in sent] == ["suggestions"]
    assert "标题" not in background.requests[0]["messages"][0]["content"]


def test_title_that_the_reader_sets_while_the_model_writes_one_stays(
    talk, background, session, reader, monkeypatch
):
    reply = talk.ask("一问")
    complete = llm.complete

    def rename_meanwhile(**request):
        completion = complete(**request)
        rename_session(user=reader, session_id=session.id, title="我的标题")
        return completion

    monkeypatch.setattr(aftercare.llm, "complete", rename_meanwhile)

    sent = after(reply)

    assert state(session) == ("我的标题", "reader")
    assert [frame["type"] for frame in sent] == ["suggestions"]


@pytest.mark.parametrize("ending", ["stopped", "interrupted"])
def test_reply_that_broke_off_gets_neither_title_nor_suggestions(talk, background, session, ending):
    reply = talk.leave_streaming("一问")
    talk.answer_streaming(reply, "写到一半", ending)

    assert after(reply) == []
    assert state(session) == ("一问", "question")
    assert background.requests == []


@pytest.mark.parametrize(("text", "ending"), [("写到一半", "failed"), ("", "stopped")])
def test_nothing_is_left_to_do_for_a_reply_that_failed_or_is_empty(talk, background, text, ending):
    reply = talk.leave_streaming("一问")
    talk.answer_streaming(reply, text, ending)

    assert not Aftercare.objects.exists()


def test_blocked_reply_is_not_shown_to_the_model(talk, background):
    reply = talk.leave_streaming("一问")
    Message.objects.filter(id=reply.id).update(flag="blocked")
    talk.answer_streaming(reply, "不该有的话", "completed")

    assert not Aftercare.objects.exists()


def test_offline_model_makes_no_call_behind_the_scenes(talk, session):
    reply = talk.ask("一问")

    assert reply.model == llm.OFFLINE_MODEL
    assert not Aftercare.objects.exists()
    assert after(reply) == []
    assert state(session) == ("一问", "question")


def test_nothing_is_asked_once_no_model_is_left(talk, background, settings):
    reply = talk.ask("一问")
    settings.LLM_API_KEY = ""

    assert after(reply) == []
    assert background.requests == []
    assert not Aftercare.objects.exists()


def test_each_purpose_can_be_switched_off(talk, background, settings, session):
    settings.SESSION_TITLES = False
    after(talk.ask("一问"))
    settings.REPLY_SUGGESTIONS = False
    talk.ask("二问")

    assert state(session) == ("一问", "question")
    assert BackgroundCall.objects.get().purpose == "suggestions"
    assert not Aftercare.objects.exists()


def test_model_for_the_work_behind_the_scenes_is_a_setting(talk, background, settings):
    settings.BACKGROUND_MODEL = "deepseek-small"

    after(talk.ask("一问"))

    assert background.requests[0]["model"] == "deepseek-small"
    assert BackgroundCall.objects.get().cost_micros == 0


def test_what_the_words_block_is_not_kept_and_leaves_a_record(talk, background, session):
    background.script = spoken("标题：出售 冰毒\n追问：哪里出售冰毒？\n追问：何谓学？")
    reply = talk.ask("一问")

    sent = after(reply)

    reply.refresh_from_db()
    assert (state(session), reply.suggestions) == (("一问", "question"), ["何谓学？"])
    assert [frame["type"] for frame in sent] == ["suggestions"]
    records = ModerationRecord.objects.order_by("id").values_list("direction", "verdict", "label")
    assert list(records) == [("title", "risky", "出售冰毒"), ("output", "risky", "出售冰毒")]


def test_reply_that_the_reader_has_left_behind_gets_no_suggestions(talk, background):
    first = talk.ask("一问")
    talk.ask("二问")

    sent = after(first)

    assert "追问" not in background.requests[0]["messages"][0]["content"]
    assert [frame["type"] for frame in sent] == ["title"]


@pytest.mark.django_db(transaction=True)
def test_task_that_runs_many_times_at_once_asks_the_model_once(talk, background, session):
    reply = talk.ask("一问")
    gate = threading.Event()
    background.script = [Wait(gate), *spoken(WORDS)]
    threading.Timer(0.5, gate.set).start()

    results = run_together([partial(after, reply)] * 6)

    assert sorted(map(len, results)) == [0, 0, 0, 0, 0, 2]
    assert len(background.requests) == 1
    assert BackgroundCall.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_the_same_task_would_ask_many_times(talk, background, monkeypatch):
    reply = talk.ask("一问")
    claim = claim_aftercare(reply_id=reply.id)
    monkeypatch.setattr(aftercare, "claim_aftercare", lambda reply_id: claim)

    run_together([partial(after, reply)] * 4)

    assert len(background.requests) == 4


def test_task_that_runs_again_does_nothing(talk, background, session):
    reply = talk.ask("一问")
    after(reply)

    assert after(reply) == []
    assert len(background.requests) == 1


def test_replies_of_a_session_are_looked_after_one_at_a_time(talk, background):
    first, second = talk.ask("一问"), talk.ask("二问")
    claim = claim_aftercare(reply_id=first.id)

    assert claim is not None
    assert after(second) == []
    assert background.requests == []
    assert Aftercare.objects.filter(reply=second, attempts=0).exists()


def test_what_a_dead_worker_had_claimed_is_taken_up_when_its_time_is_over(talk, background, session):
    reply = talk.ask("一问")
    claim_aftercare(reply_id=reply.id)
    make_due()

    after(reply)

    assert state(session) == ("学与思", "model")


def test_worker_that_comes_back_after_its_time_writes_nothing(talk, background, session, monkeypatch):
    reply = talk.ask("一问")
    complete = llm.complete

    def lose_the_claim(**request):
        make_due()
        claim_aftercare(reply_id=reply.id)
        return complete(**request)

    monkeypatch.setattr(aftercare.llm, "complete", lose_the_claim)

    assert after(reply) == []
    assert state(session) == ("一问", "question")
    assert Aftercare.objects.filter(reply=reply, answered=[]).exists()
    assert BackgroundCall.objects.count() == 1


@pytest.mark.parametrize("undo", [clear_session, delete_session])
def test_nothing_is_written_of_what_the_reader_deletes_meanwhile(
    talk, background, session, reader, monkeypatch, undo
):
    reply = talk.ask("一问")
    complete = llm.complete

    def delete_meanwhile(**request):
        completion = complete(**request)
        undo(user=reader, session_id=session.id)
        return completion

    monkeypatch.setattr(aftercare.llm, "complete", delete_meanwhile)

    assert after(reply) == []
    assert not Session.objects.exclude(title="").exists()
    assert not Aftercare.objects.exists()
    assert BackgroundCall.objects.count() == 1


def test_provider_that_is_down_is_asked_again_a_few_times_and_then_left_alone(talk, background, session):
    reply = talk.ask("一问")
    background.script = [Refuse(401)]

    for _ in range(MAX_ATTEMPTS + 2):
        assert after(reply) == []
        make_due()

    assert len(background.requests) == MAX_ATTEMPTS
    assert state(session) == ("一问", "question")
    assert not Aftercare.objects.exists()
    assert not BackgroundCall.objects.exists()


def test_failed_call_succeeds_later(talk, background, session):
    reply = talk.ask("一问")
    background.queue = [[Refuse(401)]]
    after(reply)

    assert after(reply) == []  # not before the pause is over
    make_due()
    after(reply)

    assert state(session) == ("学与思", "model")


def test_after_a_failure_only_what_failed_is_asked_for_again(talk, background, settings, session):
    settings.CONVERSATION_SUMMARIES = True
    session.role.memory_turns = 1
    session.role.save()
    talk.ask("一问")
    reply = talk.ask("二问")
    background.queue = [spoken("追问：何谓学？"), [Refuse(401)], spoken("提要。")]

    after(reply)
    make_due()
    after(reply)

    purposes = list(BackgroundCall.objects.order_by("id").values_list("purpose", flat=True))
    assert purposes == ["suggestions", "summary"]
    assert len(background.requests) == 3
    assert ConversationSummary.objects.get(session=session).text == "提要。"


@pytest.mark.parametrize("script", [[Refuse(400)], [Think("想"), Usage(10, 0)]])
def test_what_the_provider_will_not_answer_is_not_asked_again(talk, background, session, script):
    reply = talk.ask("一问")
    background.script = script

    assert after(reply) == []
    assert len(background.requests) == 1
    assert not Aftercare.objects.exists()


def test_call_that_takes_too_long_is_given_up_for_later(talk, background, monkeypatch, caplog):
    reply = talk.ask("一问")
    monkeypatch.setattr(aftercare, "CALL_SECONDS", 0.2)
    background.script = [step for _ in range(50) for step in (Say("标"), Pause(0.1))]

    assert after(reply) == []
    assert f"reply {reply.id} failed: model_timeout" in caplog.text
    assert Aftercare.objects.filter(reply=reply, claim=None, attempts=1).exists()


def test_sweep_enqueues_what_was_left_and_leaves_alone_what_somebody_is_at(talk, background, monkeypatch):
    enqueued = []
    monkeypatch.setattr(tasks.after_reply, "apply_async", lambda args, **options: enqueued.append(args))
    lost, claimed, fresh = talk.ask("一问"), talk.ask("二问"), talk.ask("三问")
    Aftercare.objects.filter(reply=lost).update(due_at=timezone.now() - timedelta(minutes=1))
    Aftercare.objects.filter(reply=claimed).update(due_at=timezone.now() + timedelta(minutes=1))

    assert tasks.sweep_aftercare() == 1
    assert enqueued == [(str(lost.id),)]
    assert Aftercare.objects.filter(reply=fresh).exists()


def make_due() -> None:
    Aftercare.objects.update(due_at=timezone.now() - timedelta(seconds=1))
