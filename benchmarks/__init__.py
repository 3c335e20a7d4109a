"""Decides nothing for the product: each script measures one bar and prints reference, ours and their ratio."""
