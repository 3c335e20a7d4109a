"""Decides the addresses of accounts, relative to ``/api/v1/``."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("auth/email-codes", views.EmailCodesView.as_view(), name="email-codes"),
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/email-login", views.EmailLoginView.as_view(), name="email-login"),
    path("auth/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("auth/verify", views.VerifyView.as_view(), name="verify"),
    path("auth/ws-ticket", views.WebSocketTicketView.as_view(), name="ws-ticket"),
    path("me", views.MeView.as_view(), name="me"),
]
