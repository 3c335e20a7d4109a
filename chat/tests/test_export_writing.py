"""An export is written by one worker at a time, survives its death, takes little memory, and is cleared away in time."""

import os
import subprocess
import sys
import tracemalloc
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import tasks
from chat.exporting import places, sweeping, writing
from chat.exporting.forms import TextForm
from chat.exporting.json_form import JsonForm
from chat.models import Export, Session
from chat.models.exports import SILENT_AFTER
from chat.services import exports
from chat.tests.exporting import (
    export_dir,
    exported,
    files_of,
    json_of,
    make_conversations,
    text_of,
)
from chat.tests.served import ROOT, _test_database_url, wait_for

__all__ = ["export_dir"]


@pytest.fixture
def export(reader) -> Export:
    make_conversations(reader, 6, "")
    return exports.create_export(user=reader, format="json", session_ids=None)


@pytest.fixture
def small_parts(monkeypatch) -> None:
    monkeypatch.setattr(TextForm, "FULL_BYTES", 1)


def titles(export: Export) -> list[str]:
    return [session["title"] for session in json_of(export)["sessions"]]


ALL = [f"第{number}段" for number in range(6)]


def grow_silent(export: Export) -> None:
    """Let it be a long time since the worker last said anything."""
    Export.objects.filter(id=export.id).update(beat_at=timezone.now() - SILENT_AFTER - timedelta(seconds=1))


def broken_off(export: Export, after: int, monkeypatch) -> None:
    """Write until so many sessions are read, then stop as a killed worker would: nothing is cleared up."""
    read = writing.conversation

    def dying(owner_id: uuid.UUID, session_id: uuid.UUID) -> object:
        if export.session_ids.index(session_id) == after:
            raise SystemExit
        return read(owner_id, session_id)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(writing, "conversation", dying)
        writing.run_export(export_id=export.id)


def test_a_successor_goes_on_after_the_parts_that_are_there(export, small_parts, monkeypatch):
    broken_off(export, 4, monkeypatch)
    first = {path.name: path.stat().st_ino for path in places.parts_of(export).glob("0*")}
    grow_silent(export)
    read, asked = writing.conversation, []
    monkeypatch.setattr(writing, "conversation", lambda owner, key: asked.append(key) or read(owner, key))

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert list(first) and len(first) == 4
    assert asked == export.session_ids[4:]
    assert (export.status, export.attempts, export.processed) == ("done", 2, 6)
    assert titles(export) == ALL
    assert files_of(export.id) == ["export.json"]


def test_an_export_that_is_being_written_is_left_alone(export, small_parts, monkeypatch):
    broken_off(export, 4, monkeypatch)

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.attempts) == ("running", 1)
    assert sweeping.to_begin() == []


def test_the_sweep_begins_what_was_abandoned(export, small_parts, monkeypatch):
    broken_off(export, 2, monkeypatch)
    grow_silent(export)
    begun = []
    monkeypatch.setattr(tasks, "enqueue_export", begun.append)

    tasks.sweep_exports()

    assert begun == [export.id]


def test_an_export_that_breaks_off_three_times_has_failed(export, monkeypatch):
    for _ in range(3):
        broken_off(export, 2, monkeypatch)
        grow_silent(export)

    writing.run_export(export_id=export.id)
    sweeping.clear_away()

    export.refresh_from_db()
    assert (export.status, export.attempts, export.error_code) == ("failed", 3, "export_interrupted")
    assert files_of(export.id) == []


def test_a_worker_that_comes_back_late_writes_nothing(export, small_parts, monkeypatch):
    assemble, publish, published = JsonForm.assemble, places.publish, []

    def overtaken(form, parts, target, cover):
        assemble(form, parts, target, cover)
        monkeypatch.undo()
        monkeypatch.setattr(places, "publish", lambda *file: published.append(file) or publish(*file))
        grow_silent(export)
        writing.run_export(export_id=export.id)

    monkeypatch.setattr(JsonForm, "assemble", overtaken)
    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.attempts, len(published)) == ("done", 2, 1)
    assert titles(export) == ALL


