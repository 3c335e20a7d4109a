"""Decides how operators shape the roles that they offer."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.models import Role
from chat.offered_roles import forget_offered_roles
from chat.role_rules import require_known_works, require_offered_model
from guoxue.errors import InvalidInput
from knowledge.models import Category


class OfferedRoleForm(forms.ModelForm[Role]):
    """A role whose works the corpus has, whose model has a price, whose slug is its name in our files."""

    scope_categories = forms.TypedMultipleChoiceField(
        label="部类范围",
        choices=Category.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="不选表示不限。",
    )

    class Meta:
        model = Role
        fields = (
            *("name", "slug", "description", "is_active", "is_persona", "sort_order"),
            *("system_prompt", "opening_line", "suggested_questions", "scope_works", "scope_categories"),
            *("model", "memory_turns", "temperature_percent", "prompt_budget_tokens", "max_output_tokens"),
        )

    def clean_slug(self) -> str:
        slug: str | None = self.cleaned_data["slug"]
        if not slug:
            raise ValidationError("请填写标识，例如 kongzi。")
        return slug

    def clean_scope_works(self) -> list[str]:
        works: list[str] = self.cleaned_data["scope_works"] or []
        kept = Role.objects.filter(pk=self.instance.pk).values_list("scope_works", flat=True).first() or []
        self._require(lambda: require_known_works(works, kept=kept), "scope_works")
        return works

    def clean_model(self) -> str:
        model: str = self.cleaned_data["model"]
        if model != self.instance.model:
            self._require(lambda: require_offered_model(model), "model")
        return model

    def _require(self, check: Any, field: str) -> None:
        try:
            check()
        except InvalidInput as error:
            raise ValidationError(error.fields[field]) from error


@admin.register(Role)
class RoleAdmin(admin.ModelAdmin[Role]):
    form = OfferedRoleForm
    list_display = (
        *("name", "slug", "description", "is_active", "is_persona", "sort_order", "model"),
        *("memory_turns", "updated_at", "try_link"),
    )
    list_filter = ("is_active", "is_persona")
    search_fields = ("name", "slug", "description")
    readonly_fields = ("created_at", "updated_at", "try_link")
    fieldsets = (
        (
            None,
            {"fields": ("name", "slug", "description", "is_active", "is_persona", "sort_order", "try_link")},
        ),
        ("人设", {"fields": ("system_prompt", "opening_line", "suggested_questions")}),
        ("典籍范围", {"fields": ("scope_works", "scope_categories")}),
        (
            "模型参数",
            {
                "fields": (
                    *("model", "memory_turns", "temperature_percent"),
                    *("prompt_budget_tokens", "max_output_tokens"),
                )
            },
        ),
        ("时间", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        offered = super().get_queryset(request).filter(owner=None)
        return offered.defer("system_prompt", "opening_line")

    def save_model(self, request: HttpRequest, obj: Role, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(forget_offered_roles)

    def delete_model(self, request: HttpRequest, obj: Role) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(forget_offered_roles)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Role]) -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(forget_offered_roles)

    @admin.display(description="试用")
    def try_link(self, role: Role) -> SafeString | str:
        """Lead to a new conversation with the role, as a reader."""
        if role._state.adding or not role.is_active:
            return "—"
        return format_html('<a href="{}?try={}">试用</a>', reverse("roles"), role.pk)


class RoleFilter(admin.SimpleListFilter):
    """Filter by an offered role, or by all own roles together: those are too many to list."""

    title = "角色"
    parameter_name = "role"
    column = "role"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        offered = Role.objects.filter(owner=None).order_by("sort_order", "id")
        return [*((str(pk), name) for pk, name in offered.values_list("pk", "name")), ("own", "自建角色")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        chosen = self.value()
        if chosen == "own":
            return queryset.filter(**{f"{self.column}__owner__isnull": False})
        return queryset.filter(Q((self.column, int(chosen)))) if chosen and chosen.isdigit() else queryset


class JudgedRoleFilter(RoleFilter):
    """The same, of the message that was judged."""

    column = "message__role"
