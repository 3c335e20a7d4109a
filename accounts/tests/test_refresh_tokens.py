from contextlib import suppress
from datetime import timedelta
from threading import Event

import pytest
from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import services, tokens
from accounts.errors import TokenInvalid, TokenReused
from accounts.models import UserManager
from accounts.tests.factories import make_user
from guoxue.tests.racing import run_together

pytestmark = pytest.mark.django_db


def test_refresh_token_buys_one_new_pair():
    user = make_user()
    old = tokens.issue_tokens(user)

    owner, new = tokens.rotate_refresh_token(old.refresh)

    assert owner == user
    assert tokens.authenticate_access_token(new.access) == user
    assert tokens.rotate_refresh_token(new.refresh)[0] == user


def exchanged_long_ago(pair):
    """Exchange a pair for the next, more than ten seconds before now."""
    _, successor = tokens.rotate_refresh_token(pair.refresh)
    past = timezone.now() - timedelta(seconds=tokens.RETRY_SECONDS + 1)
    record = BlacklistedToken.objects.get(token__jti=RefreshToken(pair.refresh, verify=False)["jti"])
    BlacklistedToken.objects.filter(pk=record.pk).update(blacklisted_at=past)
    return successor


@pytest.mark.django_db(transaction=True)
def test_reuse_of_a_rotated_token_revokes_every_token_of_the_user():
    user, bystander = make_user(), make_user()
    stolen, other_device = tokens.issue_tokens(user), tokens.issue_tokens(user)
    theirs = tokens.issue_tokens(bystander)
    successor = exchanged_long_ago(stolen)

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(stolen.refresh)

    for revoked in (successor, other_device):
        with pytest.raises(TokenInvalid):
            tokens.rotate_refresh_token(revoked.refresh)
    assert tokens.rotate_refresh_token(theirs.refresh)[0] == bystander


def test_after_the_alarm_the_stolen_token_does_no_more_harm():
    user = make_user()
    stolen = tokens.issue_tokens(user)
    exchanged_long_ago(stolen)
    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(stolen.refresh)
    fresh = tokens.issue_tokens(user)

    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(stolen.refresh)

    assert tokens.rotate_refresh_token(fresh.refresh)[0] == user


def test_device_that_was_signed_out_does_not_sign_out_a_fresh_login():
    user = make_user()
    phone, laptop = tokens.issue_tokens(user), tokens.issue_tokens(user)
    exchanged_long_ago(laptop)
    tokens.revoke_refresh_tokens(user)
    fresh = tokens.issue_tokens(user)

    for revoked in (phone, laptop):
        with pytest.raises(TokenInvalid):
            tokens.rotate_refresh_token(revoked.refresh)

    assert tokens.rotate_refresh_token(fresh.refresh)[0] == user


def test_exchange_whose_answer_was_lost_may_be_repeated():
    user = make_user()
    old = tokens.issue_tokens(user)
    tokens.rotate_refresh_token(old.refresh)
    tokens.rotate_refresh_token(old.refresh)

    owner, pair = tokens.rotate_refresh_token(old.refresh)

    assert owner == user and tokens.authenticate_access_token(pair.access) == user
    assert OutstandingToken.objects.filter(blacklistedtoken__isnull=True).count() == 1
    assert tokens.rotate_refresh_token(pair.refresh)[0] == user


def test_repeated_exchange_after_ten_seconds_is_reuse():
    old = tokens.issue_tokens(make_user())
    exchanged_long_ago(old)

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(old.refresh)

    assert not OutstandingToken.objects.exists()


def test_repeated_exchange_after_its_successor_was_used_is_reuse():
    old = tokens.issue_tokens(make_user())
    _, successor = tokens.rotate_refresh_token(old.refresh)
    tokens.rotate_refresh_token(successor.refresh)

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(old.refresh)

    assert not OutstandingToken.objects.exists()


def test_thief_who_repeats_the_exchange_at_once_is_found_out_at_the_next():
    stolen = tokens.issue_tokens(make_user())
    _, owners = tokens.rotate_refresh_token(stolen.refresh)
    _, thiefs = tokens.rotate_refresh_token(stolen.refresh)
    exchanged_long_ago(owners)

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(thiefs.refresh)

    assert not OutstandingToken.objects.exists()


def test_repeated_refresh_token_lives_no_longer_than_its_record(monkeypatch):
    old = tokens.issue_tokens(make_user())
    _, first = tokens.rotate_refresh_token(old.refresh)
    OutstandingToken.objects.update(
        created_at=F("created_at") - timedelta(seconds=5), expires_at=F("expires_at") - timedelta(seconds=5)
    )

    _, second = tokens.rotate_refresh_token(old.refresh)

    assert RefreshToken(second.refresh)["exp"] == RefreshToken(first.refresh)["exp"] - 5


