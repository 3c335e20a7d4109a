"""Decides how conversations are printed: a part is laid out some pages at a time, and the files are joined."""

import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string

from chat import errors
from chat.exporting import pdf_joining, pdf_render
from chat.exporting.forms import BRANCH_NOTE, TITLE, Beat, Cover, told_quote
from chat.exporting.pdf_support import require_pdf
from chat.exporting.reading import Conversation, Utterance
from chat.labels import label_line
from chat.rendering import render_reply

logger = logging.getLogger(__name__)

# Characters of HTML: some seconds of layout, and some tens of megabytes in the process that lays out.
FULL_CHARACTERS = 200_000
LAYOUT_SECONDS = 300
_SECONDS_BETWEEN_LOOKS = 0.05
# On paper a link to our own passages leads nowhere.
_LINK = re.compile(r"</?a(?: [^>]*)?>")


class PdfForm:
    """The form that is read on paper."""

    def write_part(
        self,
        path: Path,
        conversations: Iterable[Conversation],
        before: Sequence[Path],
        cover: Cover,
        beat: Beat,
    ) -> None:
        """Lay out about so much as one layout takes, and more only where a single conversation is longer."""
        require_pdf()
        layout = _Layout(path, pdf_joining.page_count(before), cover, beat)
        if not before:
            layout.add(_cover(cover))
        for conversation in conversations:
            for fragment in _fragments(conversation):
                layout.add(fragment)
                beat()
            if layout.is_full:
                break
        layout.close()

    def assemble(self, parts: Sequence[Path], target: Path, cover: Cover) -> None:
        pdf_joining.join(parts, target, cover)


class _Layout:
    """Gathers HTML, and lays it out whenever it is enough; the files that come of it are joined at the end."""

    def __init__(self, path: Path, first_page: int, cover: Cover, beat: Beat) -> None:
        self._path, self._cover, self._beat = path, cover, beat
        self._pages = first_page
        self._waiting: list[str] = []
        self._characters = 0
        self._files: list[Path] = []

    @property
    def is_full(self) -> bool:
        return bool(self._files) or self._characters >= FULL_CHARACTERS

    def add(self, fragment: str) -> None:
        self._waiting.append(fragment)
        self._characters += len(fragment)
        if self._characters >= FULL_CHARACTERS:
            self._lay_out()

    def close(self) -> None:
        if self._waiting:
            self._lay_out()
        pdf_joining.join(self._files, self._path)
        for file in self._files:
            file.unlink()

    def _lay_out(self) -> None:
        source = self._path.with_name(f"{self._path.name}.html")
        target = self._path.with_name(f"{self._path.name}.{len(self._files)}.pdf")
        about = {"cover": self._cover, "first_page": self._pages + 1, "fragments": self._waiting}
        source.write_text(render_to_string("export/page.html", about), encoding="utf-8")
        _run(source, target, self._beat)
        source.unlink()
        self._files.append(target)
        self._pages += pdf_joining.page_count([target])
        self._waiting, self._characters = [], 0


def _run(source: Path, target: Path, beat: Beat) -> None:
    """Lay out in a process of its own. Raises PdfUnavailable, and ExportFailed where it fails or takes too long."""
    command = [sys.executable, "-m", pdf_render.__name__, str(source), str(target)]
    words = source.with_name(f"{source.name}.log")
    with words.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            code = _wait(process, beat)
        finally:
            process.kill()
            process.wait()
    if code == 0:
        return words.unlink()
    logger.error("The layout ended with %s: %s", code, words.read_text(errors="replace")[-2000:])
    if code == pdf_render.NO_LIBRARIES:
        raise errors.PdfUnavailable
    raise errors.ExportFailed("排版没有成功，请改用 Markdown 或 JSON。")


def _wait(process: "subprocess.Popen[bytes]", beat: Beat) -> int | None:
    deadline = time.monotonic() + LAYOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            return process.wait(_SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            beat()
    return None


def _cover(cover: Cover) -> str:
    return render_to_string("export/cover.html", {"title": TITLE, "note": BRANCH_NOTE, "cover": cover})


def _fragments(conversation: Conversation) -> Iterator[str]:
    yield render_to_string("export/session.html", {"conversation": conversation})
    for utterance in conversation.utterances():
        yield render_to_string("export/message.html", _message(utterance))


def _message(utterance: Utterance) -> dict[str, object]:
    html = render_reply(utterance.text, utterance.sources, utterance.quotes) if utterance.is_reply else ""
    return {
        "utterance": utterance,
        "html": _LINK.sub("", html),
        "label": label_line(utterance.label, utterance.content_id) if utterance.label else "",
        "verdicts": [told_quote(quote) for quote in utterance.quotes],
    }
