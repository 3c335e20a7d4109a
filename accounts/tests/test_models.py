import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User, default_nickname, validate_nickname
from accounts.tests.factories import PASSWORD, make_operator, make_user

pytestmark = pytest.mark.django_db


def test_user_is_found_whatever_the_letter_case_of_the_address():
    user = make_user("Li.Bai@Example.com")

    found = User.objects.find_by_email(" LI.BAI@example.COM ")

    assert found == user
    assert user.email == "li.bai@example.com"
    assert User.objects.get_by_natural_key("Li.Bai@example.com") == user


def test_users_without_an_address_are_allowed_and_many():
    first, second = User.objects.create_user(), User.objects.create_user()

    assert first.email is None and second.email is None
    assert not first.has_usable_password()


def test_nobody_gets_a_nickname_that_he_did_not_choose_twice_the_same():
    names = {default_nickname() for _ in range(50)}

    assert all(re.fullmatch("读书人[0-9A-F]{4}", name) for name in names)
    assert len(names) > 40


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "fields",
    [
        {"email": "Upper@example.com"},
        {"email": ""},
        {"email": None, "email_verified_at": timezone.now()},
        {"nickname": ""},
    ],
)
def test_database_refuses_users_that_make_no_sense(fields):
    user = make_user()

    with pytest.raises(IntegrityError):
        User.objects.filter(pk=user.pk).update(**fields)

    user.refresh_from_db()
    assert user.email and user.nickname


@pytest.mark.django_db(transaction=True)
def test_database_refuses_a_second_account_with_the_same_address():
    make_user("du.fu@example.com")

    with pytest.raises(IntegrityError):
        make_user("DU.FU@example.com")

    assert User.objects.count() == 1


def test_person_key_names_only_a_proven_address():
    proven = make_user("su.shi@example.com")
    claimed = make_user("su.zhe@example.com", email_verified_at=None)

    assert proven.person_key == "email:su.shi@example.com"
    assert claimed.person_key == ""
    assert User().person_key == ""


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("me+1@example.com", "me@example.com"),
        ("me+a+b@example.com", "me@example.com"),
        ("m.e@example.com", "m.e@example.com"),
        ("m.e+news@gmail.com", "me@gmail.com"),
        ("M.E@googlemail.com", "me@gmail.com"),
        ("+me@example.com", "+me@example.com"),
    ],
)
def test_person_key_is_the_same_for_all_spellings_of_a_mailbox(email, key):
    user = make_user(email)

    assert user.person_key == f"email:{key}"
    assert user.email == email.lower()


def test_operator_is_staff_and_superuser_with_the_given_password():
    operator = make_operator()

    assert (operator.is_staff, operator.is_superuser) == (True, True)
    assert operator.check_password(PASSWORD)


def test_superuser_needs_an_address():
    with pytest.raises(ValueError):
        User.objects.create_superuser("", PASSWORD)

    assert not User.objects.exists()


@pytest.mark.parametrize("nickname", ["苏轼", "Tang Yin 唐寅", "👨‍👩‍👧 一家", "O'Neil"])
def test_nicknames_of_people_are_welcome(nickname):
    validate_nickname(nickname)


@pytest.mark.parametrize("nickname", ["两\n行", "\u200b\u200b", "\u202e反转", "\u2028", "\x07"])
def test_nicknames_that_hide_something_are_refused(nickname):
    with pytest.raises(ValidationError):
        validate_nickname(nickname)
