"""Decides how operators look after the roles of readers: which wait, what they say, whether they may answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.models import OwnRole, Role
from chat.services.roles import pass_role, refuse_role
from guoxue.admin import ReadOnlyAdmin
from guoxue.errors import ApplicationError

REVIEWED_AT_ONCE = 50


class ReviewForm(forms.Form):
    """What an operator decides of one role, as they saw it."""

    role_id = forms.IntegerField(widget=forms.HiddenInput)
    seen_at = forms.CharField(widget=forms.HiddenInput)
    decision = forms.ChoiceField(
        label="结论",
        choices=[("", "暂不处理"), ("pass", "通过"), ("refuse", "不通过")],
        required=False,
        widget=forms.RadioSelect,
        initial="",
    )
    note = forms.CharField(
        label="说明", max_length=200, required=False, help_text="读者看得到；不通过时请写明原因。"
    )

    def clean_seen_at(self) -> datetime:
        try:
            return datetime.fromisoformat(self.cleaned_data["seen_at"])
        except ValueError as error:
            raise forms.ValidationError("页面已过期，请刷新。") from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("decision") == "refuse" and not cleaned.get("note"):
            self.add_error("note", "请写明不通过的原因，读者要据此修改。")
        return cleaned


ReviewForms = forms.formset_factory(
    ReviewForm, extra=0, max_num=REVIEWED_AT_ONCE, absolute_max=REVIEWED_AT_ONCE
)


@admin.register(OwnRole)
class OwnRoleAdmin(ReadOnlyAdmin[OwnRole]):
    list_display = (
        *("name", "owner", "review", "description", "is_active", "is_persona", "updated_at"),
        "review_link",
    )
    list_filter = ("review", "is_active", "is_persona")
    search_fields = ("name", "description", "owner__email", "owner__nickname")
    date_hierarchy = "updated_at"
    list_select_related = ("owner",)
    fieldsets = (
        (None, {"fields": ("name", "owner", "description", "review", "review_note", "review_link")}),
        ("人设", {"fields": ("system_prompt", "opening_line", "suggested_questions", "is_persona")}),
        ("典籍范围", {"fields": ("scope_works", "scope_categories")}),
        (
            "模型参数",
            {"fields": ("model", "memory_turns", "temperature_percent", "prompt_budget_tokens")},
        ),
        ("状态", {"fields": ("is_active", "created_at", "updated_at")}),
    )
    readonly_fields = ("review_link",)
    actions = ("review_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OwnRole]:
        """Those that wait come first, and the oldest of them first: it has waited longest."""
        is_waiting = Case(When(review=Role.Review.PENDING, then=Value(0)), default=Value(1))
        own = super().get_queryset(request).filter(owner__isnull=False)
        return own.order_by(is_waiting, "updated_at")

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Let those decide who may change own roles; the rows themselves nobody edits."""
        return request.user.has_perm("chat.change_ownrole")

    def get_urls(self) -> list[URLPattern]:
        review = self.admin_site.admin_view(self.review_view)
        return [path("review/", review, name="chat_ownrole_review"), *super().get_urls()]

    @admin.action(description="审核所选角色", permissions=["review"])
    def review_selected(self, request: HttpRequest, roles: QuerySet[OwnRole]) -> HttpResponse:
        ids = ",".join(map(str, roles.values_list("pk", flat=True)[:REVIEWED_AT_ONCE]))
        return HttpResponseRedirect(f"{reverse('admin:chat_ownrole_review')}?ids={ids}")

    def review_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the chosen roles say, and take a decision on each."""
        if not self.has_review_permission(request):
            raise PermissionDenied
        asked = request.GET.get("ids", "").split(",")
        ids = [int(each) for each in asked if each.isascii() and each.isdigit() and len(each) < 19]
        roles = list(self.get_queryset(request).filter(pk__in=ids[:REVIEWED_AT_ONCE]))
        seen = [{"role_id": role.pk, "seen_at": role.updated_at.isoformat()} for role in roles]
        forms_of_roles = ReviewForms(request.POST or None, initial=seen)
        if request.method == "POST" and forms_of_roles.is_valid():
            self._decide(request, [form.cleaned_data for form in forms_of_roles])
            return HttpResponseRedirect(reverse("admin:chat_ownrole_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "审核自建角色",
            "opts": self.opts,
            "formset": forms_of_roles,
            "reviewed": list(zip(roles, forms_of_roles.forms, strict=False)),
        }
        return TemplateResponse(request, "admin/chat/ownrole/review.html", context)

    def _decide(self, request: HttpRequest, decisions: Sequence[dict[str, Any]]) -> None:
        decided = 0
        for said in decisions:
            if not said.get("decision"):
                continue
            decide = pass_role if said["decision"] == "pass" else refuse_role
            try:
                role = decide(role_id=said["role_id"], seen_at=said["seen_at"], note=said["note"])
            except ApplicationError as error:
                self.message_user(request, f"角色 {said['role_id']}：{error.message}", messages.WARNING)
                continue
            decided += 1
            self.log_change(
                request,
                OwnRole.objects.get(pk=role.pk),
                f"审核：{role.get_review_display()}。{role.review_note}",
            )
        if decided:
            self.message_user(request, f"已审核 {decided} 个角色。", messages.SUCCESS)

    @admin.display(description="审核")
    def review_link(self, role: OwnRole) -> SafeString:
        return format_html('<a href="{}?ids={}">审核</a>', reverse("admin:chat_ownrole_review"), role.pk)
