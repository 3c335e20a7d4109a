import logging
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from guoxue import wechat
from guoxue.tests.racing import run_together
from guoxue.tests.scripted_wechat import (
    APP_ID,
    APP_SECRET,
    OPENID,
    RISKY_MARK,
    Answer,
    ScriptedWeChat,
)
from guoxue.wechat import TextCheck, WeChatClient


@pytest.fixture
def server() -> Iterator[ScriptedWeChat]:
    server = ScriptedWeChat()
    yield server
    server.close()


def client_of(server: ScriptedWeChat, *, secret: str = APP_SECRET, timeout: float = 3.0) -> WeChatClient:
    return WeChatClient(base_url=server.base_url, app_id=APP_ID, app_secret=secret, timeout_seconds=timeout)


def check(client: WeChatClient, content: str = "何谓仁？", openid: str = OPENID) -> TextCheck:
    return client.check_text(openid=openid, content=content, scene=2)


def test_a_text_is_judged_with_label_and_trace(server):
    assert check(client_of(server), f"一段{RISKY_MARK}文字") == TextCheck("risky", 20006, "trace-1")


def test_the_body_is_utf8_as_it_is_and_the_token_stands_in_the_query_alone(server):
    check(client_of(server), "学而时习之")

    assert "学而时习之".encode() in server.checks[0]
    assert b"token" not in server.checks[0]
    assert server.check_queries == [{"access_token": ["token-1"]}]


def test_half_a_character_is_sent_as_a_question_mark(server):
    assert check(client_of(server), "学\ud800习").suggestion == "pass"
    assert "学?习".encode() in server.checks[0]


def test_the_token_is_fetched_once_for_all_clients(server):
    for _ in range(3):
        check(client_of(server))

    assert server.token_calls == [{"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET}]


def test_processes_that_need_a_token_at_once_fetch_it_once(server):
    server.token_seconds = 0.3
    clients = [client_of(server) for _ in range(8)]

    results = run_together([lambda client=client: check(client).suggestion for client in clients])

    assert results == ["pass"] * 8
    assert len(server.token_calls) == 1


def test_a_token_that_came_between_the_look_and_the_turn_is_taken(server, monkeypatch):
    token = wechat.SharedToken("wechat:token:test", lambda: pytest.fail("fetched"), 1)
    take_turn = cache.add

    def be_late(*args):
        cache.set("wechat:token:test", "renewed", 60)
        return take_turn(*args)

    monkeypatch.setattr(cache, "add", be_late)

    assert token.get() == "renewed"


def test_a_token_that_is_no_longer_good_is_renewed_once(server):
    client = client_of(server)
    check(client)
    server.rotate()

    assert check(client).suggestion == "pass"

    assert [query["access_token"] for query in server.check_queries] == [
        ["token-1"],
        ["token-1"],
        ["token-2"],
    ]
    assert len(server.token_calls) == 2
    assert all("force_refresh" not in call for call in server.token_calls)


def test_a_token_that_another_process_renewed_is_not_discarded(server):
    token = wechat.SharedToken("wechat:token:test", lambda: pytest.fail("fetched"), 1)
    cache.set("wechat:token:test", "newer", 60)

    token.discard("older")

    assert token.get() == "newer"


def test_the_token_is_kept_five_minutes_less_than_it_is_good(server):
    check(client_of(server))

    client = cache._cache.get_client()
    assert 6880 <= client.ttl(cache.make_key(f"wechat:token:{APP_ID}")) <= 6900


def test_without_redis_the_token_is_fetched_each_time(server, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    client = client_of(server)

    assert [check(client).suggestion, check(client).suggestion] == ["pass", "pass"]
    assert len(server.token_calls) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer({"errcode": -1, "errmsg": "system error"}), wechat.WeChatUnavailable),
        (Answer({"errcode": 45009, "errmsg": "reach max api daily quota limit"}), wechat.WeChatQuotaExceeded),
        (Answer({"errcode": 40003, "errmsg": "invalid openid"}), wechat.WeChatRefused),
        (Answer({"errcode": 61010, "errmsg": "code is expired"}), wechat.WeChatOpenidInactive),
        (Answer("<html>busy</html>"), wechat.WeChatUnavailable),
        (Answer("[]"), wechat.WeChatUnavailable),
        (Answer({"errcode": 0}, status=502), wechat.WeChatUnavailable),
        (Answer({"errcode": 0, "errmsg": "ok"}), wechat.WeChatUnavailable),
        (Answer({"result": {"suggest": "perhaps", "label": 1}}), wechat.WeChatUnavailable),
        (Answer({"result": "pass"}), wechat.WeChatUnavailable),
    ],
)
def test_what_wechat_does_to_us_has_a_typed_error(server, answer, error):
    server.faults = [answer]

    with pytest.raises(error) as raised:
        check(client_of(server))

    assert type(raised.value) is error


def test_a_server_that_keeps_us_waiting_is_unavailable(server):
    server.faults = [Answer({}, after_seconds=2)]

    with pytest.raises(wechat.WeChatUnavailable):
        check(client_of(server, timeout=0.2))


def test_a_wrong_secret_is_refused_and_the_next_attempt_asks_again(server):
    client = client_of(server, secret="wrong")

    for _ in range(2):
        with pytest.raises(wechat.WeChatRefused):
            check(client)

    assert len(server.token_calls) == 2


def test_a_token_of_another_shape_is_unavailable(server):
    server.token_fault = Answer({"expires_in": 7200})

    with pytest.raises(wechat.WeChatUnavailable):
        check(client_of(server))


def test_a_text_over_2500_characters_is_the_callers_mistake(server):
    with pytest.raises(ValueError):
        check(client_of(server), "文" * 2501)

    assert server.token_calls == []


def test_neither_token_nor_secret_reaches_the_log(server, caplog):
    caplog.set_level(logging.DEBUG, logger="guoxue")
    server.faults = [Answer("broken"), Answer({"errcode": 45009, "errmsg": "quota"})]
    client = client_of(server)

    for _ in range(2):
        with pytest.raises(wechat.WeChatError):
            check(client)

    assert "WeChat" in caplog.text
    assert "token-1" not in caplog.text
    assert APP_SECRET not in caplog.text


def test_without_an_app_id_there_is_no_client(settings):
    settings.WECHAT_APP_ID = ""

    assert wechat.wechat_client() is None
