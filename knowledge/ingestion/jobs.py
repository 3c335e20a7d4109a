"""The use cases of an uploaded file: take it, load it, report its progress, go on where it was left."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
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
from knowledge.ingestion.refusal_report import RefusalReport, open_report
from knowledge.ingestion.unpacking import unpacked
from knowledge.models import IngestionJob
from knowledge.outlining.records import Refusal
from knowledge.progress import Stage
from knowledge.vectors.filling import embed_missing

logger = logging.getLogger(__name__)

SHOWN_REFUSALS = 200
ABANDONED_AFTER = timedelta(minutes=5)
_SECONDS_BETWEEN_WRITES = 0.5


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
        # The unknown goes on to the worker's log; the operator must not wait for a job that has died.
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
    with transaction.atomic(durable=True):
        job = IngestionJob.objects.select_for_update(no_key=True).get(pk=job_id)
        now = timezone.now()
        is_alive = job.heartbeat_at is not None and job.heartbeat_at > now - ABANDONED_AFTER
        if job.is_finished or (job.status == IngestionJob.Status.RUNNING and is_alive):
            return None
        job.status = IngestionJob.Status.RUNNING
        job.started_at = job.heartbeat_at = now
        job.save(update_fields=["status", "started_at", "heartbeat_at"])
        return job


def _load(job: IngestionJob) -> None:
    with job.file.open("rb") as file, unpacked(file, job.original_name) as sources:
        listener, result = _load_texts(job, sources)
    job.loaded_count = result.passage_count
    job.report = {"works": [asdict(work) for work in result.works], "refusals": listener.shown_refusals}
    if not result.works:
        raise CorpusFileRefused(result.failed[0][1])
    note = ""
    try:
        titles = [work.title for work in result.works]
        job.report["embedded"] = embed_missing(work_titles=titles, on_progress=listener.progressed)
    except EmbeddingUnavailable as unavailable:
        logger.warning("Job %s is loaded but has no vectors yet.", job.pk, exc_info=True)
        note = f"文字已载入，可按字句检索；向量稍后自动补全。原因：{unavailable.message}"
    _finish(job, IngestionJob.Status.COMPLETED, error=note)


def _load_texts(job: IngestionJob, sources: list[Source]) -> "tuple[_JobListener, IngestionResult]":
    """Load the texts, and keep every refused record in a file of the job, even where all is refused."""
    with _refusal_file(job) as report:
        listener = _JobListener(job, report)
        result = ingest_sources(sources=sources, work_title=job.work_title, listener=listener)
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
    job.status, job.error, job.finished_at = status, error, timezone.now()
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
        self._report.add(refusal.file, refusal.line, refusal.reason)
        if len(self.shown_refusals) < SHOWN_REFUSALS:
            self.shown_refusals.append(asdict(refusal))

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
