import pytest
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisDown

from accounts import lockout, tokens
from accounts.errors import TokenInvalid
from accounts.models import LoginRecord
from accounts.tests.factories import PASSWORD, make_operator, make_user

pytestmark = pytest.mark.django_db


def test_operator_logs_in_with_address_and_password_and_is_logged(client):
    operator = make_operator("chief@example.com")

    response = client.post(reverse("admin:login"), {"username": "Chief@Example.com", "password": PASSWORD})

    record = LoginRecord.objects.get()
    assert response.status_code == 302 and client.session["_auth_user_id"] == str(operator.pk)
    assert (record.user, record.method, record.succeeded) == (operator, "admin_password", True)


def test_reader_cannot_log_in_to_the_admin(client):
    user = make_user("reader@example.com")

    response = client.post(reverse("admin:login"), {"username": user.email, "password": PASSWORD})

    assert response.status_code == 200 and "_auth_user_id" not in client.session
    assert LoginRecord.objects.get().succeeded is False


def test_admin_door_closes_after_too_many_wrong_passwords(client, monkeypatch):
    make_operator("chief@example.com")
    monkeypatch.setattr(lockout, "ATTEMPTS_PER_ADDRESS", 2)
    form = {"username": "chief@example.com", "password": "wrong"}
    for _ in range(2):
        client.post(reverse("admin:login"), form)

    response = client.post(reverse("admin:login"), {**form, "password": PASSWORD})

    assert "请在 15 分钟后再试" in response.content.decode()
    assert "_auth_user_id" not in client.session
    assert LoginRecord.objects.filter(created_at__lte=timezone.now(), succeeded=False).count() == 2


@pytest.mark.parametrize("form", [{"password": ""}, {"password": PASSWORD, "username": ""}, {}])
def test_form_that_is_not_filled_in_tries_nothing_and_forgives_nothing(client, monkeypatch, form):
    make_operator("chief@example.com")
    monkeypatch.setattr(lockout, "ATTEMPTS_PER_ADDRESS", 2)
    wrong = {"username": "chief@example.com", "password": "wrong"}
    for _ in range(2):
        client.post(reverse("admin:login"), {"username": "chief@example.com", **form})
        tried = client.post(reverse("admin:login"), wrong)
        assert "密码错误次数过多" not in tried.content.decode()

    response = client.post(reverse("admin:login"), wrong)

    assert "密码错误次数过多" in response.content.decode()
    assert list(LoginRecord.objects.values_list("succeeded", flat=True)) == [False, False]


def test_admin_door_stays_shut_and_says_so_while_redis_is_down(client, monkeypatch):
    make_operator("chief@example.com")

    def down():
        raise RedisDown("nobody there")

    monkeypatch.setattr(lockout, "_redis", down)

    response = client.post(reverse("admin:login"), {"username": "chief@example.com", "password": PASSWORD})

    assert response.status_code == 200 and "Redis 没有应答" in response.content.decode()
    assert "_auth_user_id" not in client.session and not LoginRecord.objects.exists()


def test_own_new_password_signs_the_operator_out_of_every_app_but_not_of_the_admin(client):
    operator = make_operator()
    pair = tokens.issue_tokens(operator)
    client.force_login(operator)
    where = reverse("admin:password_change")
    assert "修改密码" in client.get(where).content.decode()

    response = client.post(
        where,
        {"old_password": PASSWORD, "new_password1": "xin-mi-ma-8848", "new_password2": "xin-mi-ma-8848"},
        follow=True,
    )

    operator.refresh_from_db()
    assert response.redirect_chain == [(reverse("admin:password_change_done"), 302)]
    assert response.status_code == 200 and operator.check_password("xin-mi-ma-8848")
    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)
