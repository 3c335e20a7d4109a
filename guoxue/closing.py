"""Decides by which code a WebSocket is closed when its server stops, for those who close and those who write it out."""

# RFC 6455 and its registry: the server restarts, the client may connect again.
CLOSE_RESTARTING = 1012
