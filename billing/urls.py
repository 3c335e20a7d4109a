"""Decides the addresses of billing, relative to ``/api/v1/``."""

from django.urls import path

from billing import views

urlpatterns = [
    path("wallet", views.WalletView.as_view(), name="wallet"),
    path("wallet/entries", views.WalletEntriesView.as_view(), name="wallet-entries"),
    path("prices", views.PricesView.as_view(), name="prices"),
]