def test_a_worker_that_comes_back_late_leaves_the_files_to_its_successor(export, small_parts, monkeypatch):
    assemble, publish, published = JsonForm.assemble, places.publish, []

    def overtaken(form, parts, target, cover):
        assemble(form, parts, target, cover)
        grow_silent(export)
        exports.claim_export(export_id=export.id)

    monkeypatch.setattr(JsonForm, "assemble", overtaken)
    monkeypatch.setattr(places, "publish", lambda *file: published.append(file) or publish(*file))
    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.attempts, published) == ("running", 2, [])
    assert len(list(places.parts_of(export).glob("0*"))) == 6


def test_a_deleted_export_stops_its_worker_and_leaves_nothing(reader, export, monkeypatch):
    read = writing.conversation

    def deleting(owner_id: uuid.UUID, session_id: uuid.UUID) -> object:
        if Export.objects.exists():
            exports.delete_export(user=reader, export_id=export.id)
        return read(owner_id, session_id)

    monkeypatch.setattr(writing, "conversation", deleting)

    writing.run_export(export_id=export.id)

    assert (Export.objects.count(), files_of(export.id)) == (0, [])


def test_sessions_deleted_meanwhile_are_passed_over(reader, export):
    Session.objects.filter(title__in=["第0段", "第5段"]).delete()

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, titles(export)) == ("done", ALL[1:5])


def test_a_session_of_somebody_else_is_passed_over(export, stranger):
    Session.objects.filter(title="第3段").update(owner=stranger)

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, titles(export)) == ("done", ALL[:3] + ALL[4:])


def test_an_export_all_of_whose_sessions_went_is_an_empty_file(export):
    Session.objects.all().delete()

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert json_of(export)["sessions"] == []


def test_no_more_are_written_at_once_than_may_be(reader, export, settings, monkeypatch):
    settings.EXPORT_PARALLEL = 1
    broken_off(export, 2, monkeypatch)
    waiting = exports.create_export(user=reader, format="markdown", session_ids=None)

    writing.run_export(export_id=waiting.id)
    refused = Export.objects.get(id=waiting.id).status
    grow_silent(export)
    begun = sweeping.to_begin()

    assert refused == "queued"
    assert begun == [export.id]


def test_the_next_in_line_is_begun_when_one_is_done(reader, export, monkeypatch):
    waiting = exports.create_export(user=reader, format="markdown", session_ids=None)
    begun = []
    monkeypatch.setattr(tasks, "enqueue_export", begun.append)

    tasks.run_export(str(export.id))

    assert begun == [waiting.id]


def test_progress_is_said_session_by_session(export, monkeypatch):
    monkeypatch.setattr(writing, "_SECONDS_BETWEEN_BEATS", 0)
    read, seen = writing.conversation, []

    def watching(owner_id: uuid.UUID, session_id: uuid.UUID) -> object:
        seen.append(Export.objects.get(id=export.id).processed)
        return read(owner_id, session_id)

    monkeypatch.setattr(writing, "conversation", watching)

    writing.run_export(export_id=export.id)

    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_file_that_grows_too_large_fails_and_is_removed(export, settings):
    settings.EXPORT_MAX_BYTES = 100

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.error_code, files_of(export.id)) == ("failed", "export_too_large", [])


def test_a_folder_that_cannot_be_written_fails_with_its_reason(export, settings, tmp_path):
    settings.EXPORT_DIR = tmp_path / "file" / "exports"
    (tmp_path / "file").write_text("no folder")

    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.error_code) == ("failed", "export_storage_failed")


def test_the_unknown_fails_and_goes_to_the_log(export, monkeypatch):
    monkeypatch.setattr(writing, "conversation", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.error_code) == ("failed", "export_failed")
    assert files_of(export.id) == []


