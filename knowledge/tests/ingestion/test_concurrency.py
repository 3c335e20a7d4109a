"""Two loaders at once: the corpus lock lets one after the other write, so that nothing is doubled or lost."""

import time
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from guoxue.tests.racing import PATIENCE_SECONDS, meeting_after, run_together
from knowledge import services, tasks
from knowledge.locks import Lock, sole
from knowledge.models import Embedding, Passage, Work
from knowledge.storage import works
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    FakeEmbedder,
    assert_index_is_true,
    ingest_file,
    load,
    use_embedder,
    write,
)

pytestmark = pytest.mark.django_db(transaction=True)


def changed_texts(folder: Path) -> list[Path]:
    """Write two revisions of a work that is there already."""
    load(folder, LUNYU)
    return [write(folder, f"new{n}.md", f"{LUNYU}\n新的第{n}段。\n\n又一段。\n") for n in (1, 2)]


def test_same_file_loaded_twice_at_once_is_stored_once(tmp_path: Path) -> None:
    path = write(tmp_path, "lunyu.md", LUNYU)

    results = run_together([lambda: ingest_file(path=path)] * 4)

    assert sorted(work.unchanged for result in results for work in result.works) == [False, True, True, True]
    assert Passage.objects.count() == 6


def test_index_is_right_when_works_come_and_go_together(tmp_path: Path) -> None:
    load(tmp_path, DAODEJING)
    work_id = Passage.objects.first().work_id
    paths = [write(tmp_path, f"{n}.md", LUNYU.replace("title: 论语", f"title: 论语{n}")) for n in range(3)]

    loads = [partial(ingest_file, path=path) for path in paths]
    run_together([*loads, partial(services.remove_work, work_id=work_id)])
    services.index_corpus()

    assert Passage.objects.count() == 18
    assert_index_is_true()


def test_second_run_leaves_the_vectors_to_the_first(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, DAODEJING)

    with sole(Lock.EMBEDDING):
        run_together([tasks.embed_missing_passages])
        assert not Embedding.objects.exists()
    run_together([tasks.embed_missing_passages])

    assert Embedding.objects.count() == 3


def test_revisions_of_one_work_follow_each_other(tmp_path: Path) -> None:
    paths = changed_texts(tmp_path)

    results = run_together([partial(ingest_file, path=path) for path in paths])

    assert not [result for result in results if isinstance(result, Exception)]
    assert Passage.objects.count() == 8


def test_without_the_lock_the_revisions_collide(tmp_path: Path, monkeypatch) -> None:
    """The control of the test above: the race is real."""
    paths = changed_texts(tmp_path)
    meet = meeting_after(lambda: None, parties=2)
    monkeypatch.setattr(services, "wait_for", lambda lock: None)
    write_sections = works._write_sections

    def write_together(*arguments):
        """Go on when both have read what is stored."""
        meet()
        return write_sections(*arguments)

    monkeypatch.setattr(works, "_write_sections", write_together)

    def collide(path: Path) -> object:
        try:
            return ingest_file(path=path)
        except OperationalError as deadlock:
            # Which of the two it is depends on who commits first.
            return IntegrityError(str(deadlock))

    results = run_together([partial(collide, path) for path in paths])

    assert any(isinstance(result, IntegrityError) for result in results)


def edit_author(name: str) -> None:
    """Do what the admin does, while another process writes the work."""
    Work.objects.update(author=name, edited_at=timezone.now())


def test_details_edited_while_the_text_is_written_are_kept(tmp_path: Path, monkeypatch) -> None:
    path = changed_texts(tmp_path)[0]
    began, edited = Event(), Event()
    write_passages = works._write_passages

    def write_slowly(*arguments):
        began.set()
        assert edited.wait(PATIENCE_SECONDS)
        return write_passages(*arguments)

    def edit() -> None:
        assert began.wait(PATIENCE_SECONDS)
        edit_author("某人")
        edited.set()

    monkeypatch.setattr(works, "_write_passages", write_slowly)
    run_together([partial(ingest_file, path=path), edit])

    work = Work.objects.get()
    assert (work.author, work.edited_at is not None, work.passage_count) == ("某人", True, 8)


def test_details_that_are_being_edited_are_waited_for(tmp_path: Path, monkeypatch) -> None:
    path = changed_texts(tmp_path)[0]
    edited = Event()
    write_passages = works._write_passages

    def write_after_the_edit(*arguments):
        assert edited.wait(PATIENCE_SECONDS)
        return write_passages(*arguments)

    def edit() -> None:
        with transaction.atomic(durable=True):
            edit_author("某人")
            edited.set()
            # Long enough for the loader to come to the row, which it must not take as it was before.
            time.sleep(0.5)

    monkeypatch.setattr(works, "_write_passages", write_after_the_edit)
    run_together([partial(ingest_file, path=path), edit])

    assert Work.objects.get().author == "某人"
