"""Decides how operators see exports: what was asked for, how far it has come, why it failed; and have it tried again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from chat.models import Export
from chat.services.exports import retry_export
from chat.tasks import enqueue_export
from guoxue.admin import ReadOnlyAdmin
from guoxue.errors import ApplicationError


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin[Export]):
    list_display = (
        *("created_at", "owner", "format", "status", "progress", "size", "attempts", "error_code"),
        *("finished_at", "expires_at"),
    )
    list_filter = ("status", "format", "error_code")
    search_fields = ("=id", "owner__email", "owner__nickname")
    date_hierarchy = "created_at"
    list_select_related = ("owner",)
    fieldsets = (
        (None, {"fields": ("id", "owner", "format", "status", "progress", "size")}),
        ("过程", {"fields": ("attempts", "beat_at", "error_code", "error_message")}),
        ("时间", {"fields": ("created_at", "finished_at", "expires_at")}),
    )
    readonly_fields = ("progress", "size")
    actions = ("retry",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        return super().get_queryset(request).defer("session_ids")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Let those have it tried again who may change exports; the rows themselves nobody edits."""
        return request.user.has_perm("chat.change_export")

    @admin.action(description="重试", permissions=["retry"])
    def retry(self, request: HttpRequest, exports: QuerySet[Export]) -> None:
        """Have those written anew that failed or expired."""
        renewed = 0
        for export_id in exports.order_by("created_at").values_list("id", flat=True):
            try:
                retry_export(export_id=export_id)
            except ApplicationError:
                self.message_user(request, f"导出 {export_id} 没有失败或过期，不必重试。", messages.WARNING)
                continue
            enqueue_export(export_id)
            renewed += 1
        if renewed:
            self.message_user(request, f"已重新开始 {renewed} 份导出。", messages.SUCCESS)

    @admin.display(description="会话")
    def progress(self, export: Export) -> str:
        return f"{export.processed} / {export.total}"

    @admin.display(description="大小", ordering="size_bytes")
    def size(self, export: Export) -> str:
        return filesizeformat(export.size_bytes) if export.size_bytes else "—"
