"""Decides the addresses of accounts, relative to ``/api/v1/``."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("auth/email-codes", views.EmailCodesView.as_view()),
    path("auth/register", views.RegisterView.as_view()),
    path("auth/email-login", views.EmailLoginView.as_view()),
    path("auth/refresh", views.RefreshView.as_view()),
    path("auth/logout", views.LogoutView.as_view()),
    path("auth/verify", views.VerifyView.as_view()),
    path("auth/ws-ticket", views.WebSocketTicketView.as_view()),
    path("me", views.MeView.as_view()),
]
