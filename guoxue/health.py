"""Decides whether this process lives, and whether it is ready to serve: database, migrations and Redis answer."""

import logging

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
_migrated = False


def livez(request: HttpRequest) -> JsonResponse:
    """Answer that the process runs; looks at nothing else."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database is migrated and Redis takes writes, else 503 with what is missing."""
    components = {"database": _database_ready(), "redis": _redis_ready()}
    ready = all(components.values())
    body = {
        "status": "ok" if ready else "unavailable",
        "components": {name: "ok" if up else "unavailable" for name, up in components.items()},
    }
    return JsonResponse(body, status=200 if ready else 503)


def _database_ready() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return _is_migrated()
    except DatabaseError as error:
        logger.warning("database not ready: %s", error)
        return False


def _is_migrated() -> bool:
    """Tell whether no migration is open; once true it stays true for the life of the process."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _redis_ready() -> bool:
    try:
        cache.set("readyz", 1, timeout=5)
    except (RedisError, OSError) as error:
        logger.warning("redis not ready: %s", error)
        return False
    return True
