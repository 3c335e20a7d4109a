"""The reply engine: server-owned replies, their viewers, and the flusher that records them."""
