"""Lets tests export: a folder of their own, an export that is written at once, what stands in its file."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from accounts.models import User
from chat.exporting import places
from chat.exporting.writing import run_export
from chat.models import Export, Message, Role, Session
from chat.services.exports import create_export

QUOTE = {
    "quote": "学而不思则罔",
    "start": 1,
    "end": 7,
    "verdict": "exact",
    "citation": "《论语·为政》",
    "attribution": "right",
    "passage_id": 1,
}
FORGED = {"quote": "上善如酒", "start": 9, "end": 13, "verdict": "not_found", "attribution": "unknown"}
SOURCE = {
    "n": 1,
    "passage_id": 1,
    "work": "论语",
    "section": "为政",
    "citation": "《论语·为政》",
    "text": "子曰：「学而不思则罔，思而不学则殆。」",
    "score": 1.0,
    "exact": True,
    "context": "",
}


def exported(user: User, format: str, sessions: Sequence[Session] | None = None) -> Export:
    """Ask for an export, write it as the worker does, and return it as it is then."""
    chosen = None if sessions is None else [session.id for session in sessions]
    export = create_export(user=user, format=format, session_ids=chosen)
    run_export(export_id=export.id)
    export.refresh_from_db()
    return export


def text_of(export: Export) -> str:
    """Return the text of a finished export."""
    assert export.status == "done", (export.status, export.error_code)
    return places.file_of(export).read_text()


def json_of(export: Export) -> dict[str, Any]:
    """Return a finished JSON export."""
    parsed: dict[str, Any] = json.loads(text_of(export))
    return parsed


def files_of(export_id: uuid.UUID) -> list[str]:
    """Return what stands in an export's folder."""
    folder = places.folder_of(export_id)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(autouse=True)
def export_dir(settings: Any, tmp_path: Any) -> Any:
    """A folder that ends with the test."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return settings.EXPORT_DIR


def make_conversations(user: User, count: int, text: str) -> list[Session]:
    """Make sessions of one question and one reply each, without the work of having them."""
    role = Role.objects.offered().first()
    sessions = Session.objects.bulk_create(
        Session(owner=user, role=role, title=f"第{number}段") for number in range(count)
    )
    questions = Message.objects.bulk_create(
        Message(session=session, owner=user, author="reader", status="completed", text=f"问{number}")
        for number, session in enumerate(sessions)
    )
    replies = Message.objects.bulk_create(
        Message(
            **{"session": question.session, "owner": user, "author": "assistant", "status": "completed"},
            **{"reply_to": question, "role": role, "model": "offline", "text": f"答{number}{text}"},
        )
        for number, question in enumerate(questions)
    )
    for session, reply in zip(sessions, replies, strict=True):
        session.leaf = reply
    Session.objects.bulk_update(sessions, ["leaf"])
    return sessions
