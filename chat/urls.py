"""Places the conversation's REST views under ``/api/v1/``."""

from django.urls import path

from chat import views

urlpatterns = [
    path("roles", views.RoleListView.as_view()),
    path("sessions", views.SessionListView.as_view()),
    path("sessions/<uuid:session_id>", views.SessionView.as_view()),
    path("sessions/<uuid:session_id>/messages", views.SessionMessagesView.as_view()),
    path("messages/<uuid:message_id>", views.MessageView.as_view()),
    path("messages/<uuid:message_id>/stop", views.MessageStopView.as_view()),
]
