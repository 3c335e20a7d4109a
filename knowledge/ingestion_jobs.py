"""The use cases of an uploaded file: take it, load it, report its progress, go on where it was left."""

import logging
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from knowledge import services
from knowledge.errors import CorpusFileRefused, EmbeddingUnavailable
from knowledge.models import IngestionJob

logger = logging.getLogger(__name__)

MAX_REPORTED_REFUSALS = 1000
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
    progress = _ProgressWriter(job)
    result = services.ingest_file(
        path=Path(job.file.path),
        name=job.original_name,
        work_title=job.work_title or None,
        on_progress=progress.report,
    )
    job.loaded_count = result.passage_count
    job.refused_count = len(result.refusals)
    job.report = {
        "works": [asdict(work) for work in result.works],
        "refusals": [asdict(refusal) for refusal in result.refusals[:MAX_REPORTED_REFUSALS]],
    }
    note = ""
    try:
        titles = [work.title for work in result.works]
        job.report["embedded"] = services.embed_missing(work_titles=titles, on_progress=progress.report)
    except EmbeddingUnavailable as unavailable:
        logger.warning("Job %s is loaded but has no vectors yet.", job.pk, exc_info=True)
        note = f"文字已载入，可按字句检索；向量稍后自动补全。原因：{unavailable.message}"
    _finish(job, IngestionJob.Status.COMPLETED, error=note)


def _finish(job: IngestionJob, status: IngestionJob.Status, *, error: str) -> None:
    job.status, job.error, job.finished_at = status, error, timezone.now()
    job.save()


class _ProgressWriter:
    """Writes the progress of a job to its row, at most twice a second."""

    def __init__(self, job: IngestionJob) -> None:
        self._job = job
        self._written_at = float("-inf")

    def report(self, stage: services.Stage, processed: int, total: int) -> None:
        """Note how far the job has come; the beginning and the end of a stage are always written."""
        is_boundary = stage != self._job.stage or processed == total
        now = time.monotonic()
        if not is_boundary and now - self._written_at < _SECONDS_BETWEEN_WRITES:
            return
        self._written_at = now
        self._job.stage, self._job.processed_count, self._job.total_count = stage, processed, total
        self._job.heartbeat_at = timezone.now()
        self._job.save(update_fields=["stage", "processed_count", "total_count", "heartbeat_at"])
