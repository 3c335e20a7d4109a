"""The peer of ``benchmarks.history``: the same history as FastAPI, SQLAlchemy and pydantic serve it, the usual way.

Models with eager relationships, a response model, a synchronous endpoint on the pool of threads, orjson for JSON columns.
Run by uvicorn in an environment of its own; it reads our tables and our access tokens. ``DATABASE_URL``, ``SECRET_KEY``.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import jwt
import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, create_engine, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    joinedload,
    mapped_column,
    relationship,
    sessionmaker,
)
from sqlalchemy.types import Text

_ZONE = ZoneInfo("Asia/Shanghai")
_LABEL = "内容由 AI 生成，请对照原典"
_OFFLINE_LABEL = "离线模式：仅摘引原文，由 AI 服务合成"

engine = create_engine(
    os.environ["DATABASE_URL"]
    .replace("postgres://", "postgresql://")
    .replace("postgresql://", "postgresql+psycopg://"),
    pool_size=16,
    json_deserializer=orjson.loads,
)
open_session = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "accounts_user"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    nickname: Mapped[str]
    is_active: Mapped[bool]
    is_staff: Mapped[bool]


class Role(Base):
    __tablename__ = "chat_role"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Feedback(Base):
    __tablename__ = "chat_feedback"
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("chat_message.id"))
    value: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    comment: Mapped[str]


class Conversation(Base):
    __tablename__ = "chat_session"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    leaf_id: Mapped[UUID | None]


class Message(Base):
    __tablename__ = "chat_message"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    author: Mapped[str]
    status: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    reasoning: Mapped[str]
    client_message_id: Mapped[UUID | None]
    reply_to_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    continues_id: Mapped[UUID | None]
    role_id: Mapped[int | None] = mapped_column(ForeignKey("chat_role.id"))
    model: Mapped[str]
    sources: Mapped[list[Any]] = mapped_column(JSONB)
    quotes: Mapped[list[Any]] = mapped_column(JSONB)
    suggestions: Mapped[list[Any]] = mapped_column(JSONB)
    flag: Mapped[str]
    notice: Mapped[str]
    input_tokens: Mapped[int]
    cached_input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    usage_estimated: Mapped[bool]
    cost_micros: Mapped[int]
    error_code: Mapped[str]
    error_message: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    role: Mapped[Role | None] = relationship()
    feedback: Mapped[Feedback | None] = relationship(uselist=False)


class ErrorOut(BaseModel):
    code: str
    message: str


class FeedbackOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    value: str
    reasons: list[str]
    comment: str


class NoticeOut(BaseModel):
    kind: str
    role_name: str
    text: str


class MessageOut(BaseModel):
    id: UUID
    session_id: UUID
    author: str
    status: str
    text: str
    html: str
    reasoning: str
    client_message_id: UUID | None
    reply_to: UUID | None
    parent: UUID | None
    continues: UUID | None
    versions: list[UUID]
    version_index: int
    role_name: str
    model: str
    sources: list[Any]
    quotes: list[Any]
    suggestions: list[Any]
    flag: str
    notice: NoticeOut | None
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    usage_estimated: bool
    cost_micros: int
    cost: str
    error: ErrorOut | None
    feedback: FeedbackOut | None
    ai_generated: bool
    label: str
    content_id: str
    created_at: datetime
    finished_at: datetime | None


class PageOut(BaseModel):
    results: list[MessageOut]
    next: str | None
    previous: str | None


def database() -> Iterator[Session]:
    with open_session() as session:
        yield session


Database = Annotated[Session, Depends(database)]


def reader(session: Database, authorization: Annotated[str, Header()]) -> User:
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "), os.environ["SECRET_KEY"], algorithms=["HS256"]
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    user = session.get(User, UUID(claims["user_id"]))
    if user is None or not user.is_active:
        raise HTTPException(401)
    return user


@app.get("/api/v1/sessions/{session_id}/messages", response_model=PageOut)
def history(
    session_id: UUID,
    request: Request,
    session: Database,
    user: Annotated[User, Depends(reader)],
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> PageOut:
    """Return the branch that the reader sees, the newest message first."""
    conversation = session.scalar(
        select(Conversation).where(Conversation.id == session_id, Conversation.owner_id == user.id)
    )
    if conversation is None:
        raise HTTPException(404)
    messages = _branch(session, session_id, cursor or conversation.leaf_id, limit)
    versions = _versions(session, session_id, messages)
    results = [_out(message, versions) for message in messages]
    above = (messages[-1].reply_to_id or messages[-1].parent_id) if messages else None
    following = str(request.url.include_query_params(cursor=above.hex)) if above else None
    return PageOut(results=results, next=following, previous=None)


def _branch(session: Session, session_id: UUID, leaf_id: UUID | None, limit: int) -> list[Message]:
    table = Message.__table__
    up = func.coalesce(table.c.reply_to_id, table.c.parent_id)
    path = (
        select(table.c.id, up.label("up"), literal(1).label("depth"))
        .where(table.c.id == leaf_id, table.c.session_id == session_id)
        .cte("path", recursive=True)
    )
    path = path.union_all(
        select(table.c.id, up, path.c.depth + 1).where(table.c.id == path.c.up, path.c.depth < limit)
    )
    statement = (
        select(Message)
        .join(path, path.c.id == Message.id)
        .options(joinedload(Message.role), joinedload(Message.feedback))
        .order_by(path.c.depth)
    )
    return list(session.scalars(statement))


def _versions(session: Session, session_id: UUID, messages: list[Message]) -> dict[Any, list[UUID]]:
    """Return the versions under the key of what they answer or follow, in one statement."""
    sibling = aliased(Message.__table__)
    replied = {message.reply_to_id for message in messages if message.reply_to_id}
    followed = {message.parent_id for message in messages if message.parent_id}
    first = (
        sibling.c.reply_to_id.is_(None) & sibling.c.parent_id.is_(None) & (sibling.c.session_id == session_id)
    )
    rows = session.execute(
        select(sibling.c.id, func.coalesce(sibling.c.reply_to_id, sibling.c.parent_id))
        .where(or_(sibling.c.reply_to_id.in_(replied), sibling.c.parent_id.in_(followed), first))
        .order_by(sibling.c.created_at, sibling.c.id)
    )
    groups: dict[Any, list[UUID]] = {}
    for message_id, key in rows:
        groups.setdefault(key, []).append(message_id)
    return groups


def _out(message: Message, groups: dict[Any, list[UUID]]) -> MessageOut:
    versions = groups[message.reply_to_id or message.parent_id]
    is_reply = message.author == "assistant"
    label = _OFFLINE_LABEL if message.model == "offline" else _LABEL
    return MessageOut(
        id=message.id,
        session_id=message.session_id,
        author=message.author,
        status=message.status,
        text=message.text,
        html=message.html,
        reasoning=message.reasoning,
        client_message_id=message.client_message_id,
        reply_to=message.reply_to_id,
        parent=message.parent_id,
        continues=message.continues_id,
        versions=versions,
        version_index=versions.index(message.id),
        role_name=message.role.name if message.role else "",
        model=message.model,
        sources=message.sources,
        quotes=message.quotes,
        suggestions=message.suggestions,
        flag=message.flag,
        notice=None,  # The benchmark's role is no persona.
        input_tokens=message.input_tokens,
        cached_input_tokens=message.cached_input_tokens,
        output_tokens=message.output_tokens,
        usage_estimated=message.usage_estimated,
        cost_micros=message.cost_micros,
        cost=_yuan(message.cost_micros),
        error=ErrorOut(code=message.error_code, message=message.error_message)
        if message.error_code
        else None,
        feedback=FeedbackOut.model_validate(message.feedback) if message.feedback else None,
        ai_generated=is_reply,
        label=label if is_reply else "",
        content_id=str(message.id) if is_reply else "",
        created_at=message.created_at.astimezone(_ZONE),
        finished_at=message.finished_at.astimezone(_ZONE) if message.finished_at else None,
    )


def _yuan(micros: int) -> str:
    if 0 < micros < 10_000:
        return "¥0." + f"{micros:06d}".rstrip("0")
    return f"¥{micros // 1_000_000}.{micros % 1_000_000 // 10_000:02d}"
