"""Holds who people are: users, the e-mail codes that prove an address, and the log of logins."""

import secrets
import unicodedata
import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

CODE_MAX_ATTEMPTS = 5
NICKNAME_MAX_CHARACTERS = 30
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
USER_AGENT_MAX_CHARACTERS = 300
GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


def default_nickname() -> str:
    """Return a friendly name for someone who has not chosen one, such as 读书人8F3A."""
    return f"读书人{secrets.token_hex(2).upper()}"


def validate_nickname(nickname: str) -> None:
    """Refuse names that show nothing, break the line, or turn the direction of the text around them."""
    categories = {unicodedata.category(character) for character in nickname}
    if categories & {"Cc", "Zl", "Zp"} or any(character in BIDI_CONTROLS for character in nickname):
        raise ValidationError("昵称不能包含换行或控制字符。")
    if not any(category[0] in "LNPS" for category in categories):
        raise ValidationError("昵称不能只有空白。")


def normalise_email(email: str) -> str:
    """Return the one spelling under which an address is stored and compared."""
    return email.strip().lower()


def _mailbox(email: str) -> str:
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GMAIL_DOMAINS:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


class UserManager(BaseUserManager["User"]):
    """Creates users and finds them by address, whatever its letter case."""

    def create_user(self, email: str | None = None, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=normalise_email(email) if email else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        if not email:
            raise ValueError("a superuser needs an e-mail address")
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def find_by_email(self, email: str) -> "User | None":
        return self.filter(email=normalise_email(email)).first()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalise_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is one way to be known, and may be missing."""

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("邮箱", max_length=254, unique=True, null=True, blank=True)
    email_verified_at = models.DateTimeField("邮箱验证时间", null=True, blank=True)
    nickname = models.CharField(
        "昵称", max_length=NICKNAME_MAX_CHARACTERS, default=default_nickname, validators=[validate_nickname]
    )
    is_active = models.BooleanField("启用", default=True, help_text="取消勾选即停用该账户，比删除更稳妥。")
    is_staff = models.BooleanField("运营人员", default=False, help_text="可以登录管理后台。")
    created_at = models.DateTimeField("注册时间", default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = "用户"
        verbose_name_plural = "用户"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=["-created_at"], name="user_newest_first"),)
        constraints = (
            models.CheckConstraint(
                name="user_email_lower_case",
                condition=Q(email=Lower("email")) & ~Q(email=""),
                violation_error_message="邮箱必须使用小写字母。",
            ),
            models.CheckConstraint(
                name="user_verified_email_exists",
                condition=Q(email_verified_at__isnull=True) | Q(email__isnull=False),
                violation_error_message="没有邮箱就不能标记为已验证。",
            ),
            models.CheckConstraint(
                name="user_nickname_not_empty",
                condition=~Q(nickname=""),
                violation_error_message="昵称不能为空。",
            ),
        )

    def __str__(self) -> str:
        return f"{self.nickname}（{self.email}）" if self.email else self.nickname

    def clean(self) -> None:
        super().clean()
        self.email = normalise_email(self.email) if self.email else None

    @property
    def person_key(self) -> str:
        """Name the person, for what everyone may have only once; empty while nothing proves who it is.

        All spellings of one mailbox name the same person: a ``+tag`` is dropped from the local part (RFC 5233),
        and at Gmail the dots too, which it ignores, as are its two domains one. The stored address keeps them.
        """
        return f"email:{_mailbox(self.email)}" if self.email and self.email_verified_at else ""


class EmailCodeQuerySet(models.QuerySet["EmailCode"]):
    """Finds the codes that may still be used, and those that count against the limits."""

    def sent_to(self, email: str) -> Self:
        return self.filter(email=normalise_email(email))

    def unspent(self) -> Self:
        return self.filter(consumed_at__isnull=True, superseded_at__isnull=True)

    def usable(self, now: datetime) -> Self:
        return self.unspent().filter(expires_at__gt=now, attempts__lt=CODE_MAX_ATTEMPTS)


class EmailCode(models.Model):
    """A six-digit code that was mailed to prove an address; only its salted keyed hash is kept."""

    class Purpose(models.TextChoices):
        REGISTER = "register", "注册"
        LOGIN = "login", "登录"
        RESET = "reset", "重设密码"
        BIND = "bind", "绑定邮箱"

    email = models.EmailField("邮箱", max_length=254)
    purpose = models.CharField("用途", max_length=10, choices=Purpose.choices)
    salt = models.CharField("盐", max_length=32, editable=False)
    code_hash = models.CharField("验证码摘要", max_length=64, editable=False)
    attempts = models.PositiveSmallIntegerField("尝试次数", default=0)
    ip = models.GenericIPAddressField("请求 IP", null=True, blank=True)
    created_at = models.DateTimeField("创建时间", default=timezone.now)
    expires_at = models.DateTimeField("过期时间")
    consumed_at = models.DateTimeField("使用时间", null=True, blank=True)
    superseded_at = models.DateTimeField(
        "作废时间", null=True, blank=True, help_text="有了新的，旧的即作废。"
    )

    objects = EmailCodeQuerySet.as_manager()

    class Meta:
        verbose_name = "邮箱验证码"
        verbose_name_plural = "邮箱验证码"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=["email", "-created_at"], name="email_code_by_address"),
            models.Index(fields=["expires_at"], name="email_code_by_expiry"),
        )
        constraints = (
            models.UniqueConstraint(
                name="email_code_one_unspent",
                fields=["email", "purpose"],
                condition=Q(consumed_at__isnull=True, superseded_at__isnull=True),
            ),
            models.CheckConstraint(name="email_code_lower_case", condition=Q(email=Lower("email"))),
            models.CheckConstraint(
                name="email_code_attempts_bounded", condition=Q(attempts__lte=CODE_MAX_ATTEMPTS)
            ),
            models.CheckConstraint(name="email_code_lives", condition=Q(expires_at__gt=F("created_at"))),
            models.CheckConstraint(
                name="email_code_known_purpose",
                condition=Q(purpose__in=["register", "login", "reset", "bind"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} · {self.get_purpose_display()}"

    @property
    def state(self) -> str:
        """Say in one word whether the code can still be used, and if not, why."""
        if self.consumed_at:
            return "已使用"
        if self.superseded_at:
            return "已作废"
        if self.attempts >= CODE_MAX_ATTEMPTS:
            return "错误过多"
        return "已过期" if self.expires_at <= timezone.now() else "有效"


class LoginRecord(models.Model):
    """One attempt to log in, kept for the reader's own list and for security."""

    class Method(models.TextChoices):
        REGISTER = "register", "注册"
        EMAIL_PASSWORD = "email_password", "邮箱密码"
        EMAIL_CODE = "email_code", "邮箱验证码"
        ADMIN_PASSWORD = "admin_password", "管理后台"

    user = models.ForeignKey(
        User,
        verbose_name="用户",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="login_records",
    )
    method = models.CharField("方式", max_length=20, choices=Method.choices)
    ip = models.GenericIPAddressField("IP", null=True, blank=True)
    user_agent = models.CharField("客户端", max_length=USER_AGENT_MAX_CHARACTERS, blank=True)
    succeeded = models.BooleanField("成功")
    created_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "登录记录"
        verbose_name_plural = "登录记录"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=["user", "-created_at"], name="login_record_by_user"),
            models.Index(fields=["-created_at"], name="login_record_newest_first"),
        )

    def __str__(self) -> str:
        return f"{self.get_method_display()} · {'成功' if self.succeeded else '失败'}"
