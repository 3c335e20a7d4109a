"""Shared by the tests of accounts: a client, and a queue that works at once."""

import pytest
from rest_framework.test import APIClient

from guoxue.celery import app as celery_app


@pytest.fixture
def tasks_run_at_once():
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


@pytest.fixture
def api():
    return APIClient()
