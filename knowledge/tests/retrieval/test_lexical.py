"""Lines are found by their characters, exactly or nearly, within the scope that was asked for."""

from pathlib import Path

import pytest

from knowledge.models import Passage, Work
from knowledge.retrieval import lexical
from knowledge.retrieval.lexical import Where
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, ingest_file, load, write

pytestmark = pytest.mark.django_db

SI_ZE_WANG = "学而不思则罔"


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING, POEMS)


def passage_id(text: str) -> int:
    return Passage.objects.get(folded__contains=text).pk


def test_exact_line_is_where_it_stands_and_nowhere_else() -> None:
    found = lexical.find_exact([SI_ZE_WANG, "知人者智", "不在书中的句子", "罔学而不思则"])

    assert found == {SI_ZE_WANG: [passage_id(SI_ZE_WANG)], "知人者智": [passage_id("知人者智")]}


def test_pairs_out_of_order_are_no_exact_line(tmp_path: Path) -> None:
    load(tmp_path, "# 乱书\n\n思则罔学而不思，不思则罔。\n")

    assert lexical.find_exact([SI_ZE_WANG]) == {SI_ZE_WANG: [passage_id("子曰" + SI_ZE_WANG)]}


@pytest.mark.parametrize("phrase", ["", "学"])
def test_less_than_two_characters_are_not_looked_up(phrase: str) -> None:
    assert lexical.find_exact([phrase]) == {}


def test_scope_and_preference_decide_what_comes(tmp_path: Path) -> None:
    load(tmp_path, "# 引书\n\n古人云：学而不思则罔。又曰云云。\n")
    quoting = Work.objects.get(title="引书").pk
    own = Work.objects.get(title="论语").pk

    assert lexical.find_exact([SI_ZE_WANG], Where(work_ids=[quoting]))[SI_ZE_WANG] == [passage_id("古人云")]
    assert lexical.find_exact([SI_ZE_WANG], Where(work_ids=[])) == {}
    first = [
        Passage.objects.get(
            pk=lexical.find_exact([SI_ZE_WANG], Where(preferred=(work,)))[SI_ZE_WANG][0]
        ).work_id
        for work in (quoting, own)
    ]
    assert first == [quoting, own]


def test_phrase_that_is_common_is_found_beyond_the_first_batch(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lexical, "_VERIFIED_AT_ONCE", 2)
    lines = "\n\n".join(f"第{number}人之学而时习" for number in "一二三四五")
    load(tmp_path, f"# 学书\n\n{lines}\n")

    assert len(lexical.find_exact(["之学而时习"], limit=50)["之学而时习"]) == 5
    assert len(lexical.find_exact(["之学而时习"], limit=3)["之学而时习"]) == 3


def test_candidates_share_the_rare_pairs_of_the_query() -> None:
    found = lexical.find_candidates(["学而不思则罔乎"], limit=3)

    assert found.passage_ids[0] == passage_id(SI_ZE_WANG)
    assert found.weights.pairs["思则"] < found.weights.pairs["罔乎"]
    assert set(found.weights.characters) == set("学而不思则罔乎")


def test_lines_are_looked_up_with_the_candidates() -> None:
    found = lexical.find_candidates([SI_ZE_WANG, "知人"], lines=[SI_ZE_WANG, "不在书中的句子"], limit=3)

    assert found.exact == lexical.find_exact([SI_ZE_WANG, "不在书中的句子"])
    assert list(found.exact) == [SI_ZE_WANG]


def test_candidates_never_starve_in_a_narrow_scope(tmp_path: Path) -> None:
    """Though more passages outside of it share more with the query than candidates are taken."""
    quoting = "\n\n".join(f"{number}云：道可道，上善若水，知人者智。" for number in "甲乙丙丁戊己")
    load(tmp_path, f"# 引书\n\n{quoting}\n")
    work = Work.objects.get(title="道德经")

    found = lexical.find_candidates(["道可道上善若水知人者智"], Where(work_ids=[work.pk]), limit=3)

    assert len(found.passage_ids) == 3
    assert set(found.passage_ids) == set(work.passages.values_list("pk", flat=True))


def test_single_character_finds_the_passages_that_have_it() -> None:
    found = lexical.find_candidates(["罔"], limit=10)

    assert found.passage_ids == [passage_id(SI_ZE_WANG)]


def test_translation_leads_to_its_passage(tmp_path: Path) -> None:
    record = '{"work": "译书", "text": "知彼知己，百战不殆。", "translation": "既了解敌人又了解自己，打仗就没有危险"}'
    ingest_file(path=write(tmp_path, "a.jsonl", record))

    found = lexical.find_candidates(["了解敌人"], limit=5)

    assert found.passage_ids == [passage_id("知彼知己")]


def test_similar_passages_come_best_first() -> None:
    found = lexical.find_similar(["学而不思则惘", "全然没有"], limit=2)

    assert found["学而不思则惘"][0] == passage_id(SI_ZE_WANG)
    assert "全然没有" not in found
