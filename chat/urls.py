"""Places the conversation's REST views under ``/api/v1/``."""

from django.urls import path

from chat.views import asking, exports, memory, messages, popular, roles, sessions

urlpatterns = [
    path("roles", roles.RoleListView.as_view()),
    path("roles/<int:role_id>", roles.RoleView.as_view()),
    path("search/popular", popular.PopularSearchesView.as_view()),
    path("sessions", sessions.SessionListView.as_view()),
    path("sessions/<uuid:session_id>", sessions.SessionView.as_view()),
    path("sessions/<uuid:session_id>/branch", sessions.SessionBranchView.as_view()),
    path("sessions/<uuid:session_id>/summary", memory.SessionSummaryView.as_view()),
    path("sessions/<uuid:session_id>/messages", asking.session_messages),
    path("exports", exports.ExportListView.as_view()),
    path("exports/<uuid:export_id>", exports.ExportView.as_view()),
    path("exports/<uuid:export_id>/file", exports.ExportFileView.as_view(), name="export-file"),
    path("messages", messages.MessageSearchView.as_view()),
    path("messages/<uuid:message_id>", messages.MessageView.as_view()),
    path("messages/<uuid:message_id>/stop", messages.MessageStopView.as_view()),
    path("messages/<uuid:message_id>/regenerate", asking.message_regenerate),
    path("messages/<uuid:message_id>/continue", asking.message_continue),
    path("messages/<uuid:message_id>/feedback", messages.MessageFeedbackView.as_view()),
    path("messages/<uuid:message_id>/report", messages.MessageReportView.as_view()),
]
