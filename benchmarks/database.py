"""Decides on which database a benchmark works: one of its own on the server that DATABASE_URL names."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

SECRET_KEY = "only-for-benchmarks-0123456789-abcdefghijklmnopqrstuvwxyz"


def open_database(name: str, *, is_fresh: bool = False) -> None:
    """Make the database if the server has none of that name, or anew; migrate it, and let Django use it.

    To be called once, before anything of the product is imported that needs Django's settings.
    """
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        sys.exit(
            "DATABASE_URL is not set. Run the benchmark on bundled servers: "
            "python -m guoxue.embedded exec --data var/bench/servers -- python -m benchmarks.…"
        )
    with psycopg.connect(url, autocommit=True) as server:
        if is_fresh:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            )
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    set_up_django()
    call_command("migrate", verbosity=0)


def set_up_django() -> None:
    """Let the product be imported; a benchmark that needs no database calls this alone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guoxue.settings")
    # Not the developer's own: servers that a benchmark starts have this one, and read the tokens signed here.
    os.environ["SECRET_KEY"] = SECRET_KEY
    os.environ.setdefault("DEBUG", "true")
    django.setup()
    # While debugging, Django formats and keeps every statement, a third of a millisecond for one with a vector.
    settings.DEBUG = False


@contextmanager
def own_database(name: str) -> Iterator[None]:
    """Open an empty database for the block, and drop it after."""
    open_database(name, is_fresh=True)
    try:
        yield
    finally:
        drop_database(name)


def drop_database(name: str) -> None:
    """Remove a database that a benchmark has made for itself; Django's connections to it are closed first."""
    for each in connections.all(initialized_only=True):
        each.close()
        close_pool = getattr(each, "close_pool", None)
        if close_pool:
            close_pool()
    url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres"))
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def read_note() -> str:
    """Return what ``write_note`` left in this database, or "" if nothing did."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(shobj_description(oid, 'pg_database'), '') "
            "FROM pg_database WHERE datname = current_database()"
        )
        return str(cursor.fetchone()[0])


def write_note(note: str) -> None:
    """Leave a note in the database, such as what it has been filled with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        database = sql.Identifier(cursor.fetchone()[0])
        cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(note)))
