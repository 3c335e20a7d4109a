"""A run that is killed at any point is resumed, and all is then what an undisturbed run would have made."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from knowledge.models import Embedding, IndexSegment, IngestedSource, Passage, Section, Work
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, FakeEmbedder, assert_index_is_true, write
from knowledge.vectors.storing import stored_input

pytestmark = pytest.mark.django_db(transaction=True)

KILLED = -signal.SIGKILL
# Runs the command like manage.py, and is killed before its n-th statement.
DOOMED_RUN = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection

left = int(sys.argv[1])

def count(execute, sql, params, many, context):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

if __name__ == "__main__":
    with connection.execute_wrapper(count):
        call_command(*sys.argv[2:])
"""
# Vectors are made at once, and stored a few at a time.
FAKE_MODEL = """
import django
django.setup()
from knowledge import embeddings
from knowledge.tests.corpus import FakeEmbedder
from knowledge.vectors import filling

embeddings.get_embedder = FakeEmbedder
embeddings.current_model = lambda: FakeEmbedder.name
filling.EMBEDDING_BATCH = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of one work, of several, of long texts, and with a record that is refused."""
    place = tmp_path / "典籍"
    place.mkdir()
    for number, content in enumerate((LUNYU, DAODEJING, POEMS)):
        write(place, f"{number}.md", content)
    several = [
        {"work": f"书{n % 4}", "section": f"第{n}章", "text": f"天地玄黄{chr(0x4E00 + n)}。"}
        for n in range(40)
    ]
    write(place, "several.jsonl", "\n".join(map(json.dumps, [*several, {"text": "abc"}])))
    return place


def run_until_killed(script: Path, statements: int, *arguments: str) -> int:
    url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    # Into a file: the parsing processes that a killed run leaves would hold a pipe open until they notice.
    log = script.with_suffix(".log")
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, script, str(statements), *arguments],
            env={**os.environ, "DATABASE_URL": urlunsplit(url), "PYTHONPATH": str(settings.BASE_DIR)},
            stdout=output,
            stderr=output,
            timeout=120,
        )
    assert done.returncode in (0, KILLED), log.read_text()
    return done.returncode


def corpus() -> list[object]:
    """All that readers can see, without numbers that depend on the course of events."""
    works = Work.objects.order_by("title", "edition")
    sections = Section.objects.order_by("work__title", "ordinal")
    passages = Passage.objects.order_by("work__title", "ordinal")
    return [
        list(
            works.values_list(
                "title", "edition", "origin", "content_hash", "passage_count", "character_count"
            )
        ),
        list(sections.values_list("work__title", "ordinal", "path", "parent__path", "author")),
        list(
            passages.values_list(
                "work__title", "ordinal", "section__path", "kind", "text", "folded", "continues"
            )
        ),
        sorted(IngestedSource.objects.values_list("name", "fingerprint", "refused_count")),
    ]


def test_killed_runs_come_to_the_same_end_as_an_undisturbed_one(folder: Path, tmp_path: Path) -> None:
    command = ["ingest_corpus", str(folder), "--no-embed", "--verbosity=0"]
    call_command(*command)
    undisturbed = corpus()
    for model in (Work, IndexSegment, IngestedSource):
        model.objects.all().delete()
    script = write(tmp_path, "doomed.py", DOOMED_RUN)
    chance = random.Random(3)

    workers, points = 2, []
    while True:
        points.append(chance.randrange(10, 40))
        if run_until_killed(script, points[-1], *command, "--resume", f"--workers={workers}") != KILLED:
            break
        workers = 1

    assert len(points) > 3
    assert corpus() == undisturbed
    assert_index_is_true()


def test_killed_embedding_gives_every_passage_one_vector_in_the_end(folder: Path, tmp_path: Path) -> None:
    call_command("ingest_corpus", str(folder), "--no-embed", "--verbosity=0")
    script = write(tmp_path, "doomed.py", FAKE_MODEL + DOOMED_RUN)
    chance = random.Random(5)

    left = []
    while run_until_killed(script, chance.randrange(15, 40), "embed_corpus") == KILLED:
        left.append(Embedding.objects.count())

    passages = {passage.pk: passage for passage in Passage.objects.located().order_by("pk")}
    assert left == sorted(left)
    assert len({count for count in left if 0 < count < len(passages)}) > 1
    made = FakeEmbedder().embed_passages(list(map(stored_input, passages.values())))
    stored = list(Embedding.objects.order_by("passage_id").values_list("passage_id", "vector"))
    assert [key for key, _vector in stored] == list(passages)
    assert np.array([vector for _key, vector in stored]) == pytest.approx(made, abs=1e-3)
