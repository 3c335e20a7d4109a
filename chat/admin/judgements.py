"""Decides how operators see what readers say of replies: feedback to count, reports to decide on."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from chat.admin.roles import JudgedRoleFilter
from chat.models import Feedback, Report
from chat.services.judgements import dismiss_report, uphold_report
from guoxue.admin import ReadOnlyAdmin
from guoxue.errors import ApplicationError

_EXCERPT_CHARACTERS = 30


def _message_link(row: Any) -> SafeString:
    """Lead to the message; ``opening`` is what the query has cut off its text."""
    address = reverse("admin:chat_message_change", args=[row.message_id])
    return format_html('<a href="{}">{}</a>', address, " ".join(row.opening.split()) or "（空）")


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin[Report]):
    list_display = (
        *("reason", "status", "message_link", "comment", "reporter", "created_at"),
        *("handled_by", "handled_at"),
    )
    list_filter = ("status", "reason")
    search_fields = ("=message__id", "comment", "reporter__email", "reporter__nickname")
    date_hierarchy = "created_at"
    list_select_related = ("reporter", "handled_by")
    fieldsets = (
        (None, {"fields": ("message_link", "reason", "comment", "reporter", "created_at")}),
        ("处理", {"fields": ("status", "handled_by", "handled_at")}),
    )
    readonly_fields = ("message_link",)
    actions = ("uphold", "dismiss")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        """Open ones first, and the oldest of them first: it has waited longest."""
        reports = super().get_queryset(request).annotate(opening=Left("message__text", _EXCERPT_CHARACTERS))
        return reports.order_by(F("handled_at").desc(nulls_first=True), "created_at")

    def has_handle_permission(self, request: HttpRequest) -> bool:
        """Let those decide who may change reports; the rows themselves nobody edits."""
        return request.user.has_perm("chat.change_report")

    @admin.action(description="判为属实", permissions=["handle"])
    def uphold(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        self._handle(request, reports, uphold_report)

    @admin.action(description="判为不属实", permissions=["handle"])
    def dismiss(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        self._handle(request, reports, dismiss_report)

    def _handle(self, request: HttpRequest, reports: QuerySet[Report], decide: Callable[..., None]) -> None:
        assert isinstance(request.user, User)
        handled = 0
        for report_id in reports.order_by("id").values_list("id", flat=True):
            try:
                decide(report_id=report_id, operator=request.user)
                handled += 1
            except ApplicationError as error:
                self.message_user(request, f"举报 {report_id}：{error.message}", messages.WARNING)
        if handled:
            self.message_user(request, f"已处理 {handled} 条举报。", messages.SUCCESS)

    @admin.display(description="消息")
    def message_link(self, report: Report) -> SafeString:
        return _message_link(report)


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin[Feedback]):
    list_display = ("value", "reason_names", "message_link", "comment", "role", "model_used", "updated_at")
    list_filter = ("value", JudgedRoleFilter, "message__model", "updated_at")
    search_fields = ("=message__id", "comment")
    date_hierarchy = "updated_at"
    fieldsets = ((None, {"fields": ("message_link", "value", "reason_names", "comment", "updated_at")}),)
    readonly_fields = ("message_link", "reason_names")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                opening=Left("message__text", _EXCERPT_CHARACTERS),
                role_name=F("message__role__name"),
                model_name=F("message__model"),
            )
            .order_by("-updated_at")
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show beside the list how the listed judgements are spread over the roles."""
        response: Any = super().changelist_view(request, extra_context)
        changelist = getattr(response, "context_data", {}).get("cl")
        if changelist is not None:
            response.context_data["by_role"] = _count_by_role(changelist.queryset)
        return response  # type: ignore[no-any-return]

    @admin.display(description="原因")
    def reason_names(self, feedback: Feedback) -> str:
        return "、".join(Feedback.Reason(reason).label for reason in feedback.reasons) or "—"

    @admin.display(description="回复")
    def message_link(self, feedback: Feedback) -> SafeString:
        return _message_link(feedback)

    @admin.display(description="角色", ordering="role_name")
    def role(self, feedback: Any) -> str:
        return str(feedback.role_name or "—")

    @admin.display(description="模型", ordering="model_name")
    def model_used(self, feedback: Any) -> str:
        return str(feedback.model_name)


def _count_by_role(judged: QuerySet[Feedback]) -> list[dict[str, Any]]:
    """Return for each role how many of the judgements are up and down, the most judged first."""
    up, down = Count("id", filter=Q(value="up")), Count("id", filter=Q(value="down"))
    by_role = judged.order_by().values("message__role__name").annotate(up=up, down=down, total=Count("id"))
    return [dict(row) for row in by_role.order_by("-total", "message__role__name")]
