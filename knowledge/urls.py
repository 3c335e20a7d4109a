"""Decides the addresses of the corpus, relative to ``/api/v1/``."""

from django.urls import path

from knowledge import views

urlpatterns = [
    path("works", views.WorksView.as_view(), name="works"),
    path("works/<int:work_id>/sections", views.SectionsView.as_view(), name="work-sections"),
    path("passages/<int:passage_id>", views.PassageView.as_view(), name="passage-detail"),
    path("search", views.SearchView.as_view(), name="search"),
]
