"""Decides how background work runs: one Celery application, tasks found in each app's ``tasks`` module."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guoxue.settings")

app = Celery("guoxue")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
