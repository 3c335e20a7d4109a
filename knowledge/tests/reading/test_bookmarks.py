"""Bookmarks: an excerpt is kept once, outlives its passage, and goes with its owner."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.tests.factories import make_user
from guoxue.errors import InvalidInput, NotFound
from knowledge.errors import BookmarkLimitReached, BookmarkNotFound
from knowledge.models import Bookmark, Passage
from knowledge.reading import bookmarks
from knowledge.reading.bookmarks import change_note, create_bookmark, delete_bookmark
from knowledge.reading.citing import Reference
from knowledge.services import remove_work
from knowledge.tests.corpus import LUNYU, FakeEmbedder, ingest_file, use_embedder, write
from knowledge.tests.shelf import add_passage, add_section, make_work

TEXT = "子曰：“学而不思则罔，思而不学则殆。”"


@pytest.fixture
def passage(db: None) -> Passage:
    work = make_work("论语", author="孔子弟子", dynasty="春秋", edition="通行本")
    return add_passage(add_section(work, "为政"), TEXT)


def test_whole_passage_is_kept_with_its_place(passage: Passage) -> None:
    owner = make_user()

    kept, is_new = create_bookmark(owner=owner, passage_id=passage.pk, note="常读。")

    assert is_new
    stored = Bookmark.objects.get()
    assert stored == kept
    assert (stored.owner, stored.passage, stored.start, stored.end) == (owner, passage, 0, len(TEXT))
    assert (stored.text, stored.citation, stored.note) == (TEXT, "《论语·为政》", "常读。")
    assert Reference(**stored.reference) == Reference("论语", "孔子弟子", "春秋", "通行本", "为政")


@pytest.mark.parametrize(
    ("excerpt", "span"),
    [
        ({"start": 4, "end": 10}, (4, 10)),
        ({"start": 4}, (4, len(TEXT))),
        ({"end": 10}, (0, 10)),
        ({"quote": "学而不思则罔"}, (4, 10)),
        ({"quote": "罔，思"}, (9, 12)),
        ({"quote": "學而不思則罔思而"}, (4, 13)),
        ({"quote": "学而不思 则罔 。"}, (4, 10)),
    ],
)
def test_excerpt_is_found_by_place_or_by_words(passage: Passage, excerpt: dict, span: tuple) -> None:
    kept, _is_new = create_bookmark(owner=make_user(), passage_id=passage.pk, **excerpt)

    assert (kept.start, kept.end) == span
    assert kept.text == TEXT[slice(*span)]


def test_positions_count_characters_beyond_the_basic_plane_as_one(db: None) -> None:
    passage = add_passage(make_work("大学"), "顾𬤊天之明命。")

    kept, _is_new = create_bookmark(owner=make_user(), passage_id=passage.pk, start=1, end=3)

    assert kept.text == "𬤊天"


@pytest.mark.parametrize(
    ("excerpt", "field"),
    [
        ({"start": 5, "end": 5}, "end"),
        ({"start": 9, "end": 5}, "end"),
        ({"start": 0, "end": len(TEXT) + 1}, "end"),
        ({"start": len(TEXT)}, "end"),
        ({"quote": "学而时习之"}, "quote"),
        ({"quote": "。。。。"}, "quote"),
    ],
)
def test_excerpt_that_is_not_there_is_refused(passage: Passage, excerpt: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_bookmark(owner=make_user(), passage_id=passage.pk, **excerpt)

    assert list(refused.value.fields) == [field]
    assert not Bookmark.objects.exists()


def test_passage_that_is_not_there_is_not_found(passage: Passage) -> None:
    with pytest.raises(NotFound):
        create_bookmark(owner=make_user(), passage_id=passage.pk + 1)

    assert not Bookmark.objects.exists()


def test_same_excerpt_is_kept_once_and_stays_as_it_was(passage: Passage) -> None:
    owner = make_user()
    first, _ = create_bookmark(owner=owner, passage_id=passage.pk, quote="学而不思则罔", note="初读。")

    again, is_new = create_bookmark(owner=owner, passage_id=passage.pk, start=4, end=10, note="再读。")
    other, other_is_new = create_bookmark(owner=owner, passage_id=passage.pk, quote="思而不学则殆")
    strangers, strangers_is_new = create_bookmark(owner=make_user(), passage_id=passage.pk, start=4, end=10)

    assert (again.pk, is_new, again.note) == (first.pk, False, "初读。")
    assert (other_is_new, strangers_is_new) == (True, True)
    assert len({first.pk, other.pk, strangers.pk}) == 3


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_keep_one_bookmark(passage: Passage) -> None:
    owner = make_user()
    barrier = threading.Barrier(4)
    results: list[tuple[int, bool]] = []

    def keep() -> None:
        barrier.wait()
        try:
            bookmark, is_new = create_bookmark(owner=owner, passage_id=passage.pk)
            results.append((bookmark.pk, is_new))
        finally:
            connection.close()

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 4
    assert len({key for key, _ in results}) == 1
    assert [is_new for _, is_new in results].count(True) == 1
    assert Bookmark.objects.count() == 1


def test_there_is_a_limit(passage: Passage, monkeypatch) -> None:
    monkeypatch.setattr(bookmarks, "MAX_BOOKMARKS", 2)
    owner = make_user()
    for start in (0, 1):
        create_bookmark(owner=owner, passage_id=passage.pk, start=start)

    with pytest.raises(BookmarkLimitReached):
        create_bookmark(owner=owner, passage_id=passage.pk, start=2)
    _kept, is_new = create_bookmark(owner=owner, passage_id=passage.pk, start=0)

    assert not is_new
    assert Bookmark.objects.count() == 2


def test_note_is_changed_by_its_owner_alone(passage: Passage) -> None:
    owner = make_user()
    kept, _ = create_bookmark(owner=owner, passage_id=passage.pk, note="旧。")

    with pytest.raises(BookmarkNotFound):
        change_note(owner=make_user(), bookmark_id=kept.pk, note="他人之言。")
    changed = change_note(owner=owner, bookmark_id=kept.pk, note="新。")

    stored = Bookmark.objects.get()
    assert (changed.note, stored.note) == ("新。", "新。")
    assert stored.updated_at > stored.created_at


def test_bookmark_is_deleted_by_its_owner_alone(passage: Passage) -> None:
    owner = make_user()
    kept, _ = create_bookmark(owner=owner, passage_id=passage.pk)

    with pytest.raises(BookmarkNotFound):
        delete_bookmark(owner=make_user(), bookmark_id=kept.pk)
    assert Bookmark.objects.count() == 1
    delete_bookmark(owner=owner, bookmark_id=kept.pk)

    assert not Bookmark.objects.exists()


def test_bookmarks_go_with_their_owner(passage: Passage) -> None:
    owner, other = make_user(), make_user()
    for reader in (owner, other):
        create_bookmark(owner=reader, passage_id=passage.pk)

    owner.delete()

    assert [bookmark.owner for bookmark in Bookmark.objects.all()] == [other]


def test_bookmark_outlives_its_work(passage: Passage) -> None:
    kept, _ = create_bookmark(owner=make_user(), passage_id=passage.pk, start=4, end=10)

    remove_work(work_id=passage.work_id)

    stored = Bookmark.objects.get(pk=kept.pk)
    assert (stored.passage_id, stored.text, stored.citation) == (None, "学而不思则罔", "《论语·为政》")
    assert Reference.of_bookmark(stored).work == "论语"


def test_bookmark_outlives_a_passage_that_sql_deletes(passage: Passage) -> None:
    create_bookmark(owner=make_user(), passage_id=passage.pk)

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM knowledge_passage WHERE id = %s", [passage.pk])

    assert Bookmark.objects.get().passage_id is None


@pytest.mark.django_db(transaction=True)
def test_bookmark_cannot_name_a_passage_that_never_was(passage: Passage) -> None:
    create_bookmark(owner=make_user(), passage_id=passage.pk)

    with pytest.raises(IntegrityError, match="bookmark_passage"):
        Bookmark.objects.update(passage_id=passage.pk + 99)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [({"end": 0}, "bookmark_has_text"), ({"text": ""}, "bookmark_has_text")],
)
def test_database_refuses_empty_excerpts(passage: Passage, change: dict, constraint: str) -> None:
    create_bookmark(owner=make_user(), passage_id=passage.pk)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Bookmark.objects.update(**change)


def test_bookmark_stays_with_its_text_when_the_work_is_loaded_again(tmp_path, monkeypatch, db: None) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    path = write(tmp_path, "论语.md", LUNYU)
    ingest_file(path=path)
    owner = make_user()
    kept, changed = (
        create_bookmark(owner=owner, passage_id=Passage.objects.get(text__contains=words).pk)[0]
        for words in ("学而不思", "温故而知新")
    )

    # A chapter is added before it, and the other passage is written otherwise.
    text = LUNYU.replace("## 学而", "## 序\n\n序言一段。\n\n## 学而").replace("温故而知新，", "温故知新，")
    path.write_text(text)
    ingest_file(path=path)

    kept.refresh_from_db()
    changed.refresh_from_db()
    assert kept.passage.text == kept.text == TEXT
    assert (changed.passage_id, changed.text) == (None, "子曰：“温故而知新，可以为师矣。”")
