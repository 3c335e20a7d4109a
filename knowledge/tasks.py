"""Decides what the worker does for the corpus: load files, fill in vectors, pick up what was left."""

import logging

from celery import shared_task

from knowledge import ingestion_jobs, services, vectors
from knowledge.errors import EmbeddingUnavailable

logger = logging.getLogger(__name__)


@shared_task
def run_ingestion_job(job_id: int) -> None:
    """Load an uploaded file into the corpus."""
    ingestion_jobs.run_job(job_id=job_id)


@shared_task
def resume_ingestion_jobs() -> None:
    """Enqueue the jobs whose task was lost or whose worker was killed."""
    for job_id in ingestion_jobs.abandoned_jobs():
        run_ingestion_job.delay(job_id)


@shared_task
def embed_missing_passages() -> None:
    """Give every passage a vector of the current model; what fails now is tried again at the next run.

    While one run is under way another has nothing to do.
    """
    try:
        with vectors.sole_embedding() as alone:
            stored = services.embed_missing() if alone else 0
    except EmbeddingUnavailable:
        logger.warning("No vectors could be made; the corpus is searched by characters.", exc_info=True)
        return
    if stored:
        logger.info("Stored %d vectors.", stored)
