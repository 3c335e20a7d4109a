"""Decides what the worker does for the corpus: load files, fill in vectors, pick up what was left."""

import logging

from celery import shared_task

from knowledge import services
from knowledge.errors import EmbeddingUnavailable
from knowledge.ingestion import jobs
from knowledge.locks import Lock, sole
from knowledge.vectors import filling

logger = logging.getLogger(__name__)


@shared_task
def run_ingestion_job(job_id: int) -> None:
    """Load an uploaded file into the corpus."""
    jobs.run_job(job_id=job_id)


@shared_task
def resume_ingestion_jobs() -> None:
    """Enqueue the jobs whose task was lost or whose worker was killed."""
    for job_id in jobs.abandoned_jobs():
        run_ingestion_job.delay(job_id)


@shared_task
def index_new_passages() -> None:
    """Index what a killed run has left, and rebuild the parts of the index whose passages have gone or moved.

    While passages are being loaded the run that loads them indexes them.
    """
    with sole(Lock.INDEXING) as alone:
        indexed = services.index_corpus() if alone else 0
    if indexed:
        logger.info("Indexed %d passages.", indexed)


@shared_task
def embed_missing_passages() -> None:
    """Give every passage its vectors, index them, and let the chosen model serve once it has them all.

    What fails now is tried again at the next run. While one run is under way another has nothing to do.
    """
    try:
        with sole(Lock.EMBEDDING) as alone:
            stored = _fill_in() if alone else 0
    except EmbeddingUnavailable:
        logger.warning("No vectors could be made; the corpus is searched by characters.", exc_info=True)
        return
    if stored:
        logger.info("Stored %d vectors.", stored)


def _fill_in() -> int:
    stored = filling.embed_missing()
    filling.complete_models()
    return stored
