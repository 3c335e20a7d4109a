"""What a reply quotes, and where it comes from: the parts of ``knowledge/quotes.py``."""
