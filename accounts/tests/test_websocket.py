import pytest
from asgiref.sync import async_to_sync

from accounts import tokens
from accounts.errors import TicketInvalid, TokenInvalid
from accounts.tests.factories import make_user
from accounts.websocket import Authenticated, authenticate_scope
from guoxue.errors import NotAuthenticated

pytestmark = pytest.mark.django_db(transaction=True)


def scope(*, headers=(), subprotocols=(), query=""):
    return {
        "type": "websocket",
        "path": "/ws/chat/1",
        "headers": list(headers),
        "subprotocols": list(subprotocols),
        "query_string": query.encode("latin-1"),
    }


def authenticate(**parts):
    return async_to_sync(authenticate_scope)(scope(**parts))


def test_each_of_the_four_ways_opens_the_door():
    user = make_user()
    jwt = tokens.issue_tokens(user).access

    by_header = authenticate(headers=[(b"host", b"x"), (b"authorization", f"Bearer {jwt}".encode())])
    by_subprotocol = authenticate(subprotocols=["bearer", jwt])
    by_ticket = authenticate(query=f"ticket={tokens.issue_ticket(user)}")
    by_token = authenticate(query=f"a=1&token={jwt}")

    assert by_subprotocol == Authenticated(user, "bearer")
    assert by_header == by_ticket == by_token == Authenticated(user, None)


def test_header_comes_before_the_rest():
    first, second = make_user(), make_user()
    header = (b"authorization", b"bearer " + tokens.issue_tokens(first).access.encode())

    authenticated = authenticate(headers=[header], query=f"token={tokens.issue_tokens(second).access}")

    assert authenticated.user == first


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"headers": [(b"authorization", b"Basic YTpi")]},
        {"headers": [(b"authorization", b"Bearer ")]},
        {"subprotocols": ["bearer"]},
        {"subprotocols": ["chat", "token"]},
        {"query": "ticket=&token="},
    ],
)
def test_connection_without_credentials_is_not_authenticated(parts):
    with pytest.raises(NotAuthenticated) as refusal:
        authenticate(**parts)

    assert refusal.value.code == "not_authenticated"


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ({"headers": [(b"authorization", b"Bearer nonsense")]}, TokenInvalid),
        ({"headers": [(b"authorization", b"Bearer \xff\xfe")]}, TokenInvalid),
        ({"subprotocols": ["bearer", "nonsense"]}, TokenInvalid),
        ({"query": "token=nonsense"}, TokenInvalid),
        ({"query": "ticket=nonsense"}, TicketInvalid),
        ({"query": "ticket=%ff%00\xe9"}, TicketInvalid),
    ],
)
def test_wrong_credentials_are_refused(parts, refusal):
    with pytest.raises(refusal):
        authenticate(**parts)


def test_credentials_never_reach_a_log(caplog):
    caplog.set_level("DEBUG")
    pair = tokens.issue_tokens(make_user())

    authenticate(query=f"token={pair.access}")
    with pytest.raises(TokenInvalid):
        authenticate(query=f"token={pair.refresh}")

    assert pair.access not in caplog.text and pair.refresh not in caplog.text
