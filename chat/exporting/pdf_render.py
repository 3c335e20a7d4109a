"""Decides how HTML becomes pages, in a process of its own: its memory is given back, and it can be cut off.

Run as ``python -m chat.exporting.pdf_render page.html page.pdf``. It knows nothing of Django, and fetches nothing.
"""

import sys
from pathlib import Path
from typing import Any, NoReturn

# The libraries that WeasyPrint needs are not there.
NO_LIBRARIES = 3


def render(source: Path, target: Path) -> None:
    """Lay the HTML out and write it as PDF."""
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    class RefusingFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        """Refuses every address, whatever its scheme: what it names is missing on the page."""

        def fetch(self, url: str, headers: Any = None) -> NoReturn:
            raise ValueError(f"refused to fetch {url[:80]!r}")

    html = HTML(string=source.read_text(encoding="utf-8"), url_fetcher=RefusingFetcher())
    html.write_pdf(target, presentational_hints=False)


if __name__ == "__main__":
    try:
        render(Path(sys.argv[1]), Path(sys.argv[2]))
    except OSError as error:
        if "cannot load library" not in str(error):
            raise
        print(error, file=sys.stderr)
        sys.exit(NO_LIBRARIES)
