"""Readers search their own conversations, whatever the script; the index answers, whoever else has a million messages."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from chat.models import Message
from chat.models.folded_text import fold_for_search, folded_places
from chat.searching import SNIPPET_CHARACTERS, matched_spans, search_words, snippet, titled_sessions
from chat.services.sessions import create_session, rename_session
from guoxue.errors import InvalidInput


@pytest.fixture
def search(reader, client_of):
    def search(query: str, **more: object) -> dict:
        return client_of(reader).get("/api/v1/messages", {"q": query, **more}).json()

    return search


def found(page: dict) -> list[str]:
    return [hit["snippet"] for hit in page["results"]]


@pytest.mark.parametrize(
    "query", ["学而时习", "學而時習", "學而，時習！", "而时", "习", "  学而 论语 ", "論語 GPT"]
)
def test_question_and_reply_are_found_whatever_the_script(talk, search, query):
    talk.ask("无关的话", "也无关")
    talk.ask("「學而時習」之说见《论语》，gpt 怎么讲？", "好")

    assert found(search(query)) == ["「學而時習」之说见《论语》，gpt 怎么讲？"]


def test_every_word_must_be_there(talk, search):
    talk.ask("学而时习")

    assert found(search("学而 不思")) == []


def test_hit_names_its_place_and_the_spans_that_match(talk, search, session):
    reply = talk.ask("甲", "子曰：學而時習之，學而不厭。")

    (hit,) = search("学而")["results"]

    assert (hit["message_id"], hit["session_id"]) == (str(reply.id), str(session.id))
    assert (hit["session_title"], hit["author"], hit["role_name"]) == ("甲", "assistant", "国学大师")
    assert hit["matched"] == [[3, 5], [9, 11]]


def test_messages_of_other_branches_are_found_too(talk, search):
    first = talk.ask("甲", "答曰其一")
    talk.regenerate(first, "答曰其二")

    assert found(search("答曰")) == ["答曰其二", "答曰其一"]


def test_nobody_finds_what_somebody_else_said(talk, client_of, stranger):
    talk.ask("学而时习")

    assert client_of(stranger).get("/api/v1/messages?q=学而").json()["results"] == []


def test_blocked_messages_are_not_found(talk, search):
    reply = talk.ask("甲", "不当的话")
    Message.objects.filter(id=reply.id).update(flag="blocked")

    assert found(search("不当")) == []


def test_hits_come_newest_first_by_cursor(talk, search, client_of, reader):
    for number in range(3):
        talk.ask(f"学而{number}", "。")

    first = search("学而", limit=2)
    second = client_of(reader).get(first["next"]).json()

    assert found(first) + found(second) == ["学而2", "学而1", "学而0"]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["", "，。", "   ", "长" * 101])
def test_query_without_a_word_or_too_long_is_refused(search, query):
    assert search(query)["error"]["fields"].keys() == {"q"}


def test_page_of_hits_takes_one_statement(talk, search, django_assert_num_queries):
    for number in range(5):
        talk.ask(f"学而{number}", "。")

    with django_assert_num_queries(1):
        search("学而")


def test_words_are_folded_once_each():
    assert search_words("學而 学而 GPT，") == ["学而", "gpt"]
    with pytest.raises(InvalidInput):
        search_words("！？")


@pytest.mark.parametrize("text", ["「學而」Straße İs ＡＢ", "", "。", "𠀀學"])
def test_each_folded_character_has_its_place(text):
    folded, places = fold_for_search(text), folded_places(text)

    assert len(folded) == len(places)
    assert places == sorted(places)


def test_spans_go_across_punctuation_and_never_overlap():
    assert matched_spans("学而，时习。學而時", ["学而时", "而时习"]) == [(0, 5), (6, 9)]


def test_snippet_of_a_long_text_shows_the_first_match():
    text, spans = snippet("前" * 500 + "学而" + "后" * 500, ["学而"])

    assert len(text) == SNIPPET_CHARACTERS
    assert [text[start:stop] for start, stop in spans] == ["学而"]


def test_sessions_are_found_by_title_whatever_the_script(reader, session, client_of):
    rename_session(user=reader, session_id=session.id, title="讀《論語》")
    create_session(user=reader)

    answer = client_of(reader).get("/api/v1/sessions?q=论语").json()

    assert [row["title"] for row in answer["results"]] == ["讀《論語》"]
    assert titled_sessions(reader, ["论语", "孟子"]) == []


# As in a table of a million messages: most belong to others, and everybody speaks of 学.
CROWD = """
    INSERT INTO chat_message (id, session_id, author, status, text, folded, html, model, reasoning, suggestions,
        flag, sources, quotes, prompt_tokens, input_tokens, cached_input_tokens, output_tokens, usage_estimated,
        cost_micros, error_code, error_message, created_at)
    SELECT gen_random_uuid(), %s, 'reader', 'completed', 'x',
        '学而' || chr(20000 + n %% 5000) || chr(25000 + n * 7 %% 5000) || repeat('之乎者也', 20), '', '', '', '[]', '',
        '[]', '[]', 0, 0, 0, 0, false, 0, '', '', now() - n * interval '1 minute'
    FROM generate_series(1, %s) AS n
"""


@pytest.fixture
def crowd(reader, session, stranger):
    """20 000 messages of a stranger, 3 000 of the reader."""
    with connection.cursor() as cursor:
        cursor.execute(CROWD, [create_session(user=stranger).id, 20_000])
        cursor.execute(CROWD, [session.id, 3_000])
        cursor.execute("ANALYZE chat_message")


@pytest.mark.parametrize(
    ("words", "index"),
    [
        (["夫子"], "message_search"),
        (["夫子之道"], "message_search"),
        (["学而"], "message_by_owner"),
        (["学"], "message_by_owner"),
    ],
)
def test_rare_words_are_looked_up_and_common_ones_met_on_the_way(reader, crowd, words, index):
    hits = Message.objects.owned_by(reader).mentioning(words).order_by("-created_at")[:21]

    plan = hits.explain()

    assert index in plan
    assert "Seq Scan" not in plan


def test_message_belongs_to_whom_its_session_belongs_to(talk, reader):
    reply = talk.ask("甲")

    assert set(Message.objects.values_list("owner", flat=True)) == {reader.id}
    reply.owner_id = None
    reply.save()
    assert Message.objects.get(id=reply.id).owner == reader


def test_messages_are_folded_anew_after_the_rules_have_changed(talk, search, session, monkeypatch):
    for number in range(3):
        talk.ask(f"学而{number}", "。")
    kept = Message.objects.filter(text="学而1").get()
    Message.objects.exclude(id=kept.id).update(folded="旧")
    monkeypatch.setattr("chat.services.folding.refold_messages.__kwdefaults__", {"limit": 2})
    out = StringIO()

    call_command("refold_messages", stdout=out)

    assert found(search("学而")) == ["学而2", "学而1", "学而0"]
    assert "5 条消息" in out.getvalue()