@pytest.mark.django_db(transaction=True)
def test_of_two_exchanges_at_the_same_moment_both_get_the_one_successor():
    pair = tokens.issue_tokens(make_user())

    results = run_together([lambda: tokens.rotate_refresh_token(pair.refresh)] * 2)

    assert len({RefreshToken(new.refresh)["jti"] for _, new in results}) == 1
    assert OutstandingToken.objects.filter(blacklistedtoken__isnull=True).count() == 1


def expired_refresh_token(user):
    token = RefreshToken()
    token["user_id"] = str(user.pk)
    token.set_exp(lifetime=timedelta(seconds=-1))
    return str(token)


def test_revoked_token_is_worthless_and_may_be_revoked_again():
    user = make_user()
    pair = tokens.issue_tokens(user)

    tokens.revoke_refresh_token(pair.refresh)
    tokens.revoke_refresh_token(pair.refresh)
    tokens.revoke_refresh_token(expired_refresh_token(user))

    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)


def test_late_refresh_after_logout_leaves_the_other_devices_alone():
    user = make_user()
    tab, phone = tokens.issue_tokens(user), tokens.issue_tokens(user)
    tokens.revoke_refresh_token(tab.refresh)

    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(tab.refresh)

    assert tokens.rotate_refresh_token(phone.refresh)[0] == user


def test_logout_with_an_exchanged_token_keeps_the_trap_for_its_thief():
    stolen = tokens.issue_tokens(make_user())
    exchanged_long_ago(stolen)

    tokens.revoke_refresh_token(stolen.refresh)

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(stolen.refresh)


def test_purge_keeps_exchanged_tokens_until_they_expire():
    stolen = tokens.issue_tokens(make_user())
    exchanged_long_ago(stolen)

    tokens.forget_expired_tokens(timezone.now() + tokens._RefreshToken.lifetime - timedelta(minutes=1))

    with pytest.raises(TokenReused):
        tokens.rotate_refresh_token(stolen.refresh)


def test_refresh_token_without_a_record_is_invalid():
    pair = tokens.issue_tokens(make_user())
    OutstandingToken.objects.all().delete()

    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)


def alarm(user, stolen):
    with suppress(TokenReused):
        tokens.rotate_refresh_token(stolen.refresh)


def sign_out(user, stolen):
    services.sign_out_everywhere(user=user)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [alarm, sign_out])
@pytest.mark.parametrize(("locked", "collisions"), [(True, 0), (False, 1)])
def test_revocation_of_all_waits_for_an_exchange_under_way_and_takes_its_token_too(
    monkeypatch, end, locked, collisions
):
    user = make_user()
    stolen, other_device = tokens.issue_tokens(user), tokens.issue_tokens(user)
    exchanged_long_ago(stolen)
    issuing, revoked = Event(), Event()
    remember = tokens._remember

    def remember_slowly(*of):
        issuing.set()
        revoked.wait(timeout=1)
        return remember(*of)

    monkeypatch.setattr(tokens, "_remember", remember_slowly)
    if not locked:
        monkeypatch.setattr(UserManager, "select_for_update", lambda manager, **options: manager.all())

    def revoke():
        issuing.wait(timeout=10)
        try:
            end(user, stolen)
        finally:
            revoked.set()

    results = run_together([lambda: tokens.rotate_refresh_token(other_device.refresh), revoke])

    assert not OutstandingToken.objects.exists()
    assert len([result for result in results if isinstance(result, IntegrityError)]) == collisions


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("locked", "collisions"), [(True, 0), (False, 1)])
def test_logout_waits_for_an_exchange_under_way(monkeypatch, locked, collisions):
    pair = tokens.issue_tokens(make_user())
    exchanging, gone = Event(), Event()
    exchange = BlacklistedToken.objects.get_or_create

    def exchange_slowly(token):
        exchanging.set()
        gone.wait(timeout=1)
        return exchange(token=token)

    monkeypatch.setattr(BlacklistedToken.objects, "get_or_create", exchange_slowly)
    if not locked:
        monkeypatch.setattr(UserManager, "select_for_update", lambda manager, **options: manager.all())

    def log_out():
        exchanging.wait(timeout=10)
        tokens.revoke_refresh_token(pair.refresh)
        gone.set()

    results = run_together([lambda: tokens.rotate_refresh_token(pair.refresh), log_out])

    assert len([result for result in results if isinstance(result, IntegrityError)]) == collisions
