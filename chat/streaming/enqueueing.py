"""Decides how a web process hands what is left to do for a reply to the workers: at once, and without waiting for it."""

import logging
from queue import Full, Queue
from threading import Thread
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
# So many wait at most for a queue that hangs.
MAX_WAITING = 1000


class _Queue:
    """The way to the workers, on a thread of its own: a queue that hangs holds nobody up, nor the end of the process."""

    def __init__(self) -> None:
        self._waiting: Queue[UUID] = Queue(MAX_WAITING)
        self._thread: Thread | None = None
        self._paused_until = 0.0

    def put(self, message_id: UUID) -> None:
        if monotonic() < self._paused_until:
            return
        try:
            self._waiting.put_nowait(message_id)
        except Full:
            return
        if self._thread is None:
            self._thread = Thread(target=self._send_all, name="enqueue", daemon=True)
            self._thread.start()

    def _send_all(self) -> None:
        while True:
            message_id = self._waiting.get()
            try:
                self._send(message_id)
            except Exception:
                # Whatever it was: one reply's trouble must not keep the others from the workers.
                logger.exception("what reply %s left to do waits for the sweep", message_id)
            finally:
                self._waiting.task_done()

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
