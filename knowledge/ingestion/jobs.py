"""The use cases of an uploaded file: take it, load it, report its progress, go on where it was left."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.files import File
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from knowledge.errors import CorpusFileRefused, EmbeddingUnavailable
from knowledge.formats import Source
from knowledge.ingestion.loading import IngestionListener, IngestionResult, ingest_sources
from knowledge.ingestion.refusal_report import NOT_READ, RefusalReport, legible, open_report
from knowledge.ingestion.unpacking import Upload, unpacked
from knowledge.models import IngestionJob
from knowledge.outlining.records import Refusal
from knowledge.progress import Stage
from knowledge.vectors.filling import embed_missing

logger = logging.getLogger(__name__)

SHOWN_REFUSALS = 200
SHOWN_NAMES = 5
ABANDONED_AFTER = timedelta(minutes=5)
MAX_ATTEMPTS = 3
_SECONDS_BETWEEN_WRITES = 0.5
_BROKEN_OFF = (
    f"导入 {MAX_ATTEMPTS} 次都中途断掉，多半是文件太大、内存不够。"
    "请把文件拆小后重新上传，或在内存更大的机器上用命令 ingest_corpus 导入。"
)


def submit_job(*, job: IngestionJob, requested_by: User) -> IngestionJob:
    """Store an uploaded file as a job that waits; whoever calls this enqueues it after the commit."""
    job.original_name = Path(job.file.name or "").name
    job.requested_by = requested_by
    job.save()
    return job


def run_job(*, job_id: int) -> None:
    """Load the job's file, then its vectors; a job that has ended or that another worker has is left alone.

    Safe to repeat: loading is idempotent by content. Where the model gives no vectors the texts are
    loaded all the same.
    """
    job = _claim(job_id)
    if job is None:
        return
    try:
        _load(job)
    except CorpusFileRefused as refused:
        _finish(job, IngestionJob.Status.FAILED, error=refused.message)
    except Exception:
        # The unknown goes on to the worker's log; the operator must not wait for a job that has died. What it
        # would have reported may be the very thing that cannot be stored.
        job.report = {}
        _finish(
            job,
            IngestionJob.Status.FAILED,
            error="导入时发生意外错误，已记入日志；文件没有问题时请重新上传。",
        )
        raise


def abandoned_jobs() -> list[int]:
    """Return the jobs that nobody works on: their task was lost, or its worker was killed."""
    limit = timezone.now() - ABANDONED_AFTER
    waiting = Q(status=IngestionJob.Status.QUEUED, created_at__lt=limit)
    silent = Q(status=IngestionJob.Status.RUNNING, heartbeat_at__lt=limit)
    return list(IngestionJob.objects.filter(waiting | silent).values_list("pk", flat=True))


def _claim(job_id: int) -> IngestionJob | None:
    """Take the job, unless it has ended or somebody works on it; one that has broken off too often has failed."""
    with transaction.atomic(durable=True):
        job = IngestionJob.objects.select_for_update(no_key=True).get(pk=job_id)
        now = timezone.now()
        is_alive = job.heartbeat_at is not None and job.heartbeat_at > now - ABANDONED_AFTER
        if job.is_finished or (job.status == IngestionJob.Status.RUNNING and is_alive):
            return None
        if job.attempts >= MAX_ATTEMPTS:
            _finish(job, IngestionJob.Status.FAILED, error=_BROKEN_OFF)
            return None
        job.status = IngestionJob.Status.RUNNING
        job.attempts += 1
        job.started_at = job.heartbeat_at = now
        job.save(update_fields=["status", "attempts", "started_at", "heartbeat_at"])
        return job


def _load(job: IngestionJob) -> None:
    with job.file.open("rb") as file, unpacked(file, job.original_name) as upload:
        if job.work_title and len(upload.sources) > 1:
            raise CorpusFileRefused(
                f"书名只能用于一个来源，压缩包里有 {len(upload.sources)} 个；请不填书名，或分开上传。"
            )
        listener, result = _load_texts(job, upload)
    job.loaded_count = result.passage_count
    job.report = {"works": [asdict(work) for work in result.works], "refusals": listener.shown_refusals}
    if not result.works:
        raise CorpusFileRefused(result.failed[0][1])
    notes = [_tell_failed(result)] if result.failed else []
    try:
        titles = [work.title for work in result.works]
        job.report["embedded"] = embed_missing(work_titles=titles, on_progress=listener.progressed)
    except EmbeddingUnavailable as unavailable:
        logger.warning("Job %s is loaded but has no vectors yet.", job.pk, exc_info=True)
        notes.append(f"文字已载入，可按字句检索；向量稍后自动补全。原因：{unavailable.message}")
    status = IngestionJob.Status.PARTIAL if result.failed else IngestionJob.Status.COMPLETED
    _finish(job, status, error="\n".join(notes))


def _tell_failed(result: IngestionResult) -> str:
    """Name the sources that were not loaded, or not whole."""
    names = list(dict.fromkeys(source.name for source, _reason in result.failed))
    more = f"等 {len(names)} 个来源" if len(names) > SHOWN_NAMES else ""
    return f"{'、'.join(names[:SHOWN_NAMES])}{more}没有载入或没有完整载入，原因见被拒绝的记录。"


def _load_texts(job: IngestionJob, upload: Upload) -> "tuple[_JobListener, IngestionResult]":
    """Load the texts, and keep every refused record in a file of the job, even where all is refused."""
    with _refusal_file(job) as report:
        listener = _JobListener(job, report)
        for name in upload.left_out:
            listener.note(Refusal(name, 0, NOT_READ))
        result = ingest_sources(sources=upload.sources, work_title=job.work_title, listener=listener)
    return listener, result


@contextmanager
def _refusal_file(job: IngestionJob) -> Iterator[RefusalReport]:
    with TemporaryDirectory(prefix="guoxue-report-") as folder:
        path = Path(folder) / "refusals.csv"
        with open_report(path) as report:
            yield report
        job.refused_count = report.count
        if report.count:
            with path.open("rb") as written:
                job.refusal_file.save(f"refusals-{job.pk}.csv", File(written), save=False)


def _finish(job: IngestionJob, status: IngestionJob.Status, *, error: str) -> None:
    job.status, job.error, job.finished_at = status, legible(error), timezone.now()
    job.save()


class _JobListener(IngestionListener):
    """Writes the progress of a job to its row, at most twice a second, and what was refused to its report."""

    def __init__(self, job: IngestionJob, report: RefusalReport) -> None:
        self.shown_refusals: list[dict[str, object]] = []
        self._job = job
        self._report = report
        self._written_at = float("-inf")

    def refused(self, source: Source, refusal: Refusal) -> None:
        """Note a record that cannot be loaded."""
        self.note(refusal)

    def note(self, refusal: Refusal) -> None:
        """Report what was not loaded, and show the first of it."""
        self._report.add(refusal.file, refusal.line, refusal.reason)
        if len(self.shown_refusals) < SHOWN_REFUSALS:
            shown = replace(refusal, file=legible(refusal.file), reason=legible(refusal.reason))
            self.shown_refusals.append(asdict(shown))

    def progressed(self, stage: Stage, processed: int, total: int) -> None:
        """Note how far the job has come; the beginning and the end of a stage are always written."""
        is_boundary = stage != self._job.stage or processed == total
        now = time.monotonic()
        if not is_boundary and now - self._written_at < _SECONDS_BETWEEN_WRITES:
            return
        self._written_at = now
        self._job.stage, self._job.processed_count, self._job.total_count = stage, processed, total
        self._job.heartbeat_at = timezone.now()
        self._job.save(update_fields=["stage", "processed_count", "total_count", "heartbeat_at"])