def test_an_export_that_failed_is_written_anew(export, settings):
    settings.EXPORT_MAX_BYTES = 100
    writing.run_export(export_id=export.id)
    settings.EXPORT_MAX_BYTES = 10_000_000

    exports.retry_export(export_id=export.id)
    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.error_code, export.error_message, titles(export)) == ("done", "", "", ALL)


def test_only_what_ended_badly_is_written_anew(export):
    with pytest.raises(exports.errors.ExportNotFound):
        exports.retry_export(export_id=export.id)

    assert Export.objects.get().status == "queued"


def test_files_go_when_their_time_is_up(reader, export):
    writing.run_export(export_id=export.id)
    kept = exported(reader, "markdown")
    Export.objects.filter(id=export.id).update(expires_at=timezone.now())

    sweeping.clear_away()

    export.refresh_from_db()
    assert (export.status, files_of(export.id), files_of(kept.id)) == ("expired", [], ["export.md"])


def test_files_go_with_their_owner(reader, export, export_dir):
    writing.run_export(export_id=export.id)
    (export_dir / "not-ours").mkdir()
    reader.delete()

    sweeping.clear_away()

    assert [path.name for path in export_dir.iterdir()] == ["not-ours"]


def test_rows_are_forgotten_a_month_after_their_end(export, settings):
    settings.EXPORT_MAX_BYTES = 100
    writing.run_export(export_id=export.id)
    sweeping.clear_away()
    assert Export.objects.count() == 1
    Export.objects.update(created_at=timezone.now() - exports.ROW_KEPT - timedelta(seconds=1))

    sweeping.clear_away()

    assert Export.objects.count() == 0


@pytest.mark.parametrize("format", ["markdown", "json"])
def test_memory_does_not_grow_with_the_file(reader, format):
    make_conversations(reader, 150, "学而时习之" * 8_000)
    export = exports.create_export(user=reader, format=format, session_ids=None)
    tracemalloc.start()

    writing.run_export(export_id=export.id)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = places.file_of(export).stat().st_size
    assert size > 15_000_000
    assert peak < size / 5


WORKER = """
import sys, time, uuid, django
django.setup()
from chat.exporting import writing
from chat.exporting.forms import TextForm
TextForm.FULL_BYTES = 1
read = writing.conversation
writing.conversation = lambda *what: time.sleep(0.1) or read(*what)
writing.run_export(export_id=uuid.UUID(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_no_part(export, export_dir, monkeypatch):
    environment = {
        **os.environ,
        **{"DATABASE_URL": _test_database_url(), "DJANGO_SETTINGS_MODULE": "guoxue.settings"},
        **{"EXPORT_DIR": str(export_dir)},
    }
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(export.id)], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL
    )
    wait_for(lambda: len(list(places.parts_of(export).glob("0*"))) >= 2, timeout=60)
    worker.kill()
    worker.wait()
    there = len(list(places.parts_of(export).glob("0*")))
    grow_silent(export)
    read, asked = writing.conversation, []
    monkeypatch.setattr(writing, "conversation", lambda owner, key: asked.append(key) or read(owner, key))

    assert sweeping.to_begin() == [export.id]
    writing.run_export(export_id=export.id)

    export.refresh_from_db()
    assert (export.status, export.attempts, titles(export)) == ("done", 2, ALL)
    assert asked == export.session_ids[there:]


def test_the_schedule_sweeps(settings):
    assert settings.CELERY_BEAT_SCHEDULE["sweep-exports"]["task"] == tasks.sweep_exports.name


def test_an_export_without_a_broker_waits_for_the_sweep(export, monkeypatch):
    def down(*_: object) -> None:
        raise tasks.OperationalError("no broker")

    monkeypatch.setattr(tasks.run_export, "delay", down)

    tasks.enqueue_export(export.id)

    assert sweeping.to_begin() == [export.id]
    assert text_of(exported(export.owner, "markdown"))
