"""What a reader means is found by meaning, by half a line, in either script, and within the scope that was asked for."""

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from guoxue.errors import NotFound
from knowledge.models import Passage
from knowledge.retrieval import search
from knowledge.retrieval.search import Scope, neighbours, run_search, search_passages
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    POEMS,
    BrokenEmbedder,
    FakeEmbedder,
    load,
    use_embedder,
)
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db

SI_ZE_WANG = "子曰：“学而不思则罔，思而不学则殆。”"


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path, monkeypatch) -> FakeEmbedder:
    embedder = use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING, POEMS)
    filling.embed_missing()
    return embedder


@pytest.mark.parametrize(
    "query",
    [
        "『学而不思则罔』出自哪里，上下文是什么？",
        "学而不思则罔",
        "學而不思則罔",
        "「學而不思，則罔」是谁说的？",
        "子曰學而不思則罔思而不學則殆",
        "《论语》里“学而不思则罔”的意思",
    ],
)
def test_quoted_line_is_found_first_in_either_script(query: str) -> None:
    hits = search_passages(query)

    assert (hits[0].citation, hits[0].text, hits[0].exact) == ("《论语·为政》", SI_ZE_WANG, True)
    assert [hit.exact for hit in hits[1:]] == [False] * (len(hits) - 1)


@pytest.mark.parametrize("query", ["学而不思则惘", "学而思则罔思而不学则殆", "而学不思则罔"])
def test_misremembered_line_is_found_first(query: str) -> None:
    assert search_passages(query)[0].text == SI_ZE_WANG


def test_every_hit_tells_its_ranks_and_scores() -> None:
    hits = search_passages("知人者智，自知者明", limit=3)

    assert [hit.fused_rank for hit in hits] == [1, 2, 3]
    first = hits[0]
    assert (first.lexical_rank, first.dense_rank, first.citation) == (1, 1, "《道德经·第三十三章》")
    assert first.lexical_score > 0
    assert first.dense_score == pytest.approx(first.dense_score, abs=1)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_named_book_comes_first() -> None:
    by_alias = search_passages("老子如何谈知")

    assert by_alias[0].work == "道德经"
    assert search_passages("《论语》如何谈知")[0].work == "论语"


def test_poem_is_found_by_its_title_and_by_its_author() -> None:
    assert search_passages("《静夜思》表达了什么？")[0].citation == "李白《静夜思》"
    assert search_passages("王之涣写过什么？")[0].citation == "王之涣《登鹳雀楼》"


@pytest.mark.parametrize("query", ["什么是“智”？", "“智”", "「智」是什么意思"])
def test_single_quoted_character_is_searched_for(query: str, monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())

    assert search_passages(query)[0].citation == "《道德经·第三十三章》"


def test_verse_that_is_pasted_in_lines_is_found_literally() -> None:
    first = search_passages("床前明月光，\n疑是地上霜。")[0]

    assert (first.citation, first.exact) == ("李白《静夜思》", True)


@pytest.mark.parametrize("query", ["《关雎》", "关雎原文", "關雎全文"])
def test_section_comes_first_when_its_title_is_asked_for(query: str, tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())
    load(
        tmp_path,
        "# 乐论\n\n## 八佾\n\n子曰：“《关雎》，乐而不淫，哀而不伤。”\n",
        "# 诗\n\n## 关雎\n\n关关雎鸠，在河之洲。窈窕淑女，君子好逑。参差荇菜，左右流之。窈窕淑女，寤寐求之。\n",
    )

    assert search_passages(query)[0].citation == "《诗·关雎》"


def test_editions_of_a_work_do_not_crowd_out_other_passages(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(search, "CANDIDATES", 4)
    editions = [LUNYU.replace("通行本", f"第{number}本") for number in "一二三四五六"]
    load(tmp_path, *editions)
    filling.embed_missing()

    hits = search_passages("学而不思则罔", limit=5, scope=Scope(work_titles=("论语",)))

    assert len(hits) == 5
    others = [duplicate.citation for duplicate in hits[0].duplicates]
    assert len(set(others)) == len(others) == 6
    assert "《论语·为政》（第三本）" in others


@pytest.mark.parametrize(
    ("scope", "works"),
    [
        (Scope(work_titles=("道德经",)), {"道德经"}),
        (Scope(work_titles=("老子",)), {"道德经"}),
        (Scope(work_titles=("道德經",)), {"道德经"}),
        (Scope(categories=("经部",)), {"论语"}),
        (Scope(categories=("经部", "子部")), {"论语", "道德经"}),
        (Scope(work_titles=("论语",), categories=("子部",)), set()),
        (Scope(work_titles=("没有的书",)), set()),
    ],
)
def test_search_stays_within_its_scope(scope: Scope, works: set[str]) -> None:
    hits = search_passages("学而不思则罔，知人者智", limit=20, scope=scope)

    assert {hit.work for hit in hits} == works


@pytest.mark.parametrize("scope", [Scope(), Scope(work_titles=("论语",)), Scope(categories=("经部",))])
def test_search_returns_its_full_number_of_hits(scope: Scope, tmp_path: Path, monkeypatch) -> None:
    """Though more passages outside of the scope come nearer than either side takes candidates."""
    monkeypatch.setattr(search, "CANDIDATES", 3)
    monkeypatch.setattr(search, "DEEPEST_CANDIDATES", 6)
    load(tmp_path, "# 智书\n\n" + "\n\n".join(f"{number}问：什么是智慧？" for number in "一二三四五六七八"))
    filling.embed_missing()

    assert len(search_passages("什么是智慧", limit=6, scope=scope)) == 6


def test_half_a_line_is_found_by_its_characters_alone(small_corpus) -> None:
    result = run_search("更上一層樓", mode="line")

    assert result.hits[0].citation == "王之涣《登鹳雀楼》"
    assert result.hits[0].exact
    assert not result.dense_available
    assert all(hit.dense_score is None for hit in result.hits)


def test_search_goes_on_by_characters_when_there_are_no_vectors(monkeypatch, caplog) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())

    result = run_search("“温故而知新”是什么意思")

    assert not result.dense_available
    assert result.hits[0].text == "子曰：“温故而知新，可以为师矣。”"
    assert "characters only" in caplog.text


