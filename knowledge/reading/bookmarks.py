"""The use cases of a reader's bookmarks (摘抄): keep a passage or an excerpt, change the note, let it go."""

from dataclasses import asdict

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from guoxue.errors import InvalidInput, NotFound
from knowledge.errors import BookmarkLimitReached, BookmarkNotFound
from knowledge.folding import fold, fold_characters, is_cjk
from knowledge.models import Bookmark, Passage
from knowledge.reading.citing import Reference

MAX_BOOKMARKS = 5000
NOTE_MAX_CHARACTERS = 1000


def create_bookmark(
    *,
    owner: User,
    passage_id: int,
    start: int | None = None,
    end: int | None = None,
    quote: str = "",
    note: str = "",
) -> tuple[Bookmark, bool]:
    """Keep a passage, or the excerpt of it that ``start`` and ``end`` or ``quote`` name; tell whether it is new.

    Idempotent: the same excerpt is kept once, and a second request changes nothing about it. Raises
    ``NotFound`` without such a passage, ``InvalidInput`` when the excerpt is not in it,
    ``BookmarkLimitReached`` at 5 000 bookmarks.
    """
    passage = Passage.objects.located().filter(pk=passage_id).first()
    if passage is None:
        raise NotFound("没有找到这段文字，它可能已被更新。")
    start, end = _locate(passage.text, start, end, quote)
    with transaction.atomic(durable=True):
        own = Bookmark.objects.owned_by(owner)
        kept = own.located().filter(passage=passage, start=start, end=end).first()
        if kept is not None:
            return kept, False
        if own.count() >= MAX_BOOKMARKS:
            raise BookmarkLimitReached
        return Bookmark.objects.get_or_create(
            owner=owner,
            passage=passage,
            start=start,
            end=end,
            defaults={
                "text": passage.text[start:end],
                "citation": passage.citation,
                "reference": asdict(Reference.of(passage)),
                "note": note,
            },
        )


def change_note(*, owner: User, bookmark_id: int, note: str) -> Bookmark:
    """Replace the note of one's own bookmark. Raises ``BookmarkNotFound``."""
    bookmark = Bookmark.objects.owned_by(owner).located().filter(pk=bookmark_id).first()
    if bookmark is None:
        raise BookmarkNotFound
    bookmark.note, bookmark.updated_at = note, timezone.now()
    bookmark.save(update_fields=["note", "updated_at"])
    return bookmark


def delete_bookmark(*, owner: User, bookmark_id: int) -> None:
    """Delete one's own bookmark. Raises ``BookmarkNotFound``."""
    deleted, _by_model = Bookmark.objects.owned_by(owner).filter(pk=bookmark_id).delete()
    if not deleted:
        raise BookmarkNotFound


def _locate(text: str, start: int | None, end: int | None, quote: str) -> tuple[int, int]:
    """Return where the excerpt stands in the text; without any excerpt the whole text is meant."""
    if quote:
        found = text.find(quote)
        return (found, found + len(quote)) if found >= 0 else _locate_folded(text, quote)
    start, end = start or 0, len(text) if end is None else end
    if not start < end <= len(text) or not text[start:end].strip():
        raise InvalidInput(fields={"end": ["所选的文字不在这一段之内。"]})
    return start, end


def _locate_folded(text: str, quote: str) -> tuple[int, int]:
    """Find a quotation that differs in script, punctuation or spaces only."""
    places = [place for place, character in enumerate(text) if is_cjk(character)]
    wanted = fold(quote)
    found = "".join(fold_characters(text[place]) for place in places).find(wanted) if wanted else -1
    if found < 0:
        raise InvalidInput(fields={"quote": ["这一段里没有所引的文字。"]})
    return places[found], places[found + len(wanted) - 1] + 1
