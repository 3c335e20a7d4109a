"""Conversations as files: read, written in parts, put together, kept for a while, handed out by signed links."""
