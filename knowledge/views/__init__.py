"""Decides what the corpus answers over HTTP: REST doors for programs, pages for readers."""
