"""The REST side of conversations, one file for each thing that is asked for."""
