"""The first reader finds the model and the index loaded; a database that is not there yet stops no process."""

import threading
from pathlib import Path

import pytest
from django.db import OperationalError

from knowledge.index import segments
from knowledge.retrieval import warming
from knowledge.retrieval.search import search_passages
from knowledge.retrieval.warming import warm_up, warm_up_in_background
from knowledge.tests.corpus import LUNYU, FakeEmbedder, load, use_embedder

pytestmark = pytest.mark.django_db(transaction=True)


def test_first_search_finds_everything_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)
    monkeypatch.setattr(segments, "_latest", segments._join([]))

    warm_up()

    assert segments._latest.size == 6
    monkeypatch.setattr(segments, "_join", lambda _: pytest.fail("read again"))
    assert search_passages("学而时习之")


def test_database_that_is_away_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("no server")

    monkeypatch.setattr(warming, "run_search", fail)

    warm_up()

    assert "no server" in caplog.text


def test_process_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, released = threading.Event(), threading.Event()
    monkeypatch.setattr(warming, "run_search", lambda *_, **__: (begun.set(), released.wait(5)))

    warm_up_in_background()

    assert begun.wait(5)
    released.set()
