"""Popular is a short search with results that several people made in the last days; nobody's own words are shown."""

from datetime import date, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from django.test import Client
from redis.exceptions import TimeoutError as RedisTimeout

from guoxue import caching
from guoxue.tests.racing import run_together
from knowledge import popular
from knowledge.popular import note_search, popular_searches
from knowledge.retrieval.hits import Hit
from knowledge.tests.corpus import LUNYU, FakeEmbedder, load, use_embedder

TODAY = date(2026, 11, 22)
ADDRESSES = [f"192.0.2.{number}" for number in range(1, 10)]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The day that it is; a test may change it."""
    now = [TODAY]
    monkeypatch.setattr(popular, "timezone", SimpleNamespace(localdate=lambda: now[0]))
    return now


def hit(*, matched: tuple[tuple[int, int], ...] = ((0, 2),)) -> Hit:
    return Hit(1, "论语", "学而", "《论语·学而》", "学而", 1.0, None, 1.0, None, 1, 1, False, matched)


def note(query: str, askers: int = 3, *, hits: list[Hit] | None = None) -> None:
    for address in ADDRESSES[:askers]:
        note_search(query, hits=[hit()] if hits is None else hits, address=address)


def test_what_three_people_searched_is_popular_and_the_most_asked_comes_first():
    note("上善若水", 3)
    note("学而时习之", 5)
    note("天下莫柔弱于", 2)

    assert popular_searches() == ["学而时习之", "上善若水"]


def test_the_same_person_counts_once_however_often_and_wherever_from_in_one_network():
    for address in (*["192.0.2.1"] * 5, "2001:db8::1", "2001:db8::2", "::ffff:192.0.2.1"):
        note_search("上善若水", hits=[hit()], address=address)

    assert popular_searches() == []


def test_the_same_person_on_three_days_is_one(clock):
    for back in range(3):
        clock[0] = TODAY - timedelta(days=back)
        note("上善若水", 1)
    clock[0] = TODAY

    assert popular_searches() == []


def test_three_people_on_three_days_are_three_and_forgotten_after_a_week(clock):
    for back, address in enumerate(ADDRESSES[:3]):
        clock[0] = TODAY - timedelta(days=back)
        note_search("上善若水", hits=[hit()], address=address)

    seen = []
    for ahead in range(6):
        clock[0] = TODAY + timedelta(days=ahead)
        caching.redis_client().delete("guoxue:shared:popular-searches:lately")
        seen.append(popular_searches())

    assert seen == [["上善若水"]] * 5 + [[]]


@pytest.mark.parametrize("query", ["學而時習之", "学而时习之。", " 学而，时习之 "])
def test_searches_are_counted_as_they_are_folded(query):
    note("学而时习之", 2)
    note_search(query, hits=[hit()], address=ADDRESSES[5])

    assert popular_searches() == ["学而时习之"]


@pytest.mark.parametrize(
    "query",
    [
        "道",
        "我昨天和张三在青石巷吵了一架",
        "13800138000",
        "某某13800138000",
        "reader@example.com",
        "Zhang San",
        "，。",
        "",
    ],
)
def test_what_may_be_somebodys_own_words_is_not_counted(query):
    note(query, 9)

    assert popular_searches() == []
    assert not [key for key in caching.redis_client().keys("guoxue:searched:*")]


@pytest.mark.parametrize("hits", [[], [hit(matched=())]])
def test_a_search_that_found_nothing_literally_is_not_counted(hits):
    note("上善若水", 9, hits=hits)

    assert popular_searches() == []


def test_who_has_no_address_is_not_counted():
    for _ in range(5):
        note_search("上善若水", hits=[hit()], address=None)

    assert popular_searches() == []


def test_nothing_of_the_askers_is_kept_but_a_keyed_hash():
    note("上善若水", 3)

    redis = caching.redis_client()
    kept = {key: redis.smembers(key) for key in redis.keys("guoxue:searched:*:上善若水")}
    assert [len(askers) for askers in kept.values()] == [3]
    assert not any(b"192.0.2" in asker for askers in kept.values() for asker in askers)
    assert all(0 < redis.ttl(key) <= 8 * 86_400 for key in redis.keys("guoxue:searched:*"))


def test_what_becomes_popular_is_seen_at_once_and_the_rest_is_kept():
    note("学而时习之", 3)
    first = popular_searches()
    note("上善若水", 2)
    kept = popular_searches()
    note("上善若水", 3)

    assert (first, kept) == (["学而时习之"], ["学而时习之"])
    assert popular_searches() == ["上善若水", "学而时习之"]


def test_twenty_who_ask_at_once_have_it_read_once(monkeypatch):
    note("上善若水", 3)
    reads = []
    read = popular._read
    monkeypatch.setattr(popular, "_read", lambda: reads.append(1) or read())

    answers = run_together([popular_searches] * 20)

    assert answers == [["上善若水"]] * 20
    assert len(reads) == 1


def test_askers_at_once_are_all_counted():
    jobs = [partial(note_search, "上善若水", hits=[hit()], address=address) for address in ADDRESSES]

    run_together(jobs)

    assert popular_searches() == ["上善若水"]
    assert caching.redis_client().zscore("guoxue:searched:2026-11-22", "上善若水") == 9


def test_a_flood_of_made_up_queries_is_not_all_kept(monkeypatch):
    monkeypatch.setattr(popular, "_COUNT", popular._COUNT.replace("5000", "3").replace("1000", "4"))
    for query in ("一二", "三四", "五六", "七八", "九十"):
        note(query, 5)

    redis = caching.redis_client()
    assert redis.zcard("guoxue:searched:2026-11-22") == 3
    assert redis.scard("guoxue:searched:2026-11-22:一二") == 4


def test_without_redis_searches_go_on_and_nothing_is_popular(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    note("上善若水", 3)

    assert popular_searches() == []


def test_a_count_that_redis_did_not_give_in_time_is_not_kept(monkeypatch):
    note("上善若水", 3)

    def too_late(_: list[str]) -> dict[str, int]:
        raise RedisTimeout

    with monkeypatch.context() as slow:
        slow.setattr(popular, "_askers_of", too_late)
        missed = popular_searches()

    assert (missed, popular_searches()) == ([], ["上善若水"])


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["/api/v1/search", "/search"])
def test_both_doors_of_the_search_count(tmp_path, monkeypatch, settings, door):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 0}
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)

    for address in ADDRESSES[:3]:
        for query in ("学而时习之", "麒麟凤凰"):
            answer = Client(REMOTE_ADDR=address).get(door, {"q": query, "mode": "line"})
            assert answer.status_code == 200

    assert popular_searches() == ["学而时习之"]
