"""Decides the addresses of the library's pages, from the root of the site."""

from django.urls import path

from knowledge.views import pages, search_page

urlpatterns = [
    path("works", pages.works_page, name="works"),
    path("works/<int:work_id>", pages.work_page, name="work"),
    path("works/<int:work_id>/read", pages.work_reading_page, name="work-reading"),
    path("sections/<int:section_id>", pages.section_page, name="section"),
    path("passages/<int:passage_id>", pages.passage_page, name="passage"),
    path("search", search_page.search_page, name="search"),
    path("daily", pages.daily_page, name="daily"),
    path("daily/<str:day>", pages.daily_page, name="daily-of"),
    path("bookmarks", pages.bookmarks_page, name="bookmarks"),
]
