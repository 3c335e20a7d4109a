"""Decides what a reader is told of a persona that could be taken for a person, and when it is time to say it again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chat.models import Message

# What the rules for human-like services ask for.
REMINDED_EVERY = timedelta(hours=2)


@dataclass(frozen=True)
class Notice:
    """What stands before a persona's reply: at first use, or after two hours without a break."""

    kind: Message.NoticeKind
    role_name: str

    @property
    def text(self) -> str:
        """The sentence that is shown."""
        return _TEXTS[self.kind].format(name=self.role_name)

    @property
    def payload(self) -> dict[str, str]:
        """The notice as JSON."""
        return {"kind": self.kind.value, "role_name": self.role_name, "text": self.text}


_TEXTS = {
    Message.NoticeKind.FIRST_USE: (
        "您正在与 AI 对话：「{name}」由人工智能扮演，不是真人，也不是历史人物本人。回复由 AI 生成，引文请以核对结果为准。"
    ),
    Message.NoticeKind.TWO_HOURS: (
        "您已与「{name}」连续交谈两小时。「{name}」由人工智能扮演，不是真人；不妨歇一歇，随时可以离开。"
    ),
}


def notice_of(kind: str, role_name: str) -> Notice | None:
    """Return the notice that a message's row names, None if it names none."""
    return Notice(Message.NoticeKind(kind), role_name) if kind else None


def is_reminder_due(*, moment: datetime, began_at: datetime, reminded_at: datetime | None) -> bool:
    """Tell whether two hours have gone by since the talk began, or since the reader was last reminded in it."""
    since = began_at if reminded_at is None else max(began_at, reminded_at)
    return moment - since >= REMINDED_EVERY
