from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.core.cache import cache
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import tokens
from accounts.errors import AccountDisabled, TicketInvalid, TokenExpired, TokenInvalid, TokenReused
from accounts.models import User, UserManager
from accounts.tests.factories import make_user
from accounts.tests.racing import run_at_once, winners

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


def test_refresh_token_buys_one_new_pair():
    user = make_user()
    old = tokens.issue_tokens(user)

    owner, new = tokens.rotate_refresh_token(old.refresh)

    assert owner == user
    assert tokens.authenticate_access_token(new.access) == user
    assert tokens.rotate_refresh_token(new.refresh)[0] == user


@pytest.mark.django_db(transaction=True)
def test_reuse_of_a_rotated_token_revokes_the_whole_family():
    user, bystander = make_user(), make_user()
    stolen, other_device = tokens.issue_tokens(user), tokens.issue_tokens(user)
    theirs = tokens.issue_tokens(bystander)
    _, successor = tokens.rotate_refresh_token(stolen.refresh)

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(stolen.refresh)

    for revoked in (successor, other_device):
        with pytest.raises(TokenReused):
            tokens.rotate_refresh_token(revoked.refresh)
    assert tokens.rotate_refresh_token(theirs.refresh)[0] == bystander
    assert tokens.rotate_refresh_token(tokens.issue_tokens(user).refresh)[0] == user


@pytest.mark.django_db(transaction=True)
def test_of_two_exchanges_at_the_same_moment_one_wins_and_its_prize_is_revoked():
    pair = tokens.issue_tokens(make_user())

    results = run_at_once(lambda: tokens.rotate_refresh_token(pair.refresh))

    assert len(winners(results)) == 1
    assert {type(result) for result in results} - {tuple} == {TokenReused}
    assert OutstandingToken.objects.filter(blacklistedtoken__isnull=True).count() == 0


def test_revoked_token_is_worthless_and_may_be_revoked_again():
    user = make_user()
    pair = tokens.issue_tokens(user)

    tokens.revoke_refresh_token(pair.refresh)
    tokens.revoke_refresh_token(pair.refresh)
    tokens.revoke_refresh_token(expired(RefreshToken, user))

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(pair.refresh)


def test_refresh_token_without_a_record_is_invalid():
    pair = tokens.issue_tokens(make_user())
    OutstandingToken.objects.all().delete()

    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)


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

    results = run_at_once(lambda: tokens.redeem_ticket(ticket), threads=4)

    assert len(winners(results)) == expected_winners


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("locked", "left_alive"), [(True, 0), (False, 1)])
def test_token_that_is_being_issued_while_a_theft_is_found_does_not_escape(monkeypatch, locked, left_alive):
    user = make_user()
    stolen, other_device = tokens.issue_tokens(user), tokens.issue_tokens(user)
    tokens.rotate_refresh_token(stolen.refresh)
    issuing, theft_found = Event(), Event()
    issue_tokens = tokens.issue_tokens

    def issue_slowly(owner):
        issuing.set()
        theft_found.wait(timeout=1)
        return issue_tokens(owner)

    monkeypatch.setattr(tokens, "issue_tokens", issue_slowly)
    if not locked:
        monkeypatch.setattr(UserManager, "select_for_update", lambda manager, **options: manager.all())

    def find_theft():
        issuing.wait(timeout=10)
        try:
            tokens.rotate_refresh_token(stolen.refresh)
        finally:
            theft_found.set()

    calls = iter([lambda: tokens.rotate_refresh_token(other_device.refresh), find_theft])
    run_at_once(lambda: next(calls)())

    assert OutstandingToken.objects.filter(blacklistedtoken__isnull=True).count() == left_alive
