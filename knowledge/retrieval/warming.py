"""Decides what a server process loads before its first reader asks: that search would else take seconds."""

import logging
import threading

from django.db import Error as DatabaseError
from django.db import connection

from guoxue.errors import ApplicationError
from knowledge.retrieval.search import run_search

logger = logging.getLogger(__name__)

_QUERY = "学而时习之"


def warm_up() -> None:
    """Search once, for the sake of the embedding model, the folding table, the index and the works' names."""
    try:
        run_search(_QUERY, limit=1)
    except (ApplicationError, DatabaseError) as error:
        logger.warning("The search could not be warmed up: %s", error)
    finally:
        connection.close()


def warm_up_in_background() -> None:
    """Warm up while the process already answers."""
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
