"""Decides nothing for the product: our engine without its log of pieces, to tell what it costs that replies can be resumed.

``python -m benchmarks.unlogged --port PORT``; leases are still renewed, and the whole reply is saved at its end.
"""

from unittest.mock import patch

from benchmarks.database import set_up_django


def main() -> None:
    """Serve as ``guoxue.serve`` does."""
    set_up_django()
    from chat.streaming.live import LiveReply
    from guoxue import serve

    with patch.object(LiveReply, "unflushed", return_value=[]):
        serve.main()


if __name__ == "__main__":
    main()
