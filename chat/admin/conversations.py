"""Decides how operators see conversations: sessions and messages to read."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.money import format_yuan
from chat.admin.roles import RoleFilter
from chat.models import Message, ReplyChunk, Session
from guoxue.admin import ReadOnlyAdmin


def _one_line(text: str, width: int) -> SafeString:
    line = " ".join(text.split())
    return format_html('<span class="nowrap">{}</span>', line if len(line) <= width else f"{line[:width]}…")


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    list_display = (
        "__str__",
        "owner",
        "role",
        "message_count",
        "created_at",
        "last_message_at",
        "messages_link",
    )
    list_filter = (RoleFilter,)
    search_fields = ("title", "owner__email", "owner__nickname", "=id")
    date_hierarchy = "last_message_at"
    list_select_related = ("owner", "role")
    fieldsets = ((None, {"fields": ("id", "title", "owner", "role", "created_at", "last_message_at")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return Session.objects.annotate(message_total=Count("messages")).order_by("-last_message_at")

    @admin.display(description="消息数", ordering="message_total")
    def message_count(self, session: Any) -> int:
        return int(session.message_total)

    @admin.display(description="消息")
    def messages_link(self, session: Session) -> SafeString:
        url = reverse("admin:chat_message_changelist")
        return format_html('<a href="{}?session__id__exact={}">查看消息</a>', url, session.pk)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin[Message]):
    list_display = ("excerpt", "author", "status", "session_title", "role", "model", "cost", "created_at")
    list_filter = ("author", "status", RoleFilter, "model")
    search_fields = ("=id", "=session__id", "session__owner__email", "text")
    date_hierarchy = "created_at"
    list_select_related = ("session", "role")
    readonly_fields = ("cost", "source_list", "quote_list")
    fieldsets = (
        (None, {"fields": ("id", "session", "author", "status", "role", "notice", "reply_to", "text")}),
        ("出处与引文核对", {"fields": ("source_list", "quote_list")}),
        (
            "用量",
            {
                "fields": (
                    *("model", "cost", "input_tokens", "cached_input_tokens", "output_tokens"),
                    *("usage_estimated", "prompt_tokens"),
                )
            },
        ),
        (
            "过程",
            {"fields": ("error_code", "error_message", "client_message_id", "created_at", "finished_at")},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        messages = Message.objects.annotate(opening=Left("text", 30)).order_by("-created_at")
        is_list = (
            request.resolver_match is not None
            and request.resolver_match.url_name == "chat_message_changelist"
        )
        return messages.defer("text", "html", "sources", "quotes") if is_list else messages

    @admin.display(description="内容")
    def excerpt(self, message: Any) -> SafeString:
        return _one_line(message.opening or "（空）", 20)

    @admin.display(description="会话", ordering="session__title")
    def session_title(self, message: Message) -> SafeString:
        return _one_line(str(message.session), 10)

    @admin.display(description="费用", ordering="cost_micros")
    def cost(self, message: Message) -> str:
        return format_yuan(message.cost_micros)

    @admin.display(description="出处")
    def source_list(self, message: Message) -> str:
        return (
            "\n".join(f"[{source['n']}] {source['citation']} {source['text']}" for source in message.sources)
            or "—"
        )

    @admin.display(description="引文核对")
    def quote_list(self, message: Message) -> str:
        lines = (
            f"{quote['verdict']}「{quote['quote']}」{quote['citation'] or ''}" for quote in message.quotes
        )
        return "\n".join(lines) or "—"


@admin.register(ReplyChunk)
class ReplyChunkAdmin(ReadOnlyAdmin[ReplyChunk]):
    list_display = ("message_id", "seq", "text")
    search_fields = ("=message__id",)
