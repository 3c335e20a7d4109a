"""Decides the addresses of billing, relative to ``/api/v1/``."""

from django.urls import path

from billing import views

urlpatterns = [
    path("wallet", views.WalletView.as_view()),
    path("wallet/entries", views.WalletEntriesView.as_view()),
    path("prices", views.PricesView.as_view()),
]
