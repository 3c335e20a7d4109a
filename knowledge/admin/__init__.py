"""Decides what operators see of the corpus; importing the modules registers their models."""

from knowledge.admin import bookmarks, evaluations, jobs, vectors, works

__all__ = ["bookmarks", "evaluations", "jobs", "vectors", "works"]
