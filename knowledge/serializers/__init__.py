"""Decides how the corpus looks in JSON; one module for each kind of thing that is shown."""
