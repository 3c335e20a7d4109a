"""Decides what a reply's quotations are worth to its ending: a verdict adorns, it never stands in the way."""

import logging
from dataclasses import asdict
from typing import Any

from knowledge.quotes import check_quotes

logger = logging.getLogger(__name__)


def verdicts_on(text: str) -> list[dict[str, Any]]:
    """Check the quotations of a reply; where the check itself fails there are none, and the reply ends all the same."""
    try:
        return [asdict(check) for check in check_quotes(text)]
    except Exception:
        # Ending a reply settles its hold: nothing that the check meets may prevent that.
        logger.exception("quotations could not be checked")
        return []