def test_single_character_is_searched_within_the_named_book(monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())

    hits = search_passages("老子如何看待水")

    assert hits[0].citation == "《道德经·第八章》"


@pytest.mark.parametrize("query", ["", "   ", "？！", "hello world", "\x00", "😀"])
def test_query_without_ideographs_finds_nothing_and_fails_not(query: str) -> None:
    assert search_passages(query) == []


@pytest.mark.parametrize(
    "query", ["学" * 100_000, "'学而'; DROP TABLE", "%s 学而 %(x)s {scope}", "学\\而:*&|!()"]
)
def test_hostile_query_is_only_a_query(query: str) -> None:
    assert isinstance(search_passages(query), list)


def test_empty_corpus_has_no_answer() -> None:
    Passage.objects.all().delete()

    assert search_passages("学而不思则罔") == []


def test_reranker_orders_the_best_and_leaves_the_literal_line_in_front(monkeypatch) -> None:
    asked: list[str] = []

    def prefer_the_last(query: str, texts: list[str]) -> list[float]:
        asked.extend(texts)
        return [float(place) for place in range(len(texts))]

    before = search_passages("“学而不思则罔”与“知”", limit=50)
    monkeypatch.setattr(search, "get_reranker", lambda: object())
    monkeypatch.setattr(search, "rerank", prefer_the_last)

    after = search_passages("“学而不思则罔”与“知”", limit=4)

    assert len(asked) > 4
    assert asked[0] == f"《论语·为政》{SI_ZE_WANG}"
    assert [hit.passage_id for hit in after] == [
        before[0].passage_id,
        *[hit.passage_id for hit in before[:0:-1]][:3],
    ]
    assert [hit.fused_rank for hit in after] == [1, 2, 3, 4]


def test_order_stays_when_the_reranker_gives_no_scores(monkeypatch) -> None:
    before = search_passages("知人者智", limit=5)
    monkeypatch.setattr(search, "get_reranker", lambda: object())
    monkeypatch.setattr(search, "rerank", lambda query, texts: None)

    assert search_passages("知人者智", limit=5) == before


def test_same_text_is_shown_once_with_its_other_places(tmp_path: Path) -> None:
    load(tmp_path, "# 引书\n\n子曰：“学而不思则罔，思而不学则殆。”\n")

    hits = search_passages("学而不思则罔", limit=20)

    first = hits[0]
    assert {first.citation, *(other.citation for other in first.duplicates)} == {"《论语·为政》", "《引书》"}
    assert len({hit.text for hit in hits}) == len(hits)


def test_search_of_a_named_work_prefers_it_among_equal_texts(tmp_path: Path) -> None:
    load(tmp_path, "# 引书\n\n子曰：“学而不思则罔，思而不学则殆。”\n")

    assert search_passages("引书里的学而不思则罔")[0].citation == "《引书》"
    assert search_passages("论语里的学而不思则罔")[0].citation == "《论语·为政》"


def test_matched_characters_are_marked_in_the_text_as_written() -> None:
    hit = search_passages("學而不思")[0]

    assert [hit.text[start:end] for start, end in hit.matched] == ["学而不思", "而不"]


def test_neighbours_are_in_reading_order() -> None:
    passage = Passage.objects.get(text=SI_ZE_WANG)

    around = neighbours(passage.pk, radius=1)

    assert around[1] == passage
    with CaptureQueriesContext(connection) as queries:
        assert [each.ordinal for each in around] == [4, 5, 6]
        assert [each.citation for each in around] == ["《论语·为政》"] * 3
    assert len(queries) == 0


def test_neighbours_of_nothing_are_not_found() -> None:
    with pytest.raises(NotFound):
        neighbours(0)


def test_search_takes_a_fixed_number_of_round_trips(django_assert_max_num_queries) -> None:
    search_passages("warm 温")

    with django_assert_max_num_queries(12):
        search_passages("“学而不思则罔”和“知人者智”出自哪里？", limit=20)
