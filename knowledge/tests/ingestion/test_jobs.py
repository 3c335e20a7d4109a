"""An uploaded file is loaded once, with its progress and its refusals, and a lost job is picked up again."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from django.db import DataError, IntegrityError
from django.utils import timezone

from accounts.models import User
from knowledge import services, tasks
from knowledge.ingestion import jobs
from knowledge.ingestion.refusal_report import open_report
from knowledge.models import Embedding, IngestionJob, Passage, Work
from knowledge.progress import Stage
from knowledge.starter import loading as starter
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    BrokenEmbedder,
    FakeEmbedder,
    assert_index_is_true,
    use_embedder,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_media(settings, tmp_path: Path, monkeypatch) -> None:
    settings.MEDIA_ROOT = tmp_path
    use_embedder(monkeypatch, FakeEmbedder())


def submit(name: str, content: str | bytes, **fields: str) -> IngestionJob:
    data = content.encode() if isinstance(content, str) else content
    job = IngestionJob(file=ContentFile(data, name=name), **fields)
    operator = User.objects.create_user("operator@example.org", is_staff=True)
    return jobs.submit_job(job=job, requested_by=operator)


def test_submitted_job_waits_with_its_file(tmp_path: Path) -> None:
    job = submit("论语.md", LUNYU)

    job.refresh_from_db()
    assert (job.status, job.original_name, job.requested_by.email) == (
        "queued",
        "论语.md",
        "operator@example.org",
    )
    assert Path(job.file.path).is_relative_to(tmp_path)
    assert not Work.objects.exists()


def test_job_loads_the_file_and_its_vectors() -> None:
    job = submit("论语.md", LUNYU)

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.stage, job.error) == ("completed", "embedding", "")
    assert (job.loaded_count, job.refused_count, job.processed_count, job.total_count) == (6, 0, 6, 6)
    assert job.report["works"][0]["changes"] == {
        "added": 6,
        "removed": 0,
        "moved": 0,
        "updated": 0,
        "kept": 0,
    }
    assert job.report["embedded"] == Embedding.objects.count() == 6
    assert job.started_at <= job.finished_at
    assert Work.objects.get().origin == "论语.md"


def test_work_title_of_the_form_names_a_file_that_does_not(tmp_path: Path) -> None:
    job = submit("upload.txt", "天地玄黄。\n宇宙洪荒。\n", work_title="千字文")

    tasks.run_ingestion_job(job.pk)

    assert Work.objects.get().title == "千字文"


def test_refused_records_are_in_the_report_and_the_rest_is_loaded() -> None:
    lines = ['{"work": "书", "text": "天地玄黄"}'] * 9 + ["{broken"]
    job = submit("书.jsonl", "\n".join(lines))

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.loaded_count, job.refused_count) == ("completed", 9, 1)
    assert job.report["refusals"][0]["line"] == 10
    assert job.report["refusals"][0]["file"] == "书.jsonl"


@pytest.mark.parametrize(
    ("content", "message"), [("论语".encode() + b"\xff", "字节偏移"), (b"", "没有可导入的文字")]
)
def test_file_that_cannot_be_read_fails_with_its_reason(content: bytes, message: str) -> None:
    job = submit("书.txt", content)

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert job.status == "failed"
    assert message in job.error
    assert not Passage.objects.exists()


def test_text_is_loaded_even_when_there_are_no_vectors(monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())
    job = submit("论语.md", LUNYU)

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.loaded_count) == ("completed", 6)
    assert "向量稍后自动补全" in job.error


def test_unexpected_error_ends_the_job_and_reaches_the_log(monkeypatch) -> None:
    job = submit("论语.md", LUNYU)

    def fail(**_options: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(jobs, "ingest_sources", fail)
    with pytest.raises(RuntimeError):
        tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert job.status == "failed"
    assert "意外错误" in job.error
    assert "fire" not in job.error


def test_finished_job_is_not_run_again() -> None:
    job = submit("论语.md", LUNYU)
    tasks.run_ingestion_job(job.pk)
    Work.objects.all().delete()

    tasks.run_ingestion_job(job.pk)

    assert not Work.objects.exists()


def test_job_of_a_living_worker_is_left_alone() -> None:
    job = submit("论语.md", LUNYU)
    IngestionJob.objects.update(status="running", heartbeat_at=timezone.now())

    tasks.run_ingestion_job(job.pk)

    assert not Work.objects.exists()


def test_job_of_a_dead_worker_is_run_again() -> None:
    job = submit("论语.md", LUNYU)
    IngestionJob.objects.update(status="running", heartbeat_at=timezone.now() - timedelta(minutes=6))

    assert jobs.abandoned_jobs() == [job.pk]
    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert job.status == "completed"
    assert jobs.abandoned_jobs() == []


def test_only_lost_jobs_are_picked_up(monkeypatch) -> None:
    fresh = submit("论语.md", LUNYU)
    lost = IngestionJob.objects.create(file="x.md", original_name="x.md")
    IngestionJob.objects.filter(pk=lost.pk).update(created_at=timezone.now() - timedelta(minutes=6))
    enqueued: list[int] = []
    monkeypatch.setattr(tasks.run_ingestion_job, "delay", enqueued.append)

    tasks.resume_ingestion_jobs()

    assert enqueued == [lost.pk]
    assert fresh.pk not in enqueued


def test_progress_is_written_at_most_twice_a_second(django_assert_max_num_queries, tmp_path: Path) -> None:
    job = submit("论语.md", LUNYU)
    with open_report(tmp_path / "report.csv") as report:
        listener = jobs._JobListener(job, report)
    listener.progressed(Stage.LOADING, 0, 1000)

    with django_assert_max_num_queries(2):
        for processed in range(1, 1001):
            listener.progressed(Stage.LOADING, processed, 1000)

    job.refresh_from_db()
    assert (job.processed_count, job.total_count) == (1000, 1000)


def test_every_stage_is_told(monkeypatch) -> None:
    job = submit("论语.md", LUNYU)
    stages: list[str] = []
    report = jobs._JobListener.progressed

    def watch(listener, stage: Stage, processed: int, total: int) -> None:
        report(listener, stage, processed, total)
        stages.append(IngestionJob.objects.get().stage)

    monkeypatch.setattr(jobs._JobListener, "progressed", watch)

    tasks.run_ingestion_job(job.pk)

    assert list(dict.fromkeys(stages)) == ["loading", "indexing", "embedding"]


def zipped(*members: tuple[str, str]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_archive_is_loaded_like_the_folder_in_it() -> None:
    parallel = "双语数据/论语/学而篇"
    job = submit(
        "典籍.zip",
        zipped(
            (f"{parallel}/source.txt", "学而时习之，不亦说乎？\n"),
            (f"{parallel}/target.txt", "学了常温习，不也高兴吗？\n"),
            ("道德经.md", DAODEJING),
            ("坏.jsonl", '{"text": "abc"}'),
        ),
    )

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.loaded_count) == ("partial", 4)
    assert job.error == "坏.jsonl没有载入或没有完整载入，原因见被拒绝的记录。"
    assert jobs.abandoned_jobs() == []
    passage = Passage.objects.get(work__title="论语")
    assert (passage.section.path, passage.translation) == ("学而篇", "学了常温习，不也高兴吗？")
    assert {refusal["file"] for refusal in job.report["refusals"]} == {"坏.jsonl"}


def test_names_in_an_archive_from_chinese_windows_are_read_right() -> None:
    placeholder = "xxxxxx.md"
    content = zipped((placeholder, "天地玄黄。")).replace(
        placeholder.encode(), "千字文".encode("gb18030") + b".md"
    )
    job = submit("典籍.zip", content)

    tasks.run_ingestion_job(job.pk)

    assert Work.objects.get().title == "千字文"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04broken", "不是完好的 ZIP"),
        (zipped(("../../etc/x.md", LUNYU)), "不合法"),
        (zipped(("/etc/x.md", LUNYU)), "不合法"),
        (zipped(("x.exe", "MZ")), "没有可以导入的文件"),
    ],
)
def test_unusable_archive_fails_with_its_reason(content: bytes, message: str, tmp_path: Path) -> None:
    job = submit("典籍.zip", content)

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert job.status == "failed"
    assert message in job.error
    assert not Work.objects.exists()


def test_every_refused_record_is_kept_and_the_first_ones_are_shown(monkeypatch) -> None:
    monkeypatch.setattr(jobs, "SHOWN_REFUSALS", 2)
    job = submit("书.jsonl", "\n".join(['{"work": "书", "text": "天地"}', *['{"text": "abc"}'] * 5]))

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.refused_count, len(job.report["refusals"])) == (5, 2)
    lines = job.refusal_file.read().decode("utf-8-sig").splitlines()
    assert lines[0] == "文件,行,原因"
    assert [line.split(",")[1] for line in lines[1:]] == ["2", "3", "4", "5", "6"]


def test_sweep_indexes_what_a_killed_run_has_left() -> None:
    outline = starter.outline_starter()[0][1]
    services.store_work(outline=outline, content_hash=outline.content_hash, origin="x")
    services.remove_work(work_id=Work.objects.get().pk)
    services.store_work(outline=outline, content_hash=outline.content_hash, origin="x")

    tasks.index_new_passages()

    assert Passage.objects.exists()
    assert_index_is_true()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("表.csv", b"a\0b,c\n1,2\n", "failed"),
        ("书.jsonl", '{"text":"学而。","kind":"\\u0000"}\n{"text":"为政。"}\n', "completed"),
        ("书.jsonl", '{"text":"学而。","kind":"\\ud800"}\n{"text":"为政。"}\n', "completed"),
    ],
)
def test_what_no_database_can_hold_does_not_keep_a_job_running(
    name: str, content: str | bytes, status: str
) -> None:
    job = submit(name, content)

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert job.status == status
    assert Passage.objects.count() == (status == "completed")
    assert jobs.abandoned_jobs() == []


@pytest.mark.django_db(transaction=True)
def test_report_that_cannot_be_stored_does_not_keep_the_job_running(monkeypatch) -> None:
    job = submit("书.jsonl", '{"text":"学而。"}\n{"text":"abc"}\n')

    def fail(job: IngestionJob, _upload: object) -> None:
        job.report = {"refusals": ["\0"]}
        job.save()

    monkeypatch.setattr(jobs, "_load_texts", fail)
    with pytest.raises(DataError):
        tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.report) == ("failed", {})


def test_job_whose_worker_is_killed_again_and_again_fails(monkeypatch) -> None:
    job = submit("论语.md", LUNYU)

    def be_killed(_job: IngestionJob, _upload: object) -> None:
        raise SystemExit

    monkeypatch.setattr(jobs, "_load_texts", be_killed)
    for _attempt in range(jobs.MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            tasks.run_ingestion_job(job.pk)
        IngestionJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=6))
        assert jobs.abandoned_jobs() == [job.pk]
    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.attempts) == ("failed", 3)
    assert "请把文件拆小" in job.error
    assert jobs.abandoned_jobs() == []


def test_one_title_for_several_sources_is_refused() -> None:
    content = zipped(("a.txt", "天地玄黄。"), ("b.txt", "宇宙洪荒。"))
    job = submit("典籍.zip", content, work_title="千字文")

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.error) == (
        "failed",
        "书名只能用于一个来源，压缩包里有 2 个；请不填书名，或分开上传。",
    )
    assert not Work.objects.exists()


def test_unknown_files_of_an_archive_are_reported() -> None:
    job = submit("典籍.zip", zipped(("论语.md", LUNYU), ("旧/旧.doc", "x"), ("b.html", "<p>")))

    tasks.run_ingestion_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.loaded_count, job.refused_count) == ("completed", 6, 2)
    assert [(each["file"], each["reason"]) for each in job.report["refusals"]] == [
        ("b.html", "没有读取：不是可识别的格式，不是普通文件，或无权读取。"),
        ("旧/旧.doc", "没有读取：不是可识别的格式，不是普通文件，或无权读取。"),
    ]


@pytest.mark.parametrize("change", [{"stage": "guessing"}, {"status": "lost"}])
def test_the_database_knows_the_states_of_a_job(change: dict[str, str]) -> None:
    submit("论语.md", LUNYU)

    with pytest.raises(IntegrityError, match="known"):
        IngestionJob.objects.update(**change)
