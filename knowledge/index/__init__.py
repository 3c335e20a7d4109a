"""The lexical index: posting lists in PostgreSQL, how they follow the corpus and how they are read."""
