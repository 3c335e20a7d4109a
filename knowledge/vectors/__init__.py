"""The passages' vectors: which are missing, where they are stored and indexed, what lies near a query."""
