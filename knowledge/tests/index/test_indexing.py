"""The index follows the corpus in a few segments, and a search never sees half of a change."""

from pathlib import Path

import pytest
from django.db import connection, transaction

from knowledge import services
from knowledge.index import indexing, lookup
from knowledge.index.segments import take_snapshot
from knowledge.models import IndexSegment, Passage, PostingBlock, Section, Work
from knowledge.retrieval import lexical
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, assert_index_is_true, ingest_file, load, write

pytestmark = pytest.mark.django_db


def ranges() -> list[tuple[int, int]]:
    columns = ("first_passage_id", "last_passage_id")
    return list(IndexSegment.objects.order_by("last_passage_id").values_list(*columns))


def test_passages_enter_the_index_once(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)

    assert services.index_corpus() == 0
    assert indexing.count_unindexed() == 0
    assert IndexSegment.objects.get().passage_count == 6


def test_small_segments_are_joined_with_what_follows_them(tmp_path: Path) -> None:
    for number in range(16):
        load(tmp_path, f"# 第{number}书\n\n学而时习之。\n")

    sizes = IndexSegment.objects.order_by("last_passage_id").values_list("passage_count", flat=True)
    assert sum(sizes) == 16
    assert len(sizes) <= 5
    assert_index_is_true()


def test_segment_is_full_at_its_limit(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(indexing, "SEGMENT_LIMIT", 4)

    load(tmp_path, LUNYU)

    assert [segment.passage_count for segment in IndexSegment.objects.all()] == [4, 2]
    assert_index_is_true()


def test_segment_of_long_passages_holds_fewer_of_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(indexing, "SEGMENT_CHARACTERS", 40)

    load(tmp_path, LUNYU)
    load(tmp_path, DAODEJING)

    segments = IndexSegment.objects.order_by("last_passage_id")
    sizes = [
        sum(Passage.objects.filter(pk__range=place).values_list("length", flat=True)) for place in ranges()
    ]
    assert sum(segments.values_list("passage_count", flat=True)) == 9
    assert len(sizes) > 3
    assert max(sizes) <= 40
    assert_index_is_true()


def test_new_passages_are_not_found_before_they_are_indexed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(services, "index_corpus", lambda **_options: 0)
    ingest_file(path=write(tmp_path, "a.md", LUNYU))
    monkeypatch.undo()

    assert lexical.find_exact(["学而不思则罔"]) == {}
    assert indexing.count_unindexed() == 6
    services.index_corpus()
    assert len(lexical.find_exact(["学而不思则罔"])["学而不思则罔"]) == 1


def test_removed_passages_make_their_segment_stale_until_it_is_rebuilt(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING)

    services.remove_work(work_id=Work.objects.get(title="论语").pk)

    assert list(IndexSegment.objects.values_list("is_stale", flat=True)) == [True, False]
    assert lexical.find_exact(["学而不思则罔"]) == {}
    services.index_corpus()
    assert list(IndexSegment.objects.values_list("is_stale", "passage_count")) == [(False, 3)]
    assert_index_is_true()


def test_only_the_segments_of_changed_passages_become_stale(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(indexing, "SEGMENT_LIMIT", 6)
    load(tmp_path, LUNYU)
    load(tmp_path, DAODEJING)

    indexing.mark_stale([Passage.objects.filter(work__title="道德经").first().pk])

    assert list(IndexSegment.objects.values_list("is_stale", flat=True)) == [False, True]


def test_segment_whose_passages_are_all_gone_disappears(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)

    services.remove_work(work_id=Work.objects.get().pk)
    services.index_corpus()

    assert not IndexSegment.objects.exists()
    assert not PostingBlock.objects.exists()
    assert lexical.find_candidates(["学而"], limit=5).passage_ids == []


def test_passage_is_found_by_the_new_name_of_its_place(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    load(tmp_path, LUNYU.replace("## 为政", "## 里仁"))

    found = lexical.find_candidates(["里仁"], limit=10)

    moved = Section.objects.get(title="里仁").passages.values_list("pk", flat=True)
    assert set(found.passage_ids) == set(moved)
    assert_index_is_true()


def test_snapshot_is_read_once_for_each_state_of_the_index(tmp_path: Path, django_assert_num_queries) -> None:
    load(tmp_path, POEMS)
    take_snapshot()

    with django_assert_num_queries(1):
        snapshot = take_snapshot()

    assert snapshot.size == Passage.objects.count()
    load(tmp_path, DAODEJING)
    assert take_snapshot().size == Passage.objects.count()


def test_rebuilding_that_fails_leaves_the_old_segment(tmp_path: Path, monkeypatch) -> None:
    load(tmp_path, LUNYU)
    before = ranges()
    indexing.mark_all_stale()
    monkeypatch.setattr(indexing, "build_blocks", lambda documents: 1 / 0)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        indexing.rebuild_stale()

    assert ranges() == before
    assert len(lexical.find_exact(["学而不思则罔"])["学而不思则罔"]) == 1


def test_search_starts_again_when_a_segment_is_written_anew_under_it(tmp_path: Path, monkeypatch) -> None:
    load(tmp_path, LUNYU)
    read = lookup._fetch

    def read_after_a_rebuild(statement, parameters):
        monkeypatch.setattr(lookup, "_fetch", read)
        indexing.mark_all_stale()
        services.index_corpus()
        return read(statement, parameters)

    monkeypatch.setattr(lookup, "_fetch", read_after_a_rebuild)

    assert len(lexical.find_exact(["学而不思则罔"])["学而不思则罔"]) == 1


def test_posting_lists_are_stored_as_they_are() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstorage FROM pg_attribute"
            " WHERE attrelid = 'knowledge_postingblock'::regclass AND attname = 'data'"
        )
        assert cursor.fetchone() == ("e",)
