"""How files come into the corpus: ``loading.py`` is the door for commands, ``jobs.py`` for uploads."""
