"""Composition root for processes that serve REST and pages only: no socket, no stream, and no hop between threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guoxue.settings")
application = get_wsgi_application()
