"""Decides how a parsing process begins: bare, with as much of Django as the models need, and without a database."""

import signal
from multiprocessing.connection import Connection

import django
from django.conf import settings
from django.utils.module_loading import import_string

_APPS = ("django.contrib.contenttypes", "django.contrib.auth", "accounts", "knowledge")


def begin(connection: Connection, function: str) -> None:
    """Set Django up and call the function, given by its dotted name, with the connection.

    The product's own settings would bring the admin and all that it imports, which takes seconds.
    """
    # Ctrl-C reaches the whole group of processes; the one that stores decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A main script that sets Django up while it is imported has done so here, too.
    if not settings.configured:
        settings.configure(INSTALLED_APPS=_APPS, AUTH_USER_MODEL="accounts.User")
    django.setup()
    import_string(function)(connection)
