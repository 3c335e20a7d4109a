import uuid

import pytest

from chat.errors import WordRefused
from chat.models import SensitiveWord, WordListVersion
from chat.moderation import current_words
from chat.moderation.corpus_check import find_in_corpus
from chat.moderation.current_words import current_words as words_now
from chat.moderation.current_words import load_words
from chat.moderation.words import Word, WordList, check_word
from knowledge.models import Passage
from knowledge.starter.loading import load_starter

LIST = WordList(
    [Word("出售冰毒", "毒品"), Word("赌博网站"), Word("冰毒"), Word("K粉"), Word("av", is_blocking=False)]
)


def found(text: str, words: WordList = LIST) -> list[tuple[str, str, bool]]:
    return [(hit.word.text, text[hit.start : hit.end], hit.blocks) for hit in words.find(text)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("哪里有赌博网站？", "赌博网站"),
        ("賭博網站", "賭博網站"),
        ("赌 博 网 站", "赌 博 网 站"),
        ("赌\u3000博。网、站", "赌\u3000博。网、站"),
        ("赌*博#网-站", "赌*博#网-站"),
        ("赌——博……网站", "赌——博……网站"),
        ("赌😀博😀网😀站", "赌😀博😀网😀站"),
        ("赌" + "\u200b" * 30 + "博网站", "赌" + "\u200b" * 30 + "博网站"),
        ("赌\u3164博网站", "赌\u3164博网站"),
        ("赌博\n网站", "赌博\n网站"),
        ("《赌》〔博〕【网】站", "赌》〔博〕【网】站"),
    ],
)
def test_a_word_is_found_however_it_is_written_or_spaced_out(text, place):
    assert found(text) == [("赌博网站", place, True)]


@pytest.mark.parametrize("text", ["K粉", "k粉", "Ｋ粉", "ｋ 粉", "𝐊粉", "買k粉"])
def test_letters_are_found_in_every_form(text):
    assert [word for word, _, _ in found(text)] == ["K粉"]


@pytest.mark.parametrize("text", ["have a look", "AV8", "java", "rock粉"])
def test_a_latin_word_inside_a_longer_one_is_not_meant(text):
    assert found(text) == []


def test_a_latin_word_of_its_own_is_meant():
    assert found("看av吗") == [("av", "av", False)]


@pytest.mark.parametrize("gap", [".....", "\n\n\u3000\u3000「", "，，，，，"])
def test_characters_too_far_apart_are_no_word(gap):
    assert found(f"赌博{gap}网站") == []


def test_other_characters_between_make_no_word():
    assert found("赌客博士网络车站") == []


def test_a_short_word_across_a_clause_mark_is_only_flagged():
    assert found("其色如冰。毒不可近") == [("冰毒", "冰。毒", False)]
    assert found("冰 毒") == [("冰毒", "冰 毒", True)]
    assert found("出售，冰毒") == [("出售冰毒", "出售，冰毒", True), ("冰毒", "冰毒", True)]


def test_the_stricter_of_two_spellings_counts():
    words = WordList([Word("賭局", is_blocking=False), Word("赌局"), Word("赌 局", is_blocking=False)])

    assert len(words) == 1
    assert found("赌局", words) == [("赌局", "赌局", True)]


def test_an_empty_list_finds_nothing():
    assert WordList([]).find("赌博网站") == []
    assert WordList([]).touches("赌博网站") is False


def test_half_a_character_and_nul_break_nothing():
    assert found("赌\ud800博\0网站") == [("赌博网站", "赌\ud800博\0网站", True)]


@pytest.mark.parametrize("word", ["", "杀", "杀。", "……", " a ", "长" * 51])
def test_a_word_that_says_too_little_or_too_much_is_refused(word):
    with pytest.raises(WordRefused):
        check_word(word)


@pytest.fixture
def every_time(monkeypatch):
    monkeypatch.setattr(current_words, "LOOK_SECONDS", 0)


def test_a_process_notices_a_new_a_changed_and_a_removed_word(db, every_time):
    seen = []
    word = SensitiveWord.objects.create(word="某某某词")
    seen.append(words_now().find("某某某词")[0].blocks)
    SensitiveWord.objects.filter(id=word.id).update(action="review")
    seen.append(words_now().find("某某某词")[0].blocks)
    SensitiveWord.objects.filter(id=word.id).update(is_active=False)
    seen.append(words_now().find("某某某词"))
    SensitiveWord.objects.filter(id=word.id).delete()

    assert seen == [True, False, []]
    assert words_now().find("某某某词") == []


def test_a_list_that_did_not_change_is_not_loaded_again(db, every_time, django_assert_num_queries):
    before = words_now()

    with django_assert_num_queries(1):
        assert words_now() is before


def test_between_two_looks_nothing_is_asked(db, django_assert_num_queries, monkeypatch):
    before = words_now()
    SensitiveWord.objects.create(word="某某某词")

    with django_assert_num_queries(0):
        assert words_now() is before
    monkeypatch.setattr(current_words._current, "_look_at", 0.0)
    assert len(words_now()) == len(before) + 1


def test_a_change_that_touches_no_row_time_is_noticed_too(db, every_time):
    """A statement in SQL, as of another program: no clock of ours is in it."""
    before = WordListVersion.objects.get().version

    SensitiveWord.objects.filter(word="出售冰毒").update(category="别的")

    after = WordListVersion.objects.get().version
    assert after != before
    assert isinstance(after, uuid.UUID)


def test_a_word_that_comes_while_the_list_is_read_is_in_the_next_one(db, every_time, monkeypatch):
    load = current_words.load_words

    def load_and_be_late():
        words = load()
        SensitiveWord.objects.get_or_create(word="某某某词")
        return words

    words_now()
    SensitiveWord.objects.filter(word="出售冰毒").update(note="变")
    monkeypatch.setattr(current_words, "load_words", load_and_be_late)

    assert words_now().find("某某某词") == []
    assert len(words_now().find("某某某词")) == 1


def test_a_text_full_of_words_takes_no_more_than_its_length():
    hits = LIST.find("冰毒" * 5000)

    assert len(hits) == 5000
    assert (hits[-1].start, hits[-1].end) == (9998, 10_000)


def test_the_seeded_list_blocks_nothing_of_the_starter_corpus(db):
    load_starter()

    hits = list(find_in_corpus(load_words()))

    assert Passage.objects.count() > 1000
    assert len(load_words()) >= 50
    assert hits == []


def test_a_word_of_the_classics_is_reported_where_it_stands(db):
    load_starter()

    hits = list(find_in_corpus(WordList([Word("上善若水")])))

    assert [(hit.citation, hit.blocks) for hit in hits] == [("《道德经·第八章》", True)]
    assert "上善若水" in hits[0].excerpt
