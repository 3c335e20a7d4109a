import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.tests.factories import PASSWORD, make_operator, make_user

pytestmark = pytest.mark.django_db


def run(*arguments):
    output = StringIO()
    call_command("ensure_operator", *arguments, stdout=output)
    return output.getvalue()


def printed_password(output):
    return re.search(r"密码：(\S+)", output)[1]


def test_first_run_creates_the_operator_and_prints_the_password_once():
    first, second = run(), run()

    operator = User.objects.get()
    assert operator.email == "admin@guoxue.local" and "admin@guoxue.local" in first
    assert operator.check_password(printed_password(first))
    assert "已有管理员" in second and "忘记密码：bin/manage ensure_operator --reset-password" in second
    assert "邮箱：" not in second


def test_start_of_the_product_prints_a_new_operator_but_no_hint():
    first, second = run("--verbosity", "0"), run("--verbosity", "0")

    assert User.objects.get().check_password(printed_password(first))
    assert second == ""


def test_operator_may_have_another_address():
    run("--email", "Chief@example.com")

    assert User.objects.get().email == "chief@example.com"


def test_forgotten_password_is_replaced():
    operator = make_operator("chief@example.com")

    output = run("--email", "chief@example.com", "--reset-password")

    operator.refresh_from_db()
    assert operator.check_password(printed_password(output)) and not operator.check_password(PASSWORD)


def test_reset_refuses_an_address_that_is_no_operators():
    user = make_user("reader@example.com")

    with pytest.raises(CommandError, match=r"reader@example\.com"):
        run("--email", "reader@example.com", "--reset-password")

    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_malformed_address_is_refused():
    with pytest.raises(CommandError, match="不是有效的邮箱"):
        run("--email", "admin")

    assert not User.objects.exists()
