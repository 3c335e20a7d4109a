"""How a work leaves the corpus as a file that can be read back."""
