from datetime import timedelta
from threading import Barrier

import pytest
from django.core.cache import cache
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import tokens
from accounts.errors import AccountDisabled, TicketInvalid, TokenExpired, TokenInvalid
from accounts.models import User
from accounts.tests.factories import make_user
from guoxue.tests.racing import run_together, winners

pytestmark = pytest.mark.django_db


def expired(kind, user):
    token = kind()
    token["user_id"] = str(user.pk)
    token.set_exp(lifetime=timedelta(seconds=-1))
    return str(token)


def forged(token):
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{signature[::-1]}"


def test_access_token_names_its_user():
    user = make_user()

    pair = tokens.issue_tokens(user)

    assert tokens.authenticate_access_token(pair.access) == user
    assert tokens.authenticate_access_token(pair.access.encode()) == user


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "空", "\ud800"])
def test_nonsense_is_an_invalid_token(token):
    with pytest.raises(TokenInvalid):
        tokens.authenticate_access_token(token)


def test_forged_token_and_token_of_the_wrong_kind_are_invalid():
    pair = tokens.issue_tokens(make_user())

    for token in (forged(pair.access), pair.refresh):
        with pytest.raises(TokenInvalid):
            tokens.authenticate_access_token(token)
    for token in (forged(pair.refresh), pair.access):
        with pytest.raises(TokenInvalid):
            tokens.rotate_refresh_token(token)


def test_expired_tokens_say_so():
    user = make_user()

    with pytest.raises(TokenExpired):
        tokens.authenticate_access_token(expired(AccessToken, user))
    with pytest.raises(TokenExpired):
        tokens.rotate_refresh_token(expired(RefreshToken, user))


def test_disabled_user_is_refused_with_every_token():
    user = make_user()
    pair, ticket = tokens.issue_tokens(user), tokens.issue_ticket(user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    for refused, credential in [
        (tokens.authenticate_access_token, pair.access),
        (tokens.rotate_refresh_token, pair.refresh),
        (tokens.redeem_ticket, ticket),
    ]:
        with pytest.raises(AccountDisabled):
            refused(credential)

    assert not BlacklistedToken.objects.exists()


def test_deleted_user_is_nobody():
    user = make_user()
    pair, ticket = tokens.issue_tokens(user), tokens.issue_ticket(user)
    user.delete()

    for refused, credential in [
        (tokens.authenticate_access_token, pair.access),
        (tokens.rotate_refresh_token, pair.refresh),
        (tokens.redeem_ticket, ticket),
    ]:
        with pytest.raises(TokenInvalid):
            refused(credential)


def test_database_does_not_hold_tokens_that_work():
    tokens.issue_tokens(make_user())

    assert OutstandingToken.objects.get().token == ""


def test_ticket_opens_one_door_once():
    user = make_user()
    ticket = tokens.issue_ticket(user)

    assert tokens.redeem_ticket(ticket) == user
    with pytest.raises(TicketInvalid):
        tokens.redeem_ticket(ticket)


@pytest.mark.parametrize("ticket", ["", "guess", "x" * 5000, "票"])
def test_unknown_ticket_is_refused(ticket):
    with pytest.raises(TicketInvalid):
        tokens.redeem_ticket(ticket)


def test_ticket_lives_thirty_seconds(monkeypatch):
    lives = []
    remember = tokens.cache.set
    monkeypatch.setattr(
        tokens.cache, "set", lambda key, value, life: lives.append(life) or remember(key, value, 0)
    )

    ticket = tokens.issue_ticket(make_user())

    assert lives == [30]
    with pytest.raises(TicketInvalid):
        tokens.redeem_ticket(ticket)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("atomic", "expected_winners"), [(True, 1), (False, 4)])
def test_of_many_redemptions_at_the_same_moment_the_atomic_delete_lets_one_win(
    monkeypatch, atomic, expected_winners
):
    ticket = tokens.issue_ticket(make_user())
    all_have_read = Barrier(4)

    class CacheReadByAll:
        def get(self, key):
            value = cache.get(key)
            all_have_read.wait(timeout=10)
            return value

        def delete(self, key):
            return cache.delete(key) or not atomic

    monkeypatch.setattr(tokens, "cache", CacheReadByAll())

    results = run_together([lambda: tokens.redeem_ticket(ticket)] * 4)

    assert len(winners(results)) == expected_winners
