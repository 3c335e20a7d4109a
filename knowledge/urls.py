"""Decides the addresses of the corpus, relative to ``/api/v1/``."""

from django.urls import path

from knowledge.views import bookmarks, passages, search, works

urlpatterns = [
    path("works", works.WorksView.as_view()),
    path("works/<int:work_id>", works.WorkView.as_view()),
    path("works/<int:work_id>/sections", works.SectionsView.as_view()),
    path("works/<int:work_id>/passages", works.WorkPassagesView.as_view()),
    path("sections/<int:section_id>", works.SectionView.as_view()),
    path("sections/<int:section_id>/passages", works.SectionPassagesView.as_view()),
    path("passages/<int:passage_id>", passages.PassageView.as_view()),
    path("passages/<int:passage_id>/pinyin", passages.PinyinView.as_view()),
    path("passages/<int:passage_id>/citation", passages.CitationView.as_view()),
    path("search", search.SearchView.as_view()),
    path("quotes/verify", search.QuotesVerifyView.as_view()),
    path("daily", passages.DailyView.as_view()),
    path("bookmarks", bookmarks.BookmarksView.as_view()),
    path("bookmarks/export", bookmarks.BookmarksExportView.as_view()),
    path("bookmarks/<int:bookmark_id>", bookmarks.BookmarkView.as_view()),
]
