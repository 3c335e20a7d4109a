"""Decides what operators see of the corpus; importing the modules registers their models."""

from knowledge.admin import jobs, works

__all__ = ["jobs", "works"]
