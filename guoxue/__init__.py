"""The kernel of 国学大师: settings, composition root and the doors that every app shares."""

from guoxue.celery import app as celery_app

__all__ = ["celery_app"]
