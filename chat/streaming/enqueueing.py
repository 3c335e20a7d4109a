"""Decides how a web process hands what is left to do for a reply to the workers: at once, and without waiting for it."""

import logging
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import UUID

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

TASK = "chat.tasks.after_reply"
# What no worker has begun by then the sweep has taken up.
EXPIRES_SECONDS = 3600
# So long the queue is left alone after it did not answer; meanwhile all is left to the sweep.
PAUSE_SECONDS = 10


class _Queue:
    """The way to the workers, on a thread of its own: a queue that hangs holds nobody up."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="enqueue")
        self._paused_until = 0.0

    def put(self, message_id: UUID) -> None:
        if monotonic() >= self._paused_until:
            self._thread.submit(self._send, message_id)

    def _send(self, message_id: UUID) -> None:
        if monotonic() < self._paused_until:
            return
        try:
            current_app.send_task(TASK, (str(message_id),), expires=EXPIRES_SECONDS)
        except OperationalError as error:
            self._paused_until = monotonic() + PAUSE_SECONDS
            logger.warning(
                "the queue does not answer, what replies leave to do waits for the sweep: %s", error
            )


_queue = _Queue()


def enqueue_aftercare(message_id: UUID) -> None:
    """Have a worker look after a reply that has ended; returns at once. What gets lost the sweep finds."""
    _queue.put(message_id)
