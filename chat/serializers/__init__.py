"""The JSON of conversations, one file for each thing that it tells of."""
