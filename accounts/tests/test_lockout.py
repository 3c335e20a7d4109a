import time

import pytest
from django.core.cache import cache
from redis import Redis

from accounts import lockout, services
from accounts.errors import CredentialsInvalid, LoginThrottled
from accounts.tests.factories import PASSWORD, make_user

EMAIL = "bai.juyi@example.com"


def log_in(password, email=EMAIL, ip="127.0.0.1"):
    return services.login_by_email_password(email=email, password=password, ip=ip, user_agent="pytest")


def attempt(times=1, email=EMAIL, ip="127.0.0.1"):
    for _ in range(times):
        lockout.count_attempt(email=email, ip=ip)


@pytest.mark.django_db
def test_ten_wrong_passwords_lock_the_address_from_that_place_only():
    make_user(EMAIL)
    for _ in range(lockout.ATTEMPTS_PER_ADDRESS):
        with pytest.raises(CredentialsInvalid):
            log_in("wrong")

    with pytest.raises(LoginThrottled) as refusal:
        log_in(PASSWORD)

    assert 890 <= refusal.value.retry_after_seconds <= 900
    assert log_in(PASSWORD, ip="192.0.2.7").email == EMAIL


@pytest.mark.django_db
def test_right_password_starts_the_count_again():
    make_user(EMAIL)
    for _ in range(lockout.ATTEMPTS_PER_ADDRESS - 1):
        with pytest.raises(CredentialsInvalid):
            log_in("wrong")
    log_in(PASSWORD)

    with pytest.raises(CredentialsInvalid):
        log_in("wrong")

    assert log_in(PASSWORD).email == EMAIL


def test_one_password_tried_on_many_addresses_locks_the_network():
    for number in range(lockout.ATTEMPTS_PER_NETWORK):
        attempt(email=f"reader{number}@example.com")

    with pytest.raises(LoginThrottled):
        attempt(email="next@example.com")

    attempt(email="next@example.com", ip="192.0.2.7")


@pytest.mark.django_db
def test_right_passwords_are_no_guesses_of_their_network(monkeypatch):
    monkeypatch.setattr(lockout, "ATTEMPTS_PER_NETWORK", 2)
    make_user(EMAIL)
    for _ in range(4):
        log_in(PASSWORD)

    attempt(2, email="other@example.com")

    with pytest.raises(LoginThrottled):
        attempt(email="other@example.com")


def test_right_password_does_not_forgive_the_guesses_of_its_network(monkeypatch):
    monkeypatch.setattr(lockout, "ATTEMPTS_PER_NETWORK", 3)
    attempt(3)

    lockout.forget_attempts(email=EMAIL, ip="127.0.0.1")

    attempt(email="other@example.com")
    with pytest.raises(LoginThrottled):
        attempt(email="other@example.com")


def test_addresses_of_one_ipv6_network_count_as_one():
    for number in range(lockout.ATTEMPTS_PER_ADDRESS):
        attempt(ip=f"2001:db8::{number}")

    with pytest.raises(LoginThrottled):
        attempt(ip="2001:db8::ffff:1:2:3")

    attempt(ip="2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        (None, ""),
    ],
)
def test_network_of_an_address(ip, network):
    assert lockout.network_of(ip) == network


def test_unknown_origins_share_no_network(monkeypatch):
    monkeypatch.setattr(lockout, "ATTEMPTS_PER_NETWORK", 1)

    for number in range(3):
        attempt(email=f"reader{number}@example.com", ip=None)


def test_lock_opens_when_its_window_has_passed_and_refused_attempts_do_not_lengthen_it(monkeypatch):
    monkeypatch.setattr(lockout, "WINDOW_SECONDS", 1)
    monkeypatch.setattr(lockout, "ATTEMPTS_PER_ADDRESS", 1)
    attempt()
    for _ in range(2):
        time.sleep(0.3)
        with pytest.raises(LoginThrottled):
            attempt()

    time.sleep(0.6)

    attempt()


def test_every_count_is_one_key_that_ends_by_itself(settings):
    redis = Redis.from_url(settings.REDIS_URL)
    cache.clear()

    attempt()
    redis.delete(*redis.keys("*"))
    lockout.forget_attempts(email=EMAIL, ip="127.0.0.1")  # Its window closed while the password was checked.
    attempt()

    keys = redis.keys("*login*")
    assert len(keys) == 2 and all(890 <= redis.ttl(key) <= 900 for key in keys)
