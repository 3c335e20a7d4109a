"""Decides the shape of what clients send and receive about accounts."""

import unicodedata
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.codes import DIGITS
from accounts.models import NICKNAME_MAX_CHARACTERS, EmailCode, User, normalise_email, validate_nickname


class AddressField(serializers.EmailField):
    """An e-mail address in its stored spelling, ASCII only: other letters can look like somebody else's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, label="邮箱", **kwargs)

    def to_internal_value(self, data: Any) -> str:
        address = normalise_email(super().to_internal_value(data))
        if not address.isascii():
            raise serializers.ValidationError(_("Enter a valid email address."))
        return address


class CodeField(serializers.CharField):
    """Six digits; full-width ones, as Chinese input methods make them, are welcome."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="验证码", **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = unicodedata.normalize("NFKC", super().to_internal_value(data))
        if len(code) != DIGITS or not code.isascii() or not code.isdigit():
            raise serializers.ValidationError("验证码是 6 位数字。")
        return code


class PasswordField(serializers.CharField):
    """A password exactly as typed; the limit keeps hashing cheap."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=128, trim_whitespace=False, write_only=True, label="密码", **kwargs)


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email", "nickname", "created_at", "is_staff")
        read_only_fields = ("id", "email", "created_at", "is_staff")


class EmailCodeRequestSerializer(serializers.Serializer[Any]):
    email = AddressField()
    purpose = serializers.ChoiceField(
        choices=[(p.value, p.label) for p in (EmailCode.Purpose.REGISTER, EmailCode.Purpose.LOGIN)]
    )


class EmailCodeAcceptedSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    hint = serializers.CharField(required=False, help_text="仅在开发模式下出现：到哪里去看验证码。")


class RegisterSerializer(serializers.Serializer[Any]):
    email = AddressField()
    code = CodeField()
    password = PasswordField()
    nickname = serializers.CharField(
        max_length=NICKNAME_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        label="昵称",
    )

    def validate_nickname(self, nickname: str) -> str:
        if nickname:
            validate_nickname(nickname)
        return nickname


class EmailLoginSerializer(serializers.Serializer[Any]):
    email = AddressField()
    password = PasswordField(required=False)
    code = CodeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("password" in attrs) == ("code" in attrs):
            raise serializers.ValidationError("请填写密码或验证码其中之一。")
        return attrs


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(write_only=True, max_length=2000)


class SignedInSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    user = UserSerializer()
    created = serializers.BooleanField(help_text="本次请求是否新建了账户。")


class VerifiedSerializer(serializers.Serializer[Any]):
    user = UserSerializer()
    expires_at = serializers.DateTimeField(help_text="访问令牌的过期时间。")


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="有效秒数；只能使用一次。")
