"""The writes of the conversation, each a whole transaction; one module for each thing that is written."""
