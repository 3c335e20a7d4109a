"""Decides what operators type into the admin about accounts, and how often they may mistype a password."""

import logging
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.forms import AdminPasswordChangeForm as OwnPasswordChangeForm
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm, UserChangeForm
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.utils.safestring import mark_safe
from redis.exceptions import RedisError
from rest_framework.request import Request

from accounts import lockout, services
from accounts.errors import LoginThrottled
from accounts.models import User, normalise_email
from guoxue.api import client_address

logger = logging.getLogger(__name__)


class UserAddForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A new account that an operator opens: here the address is required."""

    email = forms.EmailField(label="邮箱", max_length=254)

    class Meta:
        model = User
        fields = ("email", "nickname")


class UserEditForm(UserChangeForm):  # type: ignore[type-arg]
    """An account as operators correct it; a changed address is a stranger until its owner proves it."""

    class Meta:
        model = User
        fields = "__all__"

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if normalise_email(self.cleaned_data.get("email") or "") != (self.initial.get("email") or ""):
            self.instance.email_verified_at = None
        return cleaned


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password from an operator, which signs the person out everywhere."""

    usable_password_help_text = mark_safe(
        "停用后，此人只能用验证码登录。"
        '<ul id="id_unusable_warning" class="messagelist"><li class="warning">现有的密码将会丢失。</li></ul>'
    )

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        services.sign_out_everywhere(user=user)
        return user


class OwnPasswordForm(OwnPasswordChangeForm):
    """An operator's own new password, which signs him out of every app; his admin session goes on."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        services.sign_out_everywhere(user=user)
        return user


class PermissionsField(forms.ModelMultipleChoiceField[Permission]):
    """Permissions by what they allow, in Chinese; Django stores their names in English only."""

    VERBS = {"add": "新增", "change": "修改", "delete": "删除", "view": "查看"}

    def label_from_instance(self, permission: Permission) -> str:
        verb = self.VERBS.get(permission.codename.partition("_")[0], permission.name)
        return f"{permission.content_type.app_labeled_name} · {verb}"


class OperatorLoginForm(AdminAuthenticationForm):
    """The admin's door: counts passwords together with the API's, and keeps the login log."""

    def clean(self) -> dict[str, Any]:
        if not (self.cleaned_data.get("username") and self.cleaned_data.get("password")):
            return self.cleaned_data  # The fields say themselves what is missing; nothing was tried.
        email = normalise_email(self.cleaned_data["username"])
        assert self.request is not None  # The admin's login view always passes it.
        ip = client_address(Request(self.request))
        try:
            lockout.count_attempt(email=email, ip=ip)
            return self._try_password(email, ip)
        except LoginThrottled as error:
            minutes = -(-(error.retry_after_seconds or 0) // 60)
            raise ValidationError(f"密码错误次数过多，请在 {minutes} 分钟后再试。") from error
        except RedisError as error:
            logger.error("Redis does not answer", exc_info=error)
            raise ValidationError(
                "暂时无法登录：Redis 没有应答。请稍后再试，或检查 Redis 是否在运行。"
            ) from error

    def _try_password(self, email: str, ip: str | None) -> dict[str, Any]:
        user_agent = self.request.META.get("HTTP_USER_AGENT", "") if self.request else ""
        succeeded = False
        try:
            cleaned = super().clean()
            succeeded = self.get_user() is not None
        finally:
            services.record_admin_login(email=email, ip=ip, user_agent=user_agent, succeeded=succeeded)
        if succeeded:
            lockout.forget_attempts(email=email, ip=ip)
        return cleaned
