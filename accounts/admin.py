"""Decides what operators see and may change about people."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.views import PasswordChangeView
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import services
from accounts.forms import (
    OperatorLoginForm,
    OwnPasswordForm,
    PasswordForm,
    PermissionsField,
    UserAddForm,
    UserEditForm,
)
from accounts.models import EmailCode, LoginRecord, User
from guoxue.admin import ReadOnlyAdmin


def _change_own_password(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> HttpResponseBase:
    """Show Django's page with our form, for which the site has no setting."""
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse("admin:password_change_done"),
        extra_context={**admin.site.each_context(request), **(extra_context or {})},
    )
    return view(request)


admin.site.login_form = OperatorLoginForm
admin.site.password_change = _change_own_password  # type: ignore[method-assign,assignment]
# Token rows mean nothing to people (an action revokes a person's tokens), and groups are shown our way below.
# Both libraries come before us in INSTALLED_APPS, so theirs are registered by now.
admin.site.unregister([OutstandingToken, BlacklistedToken, Group])

POWERS = ("is_staff", "is_superuser", "groups")
OUR_APPS = ("accounts", "billing", "knowledge", "chat")


@admin.register(User)
class UserAdmin(BaseUserAdmin[User]):
    add_form_template = None  # Django's has an English sentence.
    form = UserEditForm
    add_form = UserAddForm
    change_password_form = PasswordForm
    list_display = ("nickname", "email", "is_verified", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("is_active", "is_staff", ("email_verified_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("email", "nickname", "id")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    readonly_fields = ("id", "email_verified_at", "created_at", "last_login", "related_rows")
    fieldsets = (
        (None, {"fields": ("id", "nickname", "email", "email_verified_at", "password", "is_active")}),
        ("相关记录", {"fields": ("related_rows",)}),
        ("权限", {"classes": ("collapse",), "fields": POWERS}),
        ("时间", {"fields": ("created_at", "last_login")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "nickname", "password1", "password2")}),
    )
    actions = ("sign_out_everywhere",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only superusers hand out powers; otherwise whoever may edit people could make himself one."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else fields + POWERS

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    @admin.display(description="邮箱已验证", boolean=True, ordering="email_verified_at")
    def is_verified(self, user: User) -> bool:
        return user.email_verified_at is not None

    @admin.display(description="查看")
    def related_rows(self, user: User) -> SafeString:
        """Link to everything in the admin that belongs to this person, whichever app it lives in."""
        return format_html_join(
            "　", '<a href="{}">{}</a>', _related_links(user, self.admin_site)
        ) or SafeString("—")

    @admin.action(description="退出所选用户的所有设备", permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, users: QuerySet[User]) -> None:
        allowed = [user for user in users if _may_touch(request, user)]
        revoked = sum(services.sign_out_everywhere(user=user) for user in allowed)
        self.message_user(request, f"已作废 {len(allowed)} 位用户的 {revoked} 个登录凭证。", messages.SUCCESS)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin):
    """Groups hand out powers, so only superusers write them; otherwise their members could raise themselves."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        if db_field.name == "permissions":
            wanted = Permission.objects.filter(content_type__app_label__in=OUR_APPS)
            kwargs |= {"form_class": PermissionsField, "queryset": wanted.select_related("content_type")}
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(EmailCode)
class EmailCodeAdmin(ReadOnlyAdmin[EmailCode]):
    list_display = ("email", "purpose", "state", "attempts", "ip", "created_at", "expires_at")
    list_filter = ("purpose", "created_at")
    search_fields = ("email", "ip")
    date_hierarchy = "created_at"
    fields = (
        "email",
        "purpose",
        "state",
        "attempts",
        "ip",
        "created_at",
        "expires_at",
        "consumed_at",
        "superseded_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailCode]:
        return super().get_queryset(request).defer("salt", "code_hash")

    @admin.display(description="状态")
    def state(self, code: EmailCode) -> str:
        return code.state


@admin.register(LoginRecord)
class LoginRecordAdmin(ReadOnlyAdmin[LoginRecord]):
    list_display = ("created_at", "user", "method", "succeeded", "ip", "user_agent")
    list_filter = ("succeeded", "method", "created_at")
    search_fields = ("user__email", "user__nickname", "ip")
    date_hierarchy = "created_at"
    list_select_related = ("user",)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """Tell whether this operator may change that account: another operator's only by a superuser."""
    if user is None or request.user.is_superuser:
        return True
    return user.pk == request.user.pk or not (user.is_staff or user.is_superuser)


def _related_links(user: User, site: admin.AdminSite) -> list[tuple[str, Any]]:
    links = []
    for relation in User._meta.related_objects:
        model = relation.related_model
        if relation.many_to_many or not site.is_registered(model):
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        title = model._meta.verbose_name_plural
        links.append((f"{address}?{relation.field.name}__id__exact={user.pk}", title))
    return links
