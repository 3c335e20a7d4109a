"""Decides the addresses of the corpus, relative to ``/api/v1/``."""

from django.urls import path

from knowledge import views

urlpatterns = [
    path("works", views.WorksView.as_view()),
    path("works/<int:work_id>/sections", views.SectionsView.as_view()),
    path("passages/<int:passage_id>", views.PassageView.as_view()),
    path("search", views.SearchView.as_view()),
]
