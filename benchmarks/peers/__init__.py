"""Decides nothing for the product: what it is measured against, each in an environment of its own."""
