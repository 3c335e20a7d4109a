"""What everybody is shown of popular searches has nothing that the word list blocks or flags."""

import pytest

from chat.models import SensitiveWord
from chat.moderation import current_words

ADDRESS = "/api/v1/search/popular"


@pytest.fixture(autouse=True)
def popular(monkeypatch) -> list[str]:
    queries = ["上善若水", "某某禁词说", "学而时习之", *(f"第{number}句" for number in range(20))]
    monkeypatch.setattr("chat.views.popular.popular_searches", lambda: queries)
    return queries


@pytest.mark.parametrize("action", ["block", "review"])
def test_a_word_of_the_list_keeps_a_search_from_being_shown_at_once(client_of, db, monkeypatch, action):
    before = client_of(None).get(ADDRESS).json()["results"]
    SensitiveWord.objects.create(word="某某禁词", action=action)
    monkeypatch.setattr(current_words._current, "_look_at", 0.0)

    after = client_of(None).get(ADDRESS).json()["results"]

    assert before[:3] == ["上善若水", "某某禁词说", "学而时习之"]
    assert after[:2] == ["上善若水", "学而时习之"]
    assert (len(before), len(after)) == (10, 10)


@pytest.mark.parametrize("position", range(4))
def test_the_door_is_open_to_everyone(client_of, people, position):
    response = client_of(list(people.values())[position]).get(ADDRESS)

    assert response.status_code == 200
    assert list(response.json()) == ["results"]
