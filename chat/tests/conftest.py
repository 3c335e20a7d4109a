"""Shared by the tests of the conversation: a scripted model, a served product, a small corpus."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import make_operator, make_user
from chat.aftercare import look_after
from chat.models import Message, Session
from chat.moderation import panel
from chat.services.sessions import create_session
from chat.tests.served import Served
from chat.tests.talking import Talk
from guoxue import llm
from guoxue.tests.browsing import browser, page, tolerated
from guoxue.tests.scripted_model import ScriptedModel, spoken
from guoxue.tests.scripted_wechat import APP_ID, APP_SECRET, OPENID, ScriptedWeChat
from knowledge.starter.loading import load_starter

__all__ = ["browser", "page", "tolerated"]


@pytest.fixture(scope="session")
def _model() -> Iterator[ScriptedModel]:
    model = ScriptedModel()
    yield model
    model.close()


@pytest.fixture
def scripted_model(_model: ScriptedModel) -> ScriptedModel:
    _model.reset()
    return _model


@pytest.fixture
def priced_model(settings) -> str:
    """The scripted model's name has a price: that of the seeded default."""
    settings.LLM_API_KEY = "scripted"
    return llm.default_model()


@pytest.fixture
def reader(db) -> User:
    return make_user(email="reader@example.com")


@pytest.fixture
def stranger(db) -> User:
    return make_user(email="stranger@example.com")


@pytest.fixture
def session(reader: User) -> Session:
    return create_session(user=reader)


@pytest.fixture(scope="session")
def _server(_model: ScriptedModel, django_db_setup: None, django_db_blocker: Any) -> Iterator[Served]:
    with django_db_blocker.unblock():
        server = Served(LLM_BASE_URL=_model.base_url, LLM_API_KEY="scripted", REPLY_LEASE_SECONDS="3")
    yield server
    server.stop()


@pytest.fixture
def served(_server: Served, scripted_model: ScriptedModel, transactional_db: None) -> Iterator[Served]:
    """The product with the scripted model behind it; a reply that a test leaves streaming ends with its process."""
    yield _server.start()
    if Message.objects.streaming().exists():
        _server.kill()


@pytest.fixture
def hearing(served: Served) -> Served:
    """The product just started: before each test the cache is emptied, and with it goes the list of those who hear hints."""
    served.kill()
    return served.start()


@pytest.fixture
def corpus(transactional_db: None) -> None:
    """The starter corpus."""
    load_starter()


@pytest.fixture
def talk(reader: User, session: Session) -> Talk:
    return Talk(reader, session)


@pytest.fixture
def summariser(settings, scripted_model: ScriptedModel, priced_model: str) -> ScriptedModel:
    """A model that only summarises."""
    settings.LLM_BASE_URL = scripted_model.base_url
    settings.SESSION_TITLES = settings.REPLY_SUGGESTIONS = False
    scripted_model.script = spoken("提要一。")
    return scripted_model


@pytest.fixture
def say(talk: Talk, session: Session, summariser: ScriptedModel) -> Callable[..., Message]:
    """Ask, be answered, and have what falls out of the two remembered turns summarised."""
    session.role.memory_turns = 2
    session.role.save()

    def say(text: str, answer: str = "", **options: Any) -> Message:
        reply = talk.ask(text, answer, **options)
        list(look_after(reply.id))
        return reply

    return say


@pytest.fixture
def client_of() -> Callable[[User | None], APIClient]:
    def client_of(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return client_of


@pytest.fixture
def people(reader: User, stranger: User) -> dict[str, User | None]:
    return {"anonymous": None, "stranger": stranger, "owner": reader, "staff": make_operator()}


@pytest.fixture
def wechat(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedWeChat]:
    """WeChat is configured and knows every reader."""
    server = ScriptedWeChat()
    settings.WECHAT_API_BASE_URL = server.base_url
    settings.WECHAT_APP_ID, settings.WECHAT_APP_SECRET = APP_ID, APP_SECRET
    settings.WECHAT_TIMEOUT_SECONDS = 0.5
    monkeypatch.setattr(panel, "active_openid", lambda user: OPENID)
    yield server
    server.close()
