"""Lets tests talk: questions that are answered at once, versions of them, replies that go on streaming."""

import uuid

from accounts.models import User
from chat.endings import Outcome
from chat.history import branch_page
from chat.models import Message, Session
from chat.services.replies import finish_turn
from chat.services.turns import Turn, begin_regeneration, begin_turn


class Talk:
    """A reader's session."""

    def __init__(self, reader: User, session: Session) -> None:
        self.reader, self.session = reader, session

    def ask(self, text: str, answer: str = "", *, edit_of: Message | None = None) -> Message:
        """Ask and be answered; return the reply."""
        turn = begin_turn(text=text, edit_of=edit_of and edit_of.id, **self._request())
        return self.answer(turn, answer or f"答{text}")

    def regenerate(self, reply: Message, answer: str) -> Message:
        """Have another version of a reply."""
        return self.answer(begin_regeneration(message_id=reply.id, **self._request()), answer)

    def leave_streaming(self, text: str) -> Message:
        """Ask, and return the reply before it is written."""
        return self._reply(begin_turn(text=text, **self._request()))

    def answer(self, turn: Turn, text: str, status: str = "completed") -> Message:
        """End a turn."""
        finish_turn(message_id=turn.message_id, lease_token=turn.lease_token, outcome=Outcome(status, text))
        return self._reply(turn)

    def stop(self, text: str, answer: str) -> Message:
        """Ask, and stop the reply after so much of it."""
        return self.answer(begin_turn(text=text, **self._request()), answer, "stopped")

    def answer_streaming(self, reply: Message, text: str, status: str = "completed") -> Message:
        """End a reply that was left streaming."""
        assert reply.lease_token is not None
        finish_turn(message_id=reply.id, lease_token=reply.lease_token, outcome=Outcome(status, text))
        return Message.objects.get(id=reply.id)

    def shown(self) -> list[str]:
        """The texts of the branch that the reader sees, the oldest first."""
        page = branch_page(self.reader, self.session.id, start=None, limit=20)
        return [message["text"] for message in reversed(page.messages)]

    def _request(self) -> dict[str, object]:
        return {"user": self.reader, "session_id": self.session.id, "client_message_id": uuid.uuid4()}

    def _reply(self, turn: Turn) -> Message:
        return Message.objects.select_related("reply_to").get(id=turn.message_id)
